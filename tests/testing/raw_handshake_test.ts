import { assertEquals } from "@std/assert";
import { fieldOf, KEY, requestText, responseText } from "../../lib/testing/raw_handshake.ts";

const text = (...lines: string[]) => [...lines, "", ""].join("\r\n");

Deno.test("a request is valid by default, with the key of RFC 6455 §1.3", () => {
  assertEquals(
    requestText(),
    text(
      "GET / HTTP/1.1",
      "Host: 127.0.0.1",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Key: ${KEY}`,
      "Sec-WebSocket-Version: 13",
    ),
  );
});

Deno.test("fields can be changed, added and removed, and the first line replaced", () => {
  const changes = {
    Host: "example.com",
    Upgrade: undefined,
    Connection: undefined,
    "Sec-WebSocket-Key": "short",
    Cookie: "a",
  };
  assertEquals(
    requestText(changes, "POST /x HTTP/1.0"),
    text("POST /x HTTP/1.0", "Host: example.com", "Sec-WebSocket-Key: short", "Sec-WebSocket-Version: 13", "Cookie: a"),
  );
});

Deno.test("a response has the accept value of RFC 6455 §1.3", async () => {
  assertEquals(
    await responseText(requestText()),
    text(
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ),
  );
  const wrong = { Upgrade: undefined, Connection: undefined, "Sec-WebSocket-Accept": "no" };
  assertEquals(await responseText("", wrong, "HTTP/1.1 200 OK"), text("HTTP/1.1 200 OK", "Sec-WebSocket-Accept: no"));
});

Deno.test("a field is found by its name in any case, and the first line is not a field", () => {
  const head = text("x-a: 0", "X-A:  1 ", "x-a: 2");
  assertEquals([fieldOf(head, "x-A"), fieldOf(head, "x"), fieldOf("", "x")], ["1", undefined, undefined]);
});
