/** What a connection holds for its peer: never more than a few times what came, and little when nothing comes any more. */
import { assert, assertEquals, assertLessOrEqual, assertStrictEquals } from "@std/assert";
import { HEADROOM } from "../../lib/pipeline/bytes/headroom.ts";
import { isPinned } from "../../lib/pipeline/bytes/lent_memory.ts";
import { Opcode, type Role } from "../../lib/pipeline/frames/frame.ts";
import type { Connection } from "../../lib/connection/connection.ts";
import { runHandler } from "../../lib/connection/readers/callbacks.ts";
import { drainPool } from "../_support/buffer_pool.ts";
import { assertBytes, concat, counting } from "../_support/bytes.ts";
import { Drip, frame, header } from "./_drip.ts";
import { connectionOver, type OpenOptions } from "./_support.ts";

const KIB = 1024;
const MIB = KIB * KIB;

/** The sizes of all buffers that are allocated until it is disposed of. */
function watchAllocations(): { readonly sizes: number[] } & Disposable {
  const sizes: number[] = [];
  const { Uint8Array: RealArray, ArrayBuffer: RealBuffer } = globalThis;
  const watched = <Constructor extends new (size: number) => object>(real: Constructor): Constructor =>
    new Proxy(real, {
      construct(target, args) {
        if (typeof args[0] === "number") sizes.push(args[0]);
        return Reflect.construct(target, args);
      },
    });
  globalThis.Uint8Array = watched(RealArray);
  globalThis.ArrayBuffer = watched(RealBuffer);
  return {
    sizes,
    [Symbol.dispose]() {
      globalThis.Uint8Array = RealArray;
      globalThis.ArrayBuffer = RealBuffer;
    },
  };
}

/** Reads with callbacks that do nothing. */
function listen(connection: Connection, message = (_: unknown): void => {}): Promise<void> {
  return runHandler(connection, { message: (_, data) => message(data) }, (error) => {
    throw error;
  });
}

for (const role of ["server", "client"] satisfies Role[]) {
  for (const lendPayloads of [false, true]) {
    const title = `a ${role} that ${lendPayloads ? "lends" : "gives"} its payloads`;
    const options: OpenOptions = { role, lendPayloads };

    Deno.test(`F6: ${title}, of which 16 MiB are announced and arrive slowly, holds a few times the bytes that arrived`, async () => {
      drainPool();
      for (const opcode of [Opcode.TEXT, Opcode.BINARY]) {
        for (const piece of [1, 1000, 5000, 64 * KIB]) {
          const drip = new Drip();
          const connection = connectionOver(drip, options);
          const done = listen(connection);
          using watch = watchAllocations();
          await drip.bring(header(role, opcode, 16 * MIB));
          const part = new Uint8Array(piece).fill(0x61);
          let allocated = 0;
          for (let arrived = piece; arrived <= 5 * piece; arrived += piece) {
            watch.sizes.length = 0;
            await drip.bring(part);
            allocated += watch.sizes.reduce((sum, size) => sum + size, 0);
            assertLessOrEqual(
              Math.max(...watch.sizes, 0),
              Math.max(4 * KIB, 4 * arrived + HEADROOM),
              `${arrived} came`,
            );
          }
          // A buffer for reads, four times as large with each that fills it, and one for what is held.
          assertLessOrEqual(allocated, 16 * 5 * piece + 8 * KIB);
          connection.abort();
          await done;
        }
      }
    });

    Deno.test(`F8: ${title}, of fragments that announce 1 MiB each and bring 5000 bytes, holds a few times those bytes`, async () => {
      drainPool();
      const drip = new Drip();
      const connection = connectionOver(drip, options);
      const done = listen(connection);
      await drip.bring(frame(role, counting(100), { fin: false }));
      await drip.bring(header(role, Opcode.CONTINUATION, MIB, false));
      using watch = watchAllocations();
      await drip.bring(counting(5000));
      assertLessOrEqual(Math.max(...watch.sizes), 4 * 5100);
      connection.abort();
      await done;
    });

    Deno.test(`${title}: the buffer of a connection that idles after large messages shrinks again after a few pings`, async () => {
      const drip = new Drip();
      const connection = connectionOver(drip, options);
      const seen: number[] = [];
      const done = listen(connection, (message) => void seen.push((message as Uint8Array).length));
      const payload = counting(300_000);
      for (let i = 0; i < 5; i++) {
        await drip.bring(frame(role, payload));
        // Many small ones in a read fill the buffer of reads, where a large one goes past it.
        const small = frame(role, counting(100));
        await drip.bring(concat(Array(4000).fill(small)));
      }
      assertEquals(seen.length, 5 * 4001);
      assertStrictEquals(Math.max(...drip.offers), 320 * KIB);
      const ping = header(role, Opcode.PING, 0);
      for (let i = 0; i < 20 && drip.offers.at(-1)! > KIB; i++) await drip.bring(ping);
      assertLessOrEqual(drip.offers.at(-1)!, KIB);
      connection.abort();
      await done;
    });
  }

  Deno.test(`small messages that a ${role}'s application keeps pin a buffer of at most 320 KiB, and large ones only themselves`, async () => {
    const drip = new Drip();
    const connection = connectionOver(drip, { role });
    const kept: Uint8Array[] = [];
    const done = listen(connection, (message) => void kept.push(message as Uint8Array));
    const sizes = [10, 1000, 10_000, 16_383, 16_384, 70_000, 300_000, 10];
    for (let round = 0; round < 3; round++) {
      for (const size of sizes) {
        await drip.bring(frame(role, counting(size, round)));
      }
    }
    kept.forEach((bytes, i) => {
      assertBytes(bytes, counting(sizes[i % sizes.length]!, Math.floor(i / sizes.length)));
      const most = bytes.length < 16 * KIB ? 320 * KIB : bytes.length + HEADROOM;
      assertLessOrEqual(bytes.buffer.byteLength, most, `a message of ${bytes.length} bytes`);
    });
    connection.abort();
    await done;
  });
}

