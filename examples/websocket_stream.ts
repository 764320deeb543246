// deno-lint-ignore-file no-console -- an example prints
// Both ends as streams: the client sends words, and the server sends them back louder.
//
//   deno run --allow-net examples/websocket_stream.ts [word ...]

import { serve, WebSocketStream } from "@sluice/websocket";

const words = Deno.args.length > 0 ? Deno.args : ["hello", "streams"];

// The server's connection has the `opened` of a WebSocketStream.
await using server = serve({ port: 0, hostname: "127.0.0.1" }, async (socket) => {
  const { readable, writable } = await socket.opened;
  await readable.pipeThrough(louder()).pipeTo(writable);
});

const stream = new WebSocketStream(server.url, { perMessageDeflate: true, signal: AbortSignal.timeout(5_000) });
const { readable, writable } = await stream.opened;
// Closing `writable` would close the connection before the answers arrive.
const sent = ReadableStream.from(words).pipeTo(writable, { preventClose: true });
let left = words.length;
for await (const message of readable.values({ preventCancel: true })) {
  console.log(message);
  if (--left === 0) break;
}
await sent;

stream.close({ closeCode: 4000, reason: "all said" });
const { closeCode } = await stream.closed;
console.log(`Closed with ${closeCode}`);

function louder(): TransformStream<string | Uint8Array<ArrayBuffer>, string | Uint8Array<ArrayBuffer>> {
  return new TransformStream({
    transform(message, controller) {
      controller.enqueue(typeof message === "string" ? message.toUpperCase() : message);
    },
  });
}
