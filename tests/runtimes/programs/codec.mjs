// deno-lint-ignore-file no-console -- the test reads it
// What needs no sockets: frames, messages, both handshakes and compression, between two ends in memory.
import assert from "node:assert/strict";
import { accept, connect, DEFAULT_LIMITS } from "@sluice/websocket";
import { CloseCode } from "@sluice/websocket/frames";
import { FrameDecoderStream, FrameEncoderStream, FrameParser, FrameSerializer } from "@sluice/websocket/frames";
import { MessageDecoderStream, MessageEncoderStream } from "@sluice/websocket/messages";
import { acceptKey, createUpgradeRequest, readUpgradeRequest, RequestHeadParser } from "@sluice/websocket/handshake";
import { permessageDeflate } from "@sluice/websocket/permessage-deflate";

// RFC 6455 §5.7 and §1.3, by their own examples.
const masked = Uint8Array.of(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58);
const frames = [];
new FrameParser({ role: "server" }).push(masked.slice(), frames);
assert.equal(new TextDecoder().decode(frames[0].payload), "Hello");
const pieces = [];
new FrameSerializer({ role: "client", maskKey: () => 0x37fa213d }).push(frames, pieces);
assert.deepEqual(Buffer.concat(pieces), Buffer.from(masked));
assert.equal(await acceptKey("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");

const request = createUpgradeRequest({ url: new URL("ws://example.com/chat"), protocols: ["chat"] });
const head = new RequestHeadParser(DEFAULT_LIMITS).push(request.bytes);
assert.deepEqual(readUpgradeRequest(head).protocols, ["chat"]);

// The picture: messages, frames, bytes, frames, messages.
const outgoing = new MessageEncoderStream();
const incoming = outgoing.readable
  .pipeThrough(new FrameEncoderStream({ role: "client" }))
  .pipeThrough(new FrameDecoderStream({ role: "server" }))
  .pipeThrough(new MessageDecoderStream());
const writer = outgoing.writable.getWriter();
void writer.write(["größer", Uint8Array.of(1, 2, 3)]);
const { value } = await incoming.getReader().read();
assert.deepEqual(value, ["größer", Uint8Array.of(1, 2, 3)]);

// Both ends of a compressed connection over a pair of byte streams.
const [there, back] = [new TransformStream(), new TransformStream()];
const deflate = permessageDeflate({ threshold: 0, serverContextTakeover: true });
const [server, client] = await Promise.all([
  accept({ readable: there.readable, writable: back.writable }, { extensions: [deflate] }),
  connect("ws://example.com/", {
    conn: { readable: back.readable, writable: there.writable },
    perMessageDeflate: true,
  }),
]);
assert.match(client.extensions, /permessage-deflate/);
const text = "tick ".repeat(1000);
const echoing = (async () => {
  for await (const message of server) await server.send(message);
})();
for (let round = 0; round < 3; round++) {
  await client.send(text);
  const { value } = await client[Symbol.asyncIterator]().next();
  assert.equal(value, text);
}
assert(deflate.stats.compressedIn < deflate.stats.bytesIn / 10);
assert.deepEqual(await client.close(CloseCode.NORMAL, "done"), { closeCode: 1000, reason: "", wasClean: true });
await echoing;
console.log("ok");
