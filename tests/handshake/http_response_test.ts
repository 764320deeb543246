import { assertEquals, assertThrows } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import { refusal, serializeResponse } from "../../lib/handshake/http_response.ts";
import { bytesOf, readResponse, textOf } from "./_support.ts";

Deno.test("a response closes the connection and has its length", () => {
  assertEquals(
    textOf(serializeResponse({ status: 200, headers: { "Content-Type": "text/html" } }, bytesOf("<p>"))),
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\ncontent-type: text/html\r\n\r\n<p>",
  );
});

Deno.test("a response has the usual reason phrase, the given one, or an empty one if there is no usual one", () => {
  const lineOf = (status: number, statusText = ""): string | undefined =>
    textOf(serializeResponse({ status, statusText })).split("\r\n")[0];
  assertEquals(lineOf(404), "HTTP/1.1 404 Not Found");
  assertEquals(lineOf(404, "Gone fishing"), "HTTP/1.1 404 Gone fishing");
  assertEquals(lineOf(299), "HTTP/1.1 299 ");
});

Deno.test("a web Response can be written, and its own framing fields are ignored", async () => {
  const response = new Response("body", {
    status: 403,
    headers: [
      ["Content-Length", "9"],
      ["Transfer-Encoding", "chunked"],
      ["Connection", "keep-alive"],
      ["Keep-Alive", "timeout=5"],
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"],
    ],
  });
  const { head, body } = readResponse(serializeResponse(response, await response.bytes()));
  assertEquals(head.fields, [
    ["connection", "close"],
    ["content-length", "4"],
    ["content-type", "text/plain;charset=UTF-8"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
  ]);
  assertEquals(body, "body");
});

Deno.test("Upgrade in a response is named in Connection (RFC 9110 §7.8)", () => {
  const { head } = readResponse(serializeResponse({ status: 426, headers: { Upgrade: "websocket" } }));
  assertEquals(head.fields.slice(0, 1), [["connection", "close, Upgrade"]]);
});

Deno.test("204 and 304 have no body and no length", () => {
  for (const status of [204, 304]) {
    const { head, body } = readResponse(serializeResponse({ status }, bytesOf("body")));
    assertEquals([head.fields, body], [[["connection", "close"]], ""]);
  }
});

Deno.test("the answer to HEAD has the length and no body", () => {
  const { head, body } = readResponse(serializeResponse({ status: 200 }, bytesOf("body"), { method: "HEAD" }));
  assertEquals([head.fields[1], body], [["content-length", "4"], ""]);
});

Deno.test("a status that is not final is a RangeError", () => {
  for (const status of [0, 100, 101, 199, 600, 200.5, NaN]) {
    assertThrows(() => serializeResponse({ status }), RangeError, `Cannot answer with status ${status}`);
  }
});

Deno.test("H20: a response with CR, LF or NUL in a field or the reason phrase is a TypeError", () => {
  for (const text of ["a\r\nb", "a\nb", "a\0b"]) {
    assertThrows(() => serializeResponse({ status: 200, headers: [["x", text]] }), TypeError);
    assertThrows(() => serializeResponse({ status: 200, statusText: text }), TypeError);
  }
});

Deno.test("a refusal has the error's status, fields and message, and closes the connection (websocket-smuggle)", () => {
  const error = new HandshakeError("Version must be 13 €", {
    status: 426,
    headers: [["Upgrade", "websocket"], ["Sec-WebSocket-Version", "13"]],
  });
  assertEquals(readResponse(refusal(error)), {
    head: {
      version: "HTTP/1.1",
      status: 426,
      statusText: "Upgrade Required",
      fields: [
        ["connection", "close, Upgrade"],
        ["content-length", "23"],
        ["content-type", "text/plain; charset=utf-8"],
        ["sec-websocket-version", "13"],
        ["upgrade", "websocket"],
      ],
    },
    body: "Version must be 13 €\n",
  });
});

Deno.test("H23, H24: a refusal with 503 gives the reason", () => {
  const error = new HandshakeError("Too many connections", { status: 503, headers: [["Retry-After", "1"]] });
  const { head, body } = readResponse(refusal(error));
  assertEquals([head.statusText, body], ["Service Unavailable", "Too many connections\n"]);
  assertEquals(head.fields.at(-1), ["retry-after", "1"]);
});

Deno.test("H22: a refusal with 500 hides the internal error", () => {
  const { head, body } = readResponse(refusal(new HandshakeError("secret", { status: 500 })));
  assertEquals([head.status, body], [500, "Internal Server Error\n"]);
});

Deno.test("CVE-2026-59725: a refusal is written whatever the error contains", () => {
  for (const status of [0, 101, 199, 600, NaN]) {
    const { head, body } = readResponse(refusal(new HandshakeError("secret", { status })));
    assertEquals([head.status, body], [500, "Internal Server Error\n"]);
  }
  const headers: [string, string][] = [["X", "a\x01b"], ["Content-Type", "text/html"], ["Content-Length", "1"]];
  const { head, body } = readResponse(refusal(new HandshakeError("\0\r\n\ud800", { status: 400, headers })));
  assertEquals(head.fields, [["connection", "close"], ["content-length", "7"], ["content-type", "text/html"]]);
  assertEquals(body, "\0\r\n\ufffd\n");
});

Deno.test("bytes of a field and of a reason phrase above 0x7F are written as one byte each, and the body follows them", () => {
  const response = serializeResponse(
    { status: 200, statusText: "Déjà", headers: [["x-name", "\xe9"]] },
    new Uint8Array([0, 255]),
  );
  const latin1 = [...response].map((byte) => String.fromCharCode(byte)).join("");
  assertEquals(
    latin1,
    "HTTP/1.1 200 Déjà\r\nConnection: close\r\nContent-Length: 2\r\nx-name: \xe9\r\n\r\n\0\xff",
  );
});
