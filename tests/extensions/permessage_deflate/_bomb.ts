/**
 * Has one end of ours inflate a bomb in a process of its own, and prints how much memory that took at most.
 *
 * `deno run -A --v8-flags=--expose-gc _bomb.ts <role> <maxMessageBytes> <maxRatio>`
 *
 * @module
 */
// deno-lint-ignore-file no-console -- that is what it is for
import { concat } from "../../_support/bytes.ts";
import { LimitError } from "../../../lib/errors.ts";
import { createDeflater } from "../../../lib/extensions/permessage_deflate/zlib.ts";
import { frame, Opcode, Rsv } from "../../../lib/pipeline/frames/frame.ts";
import { naiveBytes } from "../../_support/naive_frames.ts";
import { end } from "../_support.ts";
import { NO_TAKEOVER } from "./_support.ts";

const MiB = 1024 * 1024;
const [role, max, ratio] = Deno.args;

/** What inflates to so many MiB. It is made in parts: 64 MiB that were here before would hide those that come. */
function bombOf(mebibytes: number): Uint8Array<ArrayBuffer> {
  const deflater = createDeflater({ windowBits: 15, level: 9, memLevel: 9 });
  const zeros = new Uint8Array(MiB);
  return concat(Array.from({ length: mebibytes }, () => concat(deflater.deflate(zeros))));
}

/** How a connection ends that gets it, already on the wire: the peer makes no garbage of its own but a copy. */
async function explode(wire: Uint8Array<ArrayBuffer>, maxMessageBytes: number): Promise<LimitError> {
  const { socket, peer } = await end(role === "client" ? "client" : "server", `permessage-deflate; ${NO_TAKEOVER}`, {
    perMessageDeflate: { maxRatio: Number(ratio) },
    maxMessageBytes,
    closeTimeout: 100,
  });
  void socket.readable.pipeTo(new WritableStream()).catch(() => {}); // before it is known how it is read, no message is too large
  await Promise.all([peer.send(wire), socket.closed.then(() => peer.close())]).catch(() => {}); // what is left is not read
  const { error } = await socket.closed;
  if (!(error instanceof LimitError)) throw new Error("The bomb did no harm", { cause: error });
  return error;
}

/** A line of /proc/self/status, in bytes. */
function memory(name: "VmRSS" | "VmHWM"): number {
  const status = Deno.readTextFileSync("/proc/self/status");
  return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
}

const bomb = bombOf(64);
const key = role === "client" ? undefined : [0x37, 0xfa, 0x21, 0x3d];
const wire = Uint8Array.from(naiveBytes(frame(Opcode.BINARY, bomb, { rsv: Rsv.RSV1 }), key));
// All code has run before, with little memory, and what it left is gone.
for (let round = 0; round < 10; round++) await explode(wire.slice(), 64 * 1024);
Reflect.get(globalThis, "gc")();
Deno.writeTextFileSync("/proc/self/clear_refs", "5"); // the most is what is used now
const before = memory("VmRSS");
const { closeCode, limit } = await explode(wire, Number(max));
const grown = memory("VmHWM") - before;
console.log(JSON.stringify({ closeCode, limit, bomb: bomb.length, grown, beyond: grown - Number(max) }));
