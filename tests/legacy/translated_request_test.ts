import { assertEquals } from "@std/assert";
import { readTranslated } from "../../lib/legacy/translated_request.ts";
import { assertRefuses, requestHead } from "../handshake/_support.ts";

const TRANSLATED = [
  ["host", "example.com"],
  ["upgrade", "websocket"],
  ["connection", "upgrade"],
  ["sec-websocket-version", "13"],
  ["sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="],
] as const;

Deno.test("a translated request is judged by RFC 6455's fields and keeps its own", () => {
  const head = requestHead("GET /demo?a=1 HTTP/1.1", "Host: example.com", "X-Old: yes");
  const request = readTranslated(head, TRANSLATED, { secure: true });
  assertEquals(request.url, "wss://example.com/demo?a=1");
  assertEquals(request.fields, head.fields);
  assertEquals([...request.headers], [["host", "example.com"], ["x-old", "yes"]]);
});

Deno.test("a translated request is refused where RFC 6455's would be", () => {
  const head = requestHead("GET / HTTP/1.1");
  assertRefuses(() => readTranslated(head, TRANSLATED.slice(1), {}), 400, "Host");
  assertRefuses(() => readTranslated({ ...head, method: "POST" }, TRANSLATED, {}), 405);
});
