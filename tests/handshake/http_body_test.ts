import { assert, assertEquals, assertThrows } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import { type BodyFraming, BodyParser, requestFraming, responseFraming } from "../../lib/handshake/http_body.ts";
import { assertRefuses, bytesOf, requestHead, responseHead, textOf } from "./_support.ts";

const framingOf = (lines: string[], version = "HTTP/1.1") => requestFraming(requestHead(`POST / ${version}`, ...lines));

Deno.test("a request's body has a length, is chunked, or is absent", () => {
  assertEquals(framingOf([]), 0);
  assertEquals(framingOf(["Content-Length: 0"]), 0);
  assertEquals(framingOf(["Content-Length: 9007199254740991"]), 9_007_199_254_740_991);
  assertEquals(framingOf(["Transfer-Encoding: Chunked"]), "chunked");
});

Deno.test("a request whose end is ambiguous between two recipients is refused with 400", () => {
  const heads: string[][] = [
    ["Content-Length: 3", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", "Content-Length: 0"],
    ["Content-Length: 3", "Content-Length: 4"],
    ["Content-Length: 3", "Content-Length: 3"],
    ...["3, 3", "3 3", "+3", "-1", "0x3", "3.0", "1e1", "010", "00", "", "9007199254740992", "9".repeat(400)]
      .map((length) => [`Content-Length: ${length}`]),
    ...[
      "chunked, identity",
      "identity",
      "identity, chunked",
      "gzip, chunked",
      "chunked, chunked",
      "xchunked",
      "",
      ",chunked",
    ]
      .map((coding) => [`Transfer-Encoding: ${coding}`]),
    ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
  ];
  for (const lines of heads) assertRefuses(() => framingOf(lines), 400);
  assertRefuses(() => framingOf(["Transfer-Encoding: chunked"], "HTTP/1.0"), 400, "HTTP/1.0 has no Transfer-Encoding");
});

Deno.test("a response's body ends as its status and its fields say, and otherwise with the connection", () => {
  const cases: [status: string, fields: string[], framing: BodyFraming][] = [
    ["200 OK", [], "close"],
    ["101 Switching Protocols", ["Content-Length: 3"], 0],
    ["204 No Content", ["Transfer-Encoding: chunked"], 0],
    ["304 Not Modified", ["Content-Length: 3"], 0],
    ["404 Not Found", ["Content-Length: 3"], 3],
    ["404 Not Found", ["Content-Length: 3", "Content-Length: 3"], 3],
    ["404 Not Found", ["Content-Length: 3", "Content-Length: 4"], "close"],
    ["404 Not Found", ["Content-Length: x"], "close"],
    ["404 Not Found", ["Transfer-Encoding: gzip, chunked", "Content-Length: 3"], "chunked"],
    ["404 Not Found", ["Transfer-Encoding: chunked, gzip"], "close"],
  ];
  for (const [status, fields, framing] of cases) {
    assertEquals(responseFraming(responseHead(`HTTP/1.1 ${status}`, ...fields)), framing, `${status} ${fields}`);
  }
});

/** What a parser takes of a text, and what it leaves, fed in pieces of a size. */
function parse(
  framing: BodyFraming,
  text: string,
  size = text.length,
): [body: string, rest: string, complete: boolean] {
  const parser = new BodyParser(framing);
  let body = "";
  let at = 0;
  for (; at < text.length && !parser.complete; at += size) {
    parser.push(bytesOf(text.slice(at, at + size)), (piece) => body += textOf(piece));
  }
  return [body, textOf(parser.rest) + text.slice(at), parser.complete];
}

Deno.test("a body is the same however it is cut, and the bytes behind it are left", () => {
  const chunked = '4\r\nWiki\r\n6;name="x"\r\npedia \r\n00e\r\nin \r\n\r\nchunks.\r\n0\r\nX-A: 1\r\n\r\n';
  for (const size of [1, 2, 3, 7, 1000]) {
    assertEquals(parse("chunked", `${chunked}GET /`, size), ["Wikipedia in \r\n\r\nchunks.", "GET /", true]);
    assertEquals(parse(5, "12345GET /", size), ["12345", "GET /", true]);
    assertEquals(parse("close", "12345", size), ["12345", "", false]);
    assertEquals(parse("chunked", chunked.slice(0, -1), size)[2], false);
  }
  assertEquals(parse(0, "GET /"), ["", "GET /", true]);
  assert(new BodyParser(0).complete);
});

Deno.test("a chunk that two recipients could parse differently is refused", () => {
  const bad = [
    "x\r\n",
    "\r\n",
    ";a\r\n",
    "-1\r\n",
    "+1\r\n",
    "0x1\r\n",
    " 1\r\n",
    "1_0\r\n",
    "1\n",
    "1\r\na\n",
    "1\r\nab",
    "1\r\na\r\r\n",
    "2\r\nab0\r\n\r\n",
    "1;\x00\r\n",
    "1;a\rb\r\n",
    "ffffffffffffffff\r\n",
    `1;${"a".repeat(300)}\r\n`,
    "0\r\nX: a\n\r\n",
    `0\r\n${"X: a\r\n".repeat(2_000)}`,
  ];
  for (const text of bad) {
    for (const size of [1, 1000]) {
      assertThrows(() => parse("chunked", text, size), HandshakeError, "", JSON.stringify(text));
    }
  }
});

Deno.test("a trailer that two recipients could parse differently is refused, and so is one over 8192 bytes", () => {
  const trailers: [lines: string, message: string][] = [
    ["no colon\r\n", 'Header line "no colon" has no colon'],
    ["X-A : 1\r\n", 'Header name "X-A " is not a token'],
    [" X-A: 1\r\n", 'Header name " X-A" is not a token'],
    ["X-A: 1\r\n folded\r\n", 'Header line " folded" has no colon'],
    [": 1\r\n", 'Header name "" is not a token'],
    ["X-A: \0\r\n", 'Value of header "X-A" has a control character'],
    ["GET /admin HTTP/1.1\r\n", 'Header line "GET /admin HTTP/1.1" has no colon'],
    ["X: 1\r\n".repeat(1366), "Trailer of a chunked body is longer than 8192 bytes"],
    [`X: ${"a".repeat(8190)}\r\n`, "Trailer of a chunked body is longer than 8192 bytes"],
    [`${"X: 1\r\n".repeat(5)}X: ${"a".repeat(8190)}\r\n`, "Trailer of a chunked body is longer than 8192 bytes"],
  ];
  for (const [lines, message] of trailers) {
    for (const size of [1, 1000]) {
      assertRefuses(() => parse("chunked", `1\r\na\r\n0\r\n${lines}\r\n`, size), 400, message);
    }
  }
  const most = `X: ${"a".repeat(8185)}\r\n`;
  assertEquals(parse("chunked", `0\r\n${most}\r\nGET /`), ["", "GET /", true]);
});