Deno.test("lent memory is held until the slowest connection that it was sent to has written it, or has ended", async () => {
  const [from, slow, gone] = [new Drip(), new Drip(), new Drip()];
  slow.stuckFrom = gone.stuckFrom = 1;
  const source = connectionOver(from, { lendPayloads: true });
  const sinks = [slow, gone].map((drip) => connectionOver(drip));
  const memories: ArrayBuffer[] = [];
  const done = listen(source, (message) => {
    memories.push((message as Uint8Array<ArrayBuffer>).buffer);
    for (const sink of sinks) if (!sink.aborted) void sink.send(message as Uint8Array<ArrayBuffer>);
  });
  const payload = counting(100_000);
  await from.bring(frame("server", payload));
  const [memory] = memories;
  assert(isPinned(memory!));
  sinks.forEach((sink) => sink.abort());
  await from.bring(frame("server", payload));
  assert(memories[1] !== memory, "memory that a write may be under way from was used again");
  source.abort();
  await done;
});

Deno.test("a pending read when messages() takes over does not overwrite another message", async () => {
  drainPool();
  const [one, two] = [new Drip(), new Drip()];
  const [streamed, whole] = [connectionOver(one), connectionOver(two)];
  const start = header("server", Opcode.BINARY, MIB);
  await one.bring(concat([start, new Uint8Array(70_000).fill(0xaa)]));
  // The next read is under way to where the rest of the message is gathered.
  const messages = streamed.messages();
  const { value: message } = await messages.next();
  const parts: Uint8Array[] = [];
  const reading = message.readable.pipeTo(new WritableStream({ write: (part) => void parts.push(part) }));
  const seen: unknown[] = [];
  const done = listen(whole, (data) => void seen.push(data));
  await two.bring(concat([start, new Uint8Array(200_000).fill(0xbb)]));
  await one.bring(new Uint8Array(30_000).fill(0xaa));
  await two.bring(new Uint8Array(MIB - 200_000).fill(0xbb));
  await one.bring(new Uint8Array(MIB - 100_000).fill(0xaa));
  await reading;
  assertEquals(seen, [new Uint8Array(MIB).fill(0xbb)]);
  assertBytes(concat(parts), new Uint8Array(MIB).fill(0xaa));
  streamed.abort();
  whole.abort();
  await done;
});
