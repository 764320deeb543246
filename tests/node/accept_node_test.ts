import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import { assertEquals, assertRejects } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import { acceptNode, type UpgradeEvent } from "../../lib/node/accept_node.ts";
import { utf8 } from "../_support/frames.ts";
import { close, RawPeer, requestText, text } from "../_support/raw_peer.ts";
import { soon } from "../_support/wait.ts";
import { listen } from "./_support.ts";

/** A Node server, and its next upgrade. */
async function upgrading(): Promise<{ event: Promise<UpgradeEvent>; port: number } & AsyncDisposable> {
  const event = Promise.withResolvers<UpgradeEvent>();
  const server = createServer();
  server.on("upgrade", (request, socket, head) => event.resolve({ request, socket, head }));
  return { event: soon(event.promise, "The upgrade"), ...await listen(server) };
}

Deno.test("H10: frames that came with the request's head come first", async () => {
  await using node = await upgrading();
  using peer = await RawPeer.dial(node.port);
  await peer.send(utf8(requestText()), text("early"));
  const event = await node.event;
  assertEquals(event.head.length > 0, true, "the server has read the frame already");
  const socket = await acceptNode(event);
  await peer.readHead();
  const { value } = await socket[Symbol.asyncIterator]().next();
  assertEquals(value, "early");
  const closed = socket.close(4001, "done");
  await peer.expect(close(4001, "done"));
  await peer.send(close(4001));
  await peer.expectEnd();
  peer.close();
  assertEquals((await closed).wasClean, true);
});

Deno.test("the request is judged as it was sent: duplicate fields, their order, their bytes", async () => {
  await using node = await upgrading();
  using peer = await RawPeer.dial(node.port);
  await peer.send(
    utf8(requestText().replace("Upgrade: websocket", "X-Two: 1\r\nX-Latin: \xE9\r\nx-two: 2\r\nUpgrade: websocket")),
  );
  let fields: unknown;
  const socket = await acceptNode(await node.event, {
    upgrade: (request) => void (fields = request.fields.filter(([name]) => name.startsWith("x-"))),
  });
  // The peer wrote the letter in UTF-8; here a code unit is a byte.
  assertEquals(fields, [["x-two", "1"], ["x-latin", "\xC3\xA9"], ["x-two", "2"]]);
  assertEquals([socket.url, socket.role], ["ws://127.0.0.1/chat?x=1", "server"]);
  socket.abort();
});

Deno.test("H8: a refusal is sent, thrown, and ends the socket", async () => {
  await using node = await upgrading();
  using peer = await RawPeer.dial(node.port);
  await peer.send(utf8(requestText({ "Sec-WebSocket-Key": "short" })));
  const refused = assertRejects(async () => await acceptNode(await node.event), HandshakeError, "is not 16 bytes");
  assertEquals((await peer.readText()).split("\r\n")[0], "HTTP/1.1 400 Bad Request");
  peer.close();
  assertEquals((await refused).status, 400);
});

Deno.test("invalid options throw, and the socket stays the caller's", async () => {
  await using node = await upgrading();
  using peer = await RawPeer.dial(node.port);
  await peer.send(utf8(requestText()));
  const event = await node.event;
  await assertRejects(() => acceptNode(event, { maxMessageBytes: 0 }), RangeError);
  event.socket.end(Buffer.from("HTTP/1.1 500 Internal Server Error\r\n\r\n"));
  assertEquals((await peer.readText()).split("\r\n")[0], "HTTP/1.1 500 Internal Server Error");
});
