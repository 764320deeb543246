import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import { RequestHeadParser } from "../../lib/handshake/http_head.ts";
import { readUpgradeRequest } from "../../lib/handshake/server_handshake.ts";
import { HandlerAbortError, ServerRequest } from "../../lib/handlers/handler_request.ts";
import type { ExtensionProcessor } from "../../lib/extensions/extension.ts";
import { acceptExtensions } from "../../lib/extensions/negotiation.ts";
import { deflateFrame } from "../../lib/extensions/deflate_frame.ts";
import { permessageDeflate } from "../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import { utf8 } from "../_support/frames.ts";
import { close, requestText } from "../_support/raw_peer.ts";
import { open } from "../connection/_support.ts";

/** A request that was read, and what the server knows besides. */
function handlerRequest(changes: Record<string, string | undefined> = {}, line?: string) {
  const head = new RequestHeadParser(DEFAULT_LIMITS).push(utf8(requestText(changes, line)));
  assert(head);
  const upgrade = readUpgradeRequest(head);
  const controller = new AbortController();
  const extensions: ExtensionProcessor[] = acceptExtensions(upgrade.extensions, [permessageDeflate(), deflateFrame()]);
  const request = new ServerRequest(upgrade, {
    remoteAddr: { transport: "tcp", hostname: "192.0.2.1", port: 5000 },
    localAddr: undefined,
    extensions,
    signal: controller.signal,
  });
  return { request, controller, extensions };
}

Deno.test("a request has mod_pywebsocket's properties: resource, location, origin, version, and the header fields and address", () => {
  const { request } = handlerRequest({ Origin: "https://example.com", Cookie: "a=1" }, "GET /ch%61t?room=1 HTTP/1.1");
  assertEquals(request.resource, "/ch%61t?room=1");
  assertEquals(request.location, "ws://127.0.0.1/ch%61t?room=1");
  assertEquals(request.origin, "https://example.com");
  assertEquals(request.version, 13);
  assertEquals(request.headers.get("cookie"), "a=1");
  assertEquals(request.remoteAddr, { transport: "tcp", hostname: "192.0.2.1", port: 5000 });
});

Deno.test("missing properties of a request are null or empty", () => {
  const { request } = handlerRequest({}, "GET /chat HTTP/1.1");
  assertEquals(request.resource, "/chat");
  assertEquals([request.origin, request.protocol, request.closeCode, request.closeReason], [null, null, null, null]);
  assertEquals([request.requestedProtocols, request.requestedExtensions, request.extensions], [[], [], []]);
  assertEquals([request.extensionProcessors, [...request.responseHeaders]], [[], []]);
  assertEquals([request.deflate, request.signal.aborted], [false, false]);
});

Deno.test("protocol is one of the requested ones, or null", () => {
  const { request } = handlerRequest({ "Sec-WebSocket-Protocol": "chat, superchat" });
  assertEquals(request.requestedProtocols, ["chat", "superchat"]);
  assertEquals(request.protocol, null);
  request.protocol = "superchat";
  assertEquals(request.protocol, "superchat");
  assertThrows(() => request.protocol = "soap", TypeError, 'Cannot choose subprotocol "soap"');
  assertThrows(() => request.protocol = "", TypeError);
  assertEquals(request.protocol, "superchat");
  request.protocol = null;
  assertEquals(request.protocol, null);
});

Deno.test("extensions follow their processors, which can be removed", () => {
  const { request, extensions } = handlerRequest({
    "Sec-WebSocket-Extensions": "x-unknown, permessage-deflate; server_max_window_bits=10",
  });
  assertEquals(request.requestedExtensions.map(({ name }) => name), ["x-unknown", "permessage-deflate"]);
  assertStrictEquals(request.extensionProcessors, extensions);
  assertEquals(request.extensions.map(({ name }) => name), ["permessage-deflate"]);
  assertEquals(request.extensions[0]!.params.at(-1), { name: "server_max_window_bits", value: "10" });
  assertEquals(request.deflate, true);
  request.extensionProcessors.length = 0;
  assertEquals([request.extensions, request.deflate], [[], false]);
});

Deno.test("deflate also reports deflate-frame", () => {
  assertEquals(handlerRequest({ "Sec-WebSocket-Extensions": "deflate-frame" }).request.deflate, true);
});

Deno.test("refuse throws a HandshakeError with the status, and abort a HandlerAbortError", () => {
  const { request } = handlerRequest();
  const refusal = assertThrows(() => request.refuse(403, "Not you"), HandshakeError, "Not you");
  assertEquals(refusal.status, 403);
  assertThrows(() => request.abort(), HandlerAbortError, "The handler aborted the connection");
  assertThrows(() => request.abort("Enough"), HandlerAbortError, "Enough");
});

Deno.test("during the handshake there is no stream, and its failure aborts the signal", () => {
  const { request, controller } = handlerRequest();
  assertEquals(assertThrows(() => request.stream, DOMException).name, "InvalidStateError");
  controller.abort("too late");
  assertEquals([request.signal.aborted, request.signal.reason], [true, "too late"]);
});

Deno.test("after the handshake there is a stream, and protocol is the agreed one and read-only", async () => {
  const { request } = handlerRequest({ "Sec-WebSocket-Protocol": "chat" });
  request.protocol = "chat";
  const { connection, peer } = open();
  request.open(connection);
  assertEquals(request.protocol, null, "the connection's, which has none");
  assertEquals(assertThrows(() => request.protocol = "chat", DOMException).name, "InvalidStateError");
  await peer.send(close(4000, "bye"));
  await peer.expect(close(4000));
  await peer.closeWrite();
  assertEquals(await request.stream.receiveMessage(), null);
  assertEquals([request.closeCode, request.closeReason], [4000, "bye"]);
  assertEquals(request.signal.aborted, true);
});

Deno.test("A3: the signal reports the end of the connection and its reason, and closeCode is 1006 without a close frame", async () => {
  const { request } = handlerRequest();
  const { connection, far } = open();
  request.open(connection);
  far.reset();
  const error = await assertRejects(() => request.stream.receiveMessage());
  assertInstanceOf(error, ConnectionError);
  await connection.closed;
  assertStrictEquals(request.signal.reason, error);
  assertEquals([request.closeCode, request.closeReason], [1006, ""]);
});

Deno.test("the first close frame counts", () => {
  const { request } = handlerRequest();
  request.received({ closeCode: 1005, reason: "" });
  request.received({ closeCode: 4000, reason: "again" });
  assertEquals([request.closeCode, request.closeReason], [1005, ""]);
});
