// deno-lint-ignore-file no-console -- an example prints
// A complete custom extension: every message carries a CRC-32, and a damaged message fails the connection. TCP and TLS make that
// unlikely; the example shows the structure. With `talk`, a client prints what was negotiated, and exits.
//
//   deno run --allow-net examples/extension.ts [port] [talk]

import { connect, ProtocolError, serve } from "@sluice/websocket";
import { type Frame, Rsv } from "@sluice/websocket/frames";
import type { Extension, ExtensionProcessor } from "@sluice/websocket/extensions";
import { crc32 } from "node:zlib";

/** Marks a message whose last four bytes are the CRC-32 of the others. The bit is ours while the extension is in force. */
const CHECKED = Rsv.RSV2;

/** `x-crc32`. It has no parameters: what the client offers the server accepts. */
function checksums(): Extension {
  const processor = (): ExtensionProcessor => ({
    name: "x-crc32",
    params: [],
    reservedBits: { first: CHECKED },
    splittable: true,
    open() {
      // A message may come in fragments: the sum goes on from one to the next, and only the last carries it.
      let expected = 0;
      let held: Uint8Array<ArrayBuffer> = new Uint8Array(0);
      let sum = 0;
      return {
        decode: {
          push(frames, output) {
            for (const frame of frames) {
              if (isControlFrame(frame)) {
                output.push(frame);
                continue;
              }
              if (frame.opcode !== 0) {
                expected = 0;
                held = new Uint8Array(0);
              }
              // The last four bytes may be the sum: they are held back until it is known.
              const bytes = concat(held, frame.payload);
              const end = Math.max(bytes.length - 4, 0);
              const payload = bytes.slice(0, end);
              held = bytes.slice(end);
              expected = crc32(payload, expected);
              if (frame.fin && (held.length < 4 || new DataView(held.buffer).getUint32(0) !== expected)) {
                throw new ProtocolError("Message does not match its CRC-32", "x-crc32", 1007);
              }
              output.push({ ...frame, rsv: frame.rsv & ~CHECKED, payload });
            }
          },
        },
        encode: {
          push(frames, output) {
            for (const frame of frames) {
              sum = crc32(frame.payload, frame.opcode === 0 ? sum : 0);
              const payload = frame.fin ? concat(frame.payload, uint32(sum)) : frame.payload;
              const rsv = frame.opcode === 0 ? frame.rsv : frame.rsv | CHECKED;
              output.push({ ...frame, rsv, payload });
            }
          },
        },
      };
    },
  });
  return { name: "x-crc32", offer: () => [[]], accept: processor, confirm: processor };
}

function isControlFrame({ opcode }: Frame): boolean {
  return opcode >= 8;
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

const server = serve({
  port: Number(Deno.args[0] ?? 8080),
  hostname: "127.0.0.1",
  // Compression goes on top: RSV1 is its bit, RSV2 is ours.
  perMessageDeflate: true,
  extensions: [checksums()],
  onListen(addr) {
    if ("port" in addr) console.log(`Echoing on ws://127.0.0.1:${addr.port}`);
  },
}, {
  message: (socket, data) => socket.send(data),
});

if (Deno.args[1] === "talk" && "port" in server.addr) {
  const socket = await connect(`ws://127.0.0.1:${server.addr.port}`, {
    perMessageDeflate: true,
    extensions: [checksums()],
  });
  console.log(`Agreed on ${socket.extensions}`);
  await socket.send("checked and compressed ".repeat(100));
  const { value } = await socket[Symbol.asyncIterator]().next();
  console.log(`Got ${value?.length} characters back`);
  await socket.close();
  await server.shutdown();
}
