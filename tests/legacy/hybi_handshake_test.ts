import { assertEquals, assertRejects } from "@std/assert";
import { readHybi } from "../../lib/legacy/hybi_handshake.ts";
import { assertRefuses, readResponse } from "../handshake/_support.ts";
import { hybiHead } from "./_support.ts";

const ORIGIN = "Sec-WebSocket-Origin: http://example.com";
const NO_BODY = new Uint8Array(0);

for (const version of [7, 8] as const) {
  Deno.test(`HyBi version ${version}: the request of draft 07 §1.2 is parsed, its origin from Sec-WebSocket-Origin`, () => {
    const head = hybiHead(String(version), ORIGIN, "Sec-WebSocket-Extensions: deflate-frame");
    const request = readHybi(head, version, { secure: true });
    assertEquals(request.version, version);
    assertEquals(request.origin, "http://example.com");
    assertEquals([request.url, request.location], Array(2).fill("wss://server.example.com/chat"));
    assertEquals(request.protocols, ["chat", "superchat"]);
    assertEquals(request.extensions, [{ name: "deflate-frame", params: [] }]);
    assertEquals(request.fields, head.fields);
    assertEquals(request.headers.get("sec-websocket-version"), String(version));
  });

  Deno.test(`HyBi version ${version}: the response and the frames are RFC 6455's`, async () => {
    const request = readHybi(hybiHead(String(version), ORIGIN), version);
    const answer = await request.answer(NO_BODY, { protocol: "chat", headers: { "set-cookie": "a=1" } });
    const { head } = readResponse(answer);
    assertEquals([head.status, head.statusText], [101, "Switching Protocols"]);
    assertEquals(head.fields, [
      ["upgrade", "websocket"],
      ["connection", "Upgrade"],
      ["sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
      ["sec-websocket-protocol", "chat"],
      ["set-cookie", "a=1"],
    ]);
    assertEquals([request.bodyBytes, request.framing], [0, undefined]);
  });
}

Deno.test("HyBi drafts 11 and 12 say 8 and send Origin, as RFC 6455 does", () => {
  assertEquals(readHybi(hybiHead("8", "Origin: http://example.com"), 8).origin, "http://example.com");
});

Deno.test("a request without an origin has none, and with both names it is refused", () => {
  assertEquals(readHybi(hybiHead("8"), 8).origin, undefined);
  assertRefuses(() => readHybi(hybiHead("8", ORIGIN, "Origin: http://evil.test"), 8), 400, "Origin appears 2 times");
});

Deno.test("the response accepts no subprotocol that was not requested", async () => {
  const request = readHybi(hybiHead("7"), 7);
  await assertRejects(() => request.answer(NO_BODY, { protocol: "other" }), TypeError, "did not request");
});
