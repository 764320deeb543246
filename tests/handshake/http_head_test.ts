import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import type { HeaderFields } from "../../lib/handshake/http_fields.ts";
import {
  type HeadLimits,
  type RequestHead,
  RequestHeadParser,
  type ResponseHead,
  ResponseHeadParser,
  serializeRequestHead,
  serializeResponseHead,
} from "../../lib/handshake/http_head.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import { assertReads, splitAtRandom } from "../_support/feed.ts";
import { below, randomBytes, SEED, seeded } from "../_support/random.ts";
import { assertLinear, bytesOf, mutate, randomText, textOf } from "./_support.ts";

/** What came of reading a head: the head, or how it was refused, or neither yet; and the bytes after it. */
interface Outcome {
  head?: RequestHead | ResponseHead | undefined;
  refused?: [status: number, message: string];
  rest: string;
}

function readWith(parser: RequestHeadParser | ResponseHeadParser, chunks: Uint8Array[]): Outcome {
  const after: string[] = [];
  let head: RequestHead | ResponseHead | undefined;
  try {
    for (const chunk of chunks) {
      if (head !== undefined) {
        after.push(textOf(chunk));
        continue;
      }
      head = parser.push(chunk);
      chunk.fill(0x58); // The reader reuses the buffer.
    }
  } catch (error) {
    if (error instanceof HandshakeError) return { refused: [error.status, error.message], rest: textOf(parser.rest) };
    throw error;
  }
  return { head, rest: textOf(parser.rest) + after.join("") };
}

const readRequest = (limits: Partial<HeadLimits> = {}) => (chunks: Uint8Array[]): Outcome =>
  readWith(new RequestHeadParser({ ...DEFAULT_LIMITS, ...limits }), chunks);

const readResponse = (limits: Partial<HeadLimits> = {}) => (chunks: Uint8Array[]): Outcome =>
  readWith(new ResponseHeadParser({ ...DEFAULT_LIMITS, ...limits }), chunks);

/** Asserts that a request is refused alike however it is cut. */
function assertRequestRefused(text: string, refused: [number, string], limits: Partial<HeadLimits> = {}): void {
  assertReads(bytesOf(text), readRequest(limits), { refused, rest: "" });
}

const HEAD = "GET /chat?x=1 HTTP/1.1\r\nHost: a.test\r\nX-A:\t 1 \r\nX-a:2\r\n\r\n";
const PARSED: RequestHead = {
  method: "GET",
  target: "/chat?x=1",
  version: "HTTP/1.1",
  fields: [["host", "a.test"], ["x-a", "1"], ["x-a", "2"]],
};

Deno.test("a request's head is parsed: names in lower case, values trimmed, duplicates kept", () => {
  assertReads(bytesOf(HEAD), readRequest(), { head: PARSED, rest: "" });
});

Deno.test("H10: bytes after the head are frames, and are kept", () => {
  assertReads(bytesOf(`${HEAD}\x81\x80\0\r\n\r\n\xff`), readRequest(), {
    head: PARSED,
    rest: "\x81\x80\0\r\n\r\n\xff",
  });
});

Deno.test("an incomplete head returns undefined and no rest", () => {
  assertReads(bytesOf(HEAD.slice(0, -1)), readRequest(), { head: undefined, rest: "" });
  assertReads(new Uint8Array(0), readRequest(), { head: undefined, rest: "" });
});

Deno.test("the rest is a copy of the pushed bytes", () => {
  const chunk = bytesOf(`${HEAD}abc`);
  const parser = new RequestHeadParser(DEFAULT_LIMITS);
  assert(parser.push(chunk));
  chunk.fill(0);
  assertEquals(textOf(parser.rest), "abc");
  assert(parser.rest.buffer !== chunk.buffer);
});

Deno.test("pushing after a complete or refused head throws", () => {
  for (const text of [HEAD, "GET\r\n"]) {
    const parser = new RequestHeadParser(DEFAULT_LIMITS);
    try {
      parser.push(bytesOf(text));
    } catch (error) {
      assert(error instanceof HandshakeError);
    }
    const error = assertThrows(() => parser.push(bytesOf(HEAD)), DOMException);
    assertStrictEquals(error.name, "InvalidStateError");
  }
});

Deno.test("empty lines before a request line are skipped (RFC 9112 §2.2), within the limit", () => {
  assertReads(bytesOf(`\r\n\r\n${HEAD}`), readRequest(), { head: PARSED, rest: "" });
  assertRequestRefused("\r\n".repeat(51), [414, "Start line is longer than 100 bytes"], { maxHeaderBytes: 100 });
});

Deno.test("a field's value keeps bytes of 0x80 and more, each as the code unit of the same number", () => {
  assertReads(bytesOf("GET / HTTP/1.1\r\nX: \x80\x9f\xa0é\xff\r\n\r\n"), readRequest(), {
    head: { method: "GET", target: "/", version: "HTTP/1.1", fields: [["x", "\x80\x9f\xa0é\xff"]] },
    rest: "",
  });
});

Deno.test("H3: a malformed request line is refused with 400", () => {
  const lines = [
    "GET",
    "GET /",
    "GET  / HTTP/1.1",
    "GET / HTTP/1.1 ",
    " GET / HTTP/1.1",
    "GET / HTTP/1.1 x",
    "GET\t/\tHTTP/1.1",
    "G(T / HTTP/1.1",
    "GET / http/1.1",
    "GET / HTTP/1",
    "GET / HTTP/1.10",
    "GET / HTTP/1,1",
    "GET / HTTP/x.1",
    "GET / HTTP/1.x",
    "GET / ICY/1.10",
    "\x16\x03\x01\x02",
  ];
  for (const line of lines) {
    const shown = JSON.stringify(line).replaceAll("\\t", "\\t");
    assertRequestRefused(`${line}\r\n\r\n`, [400, `Request line ${shown} is malformed`]);
  }
});

Deno.test("H3: a malformed request target is refused with 400", () => {
  for (const target of ["foo", "*", "/a\x7f", "/\xe9", "/\0", "ftp://a.test/", "a.test:80", "/a#b", "/\r"]) {
    assertRequestRefused(`GET ${target} HTTP/1.1\r\n\r\n`, [
      400,
      `Request target ${JSON.stringify(target).replace("\x7f", "\\u007f").replace("\xe9", "\\u00e9")} is malformed`,
    ]);
  }
});

Deno.test("H3: a bare LF ends no line, neither the first nor a later one", () => {
  for (
    const text of ["GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", `${HEAD.slice(0, -2)}\n`, "\n"]
  ) {
    assertRequestRefused(text, [400, "Line ends in LF without CR"]);
  }
});

Deno.test("H3: a bare CR, a NUL or another control character in a value is refused with 400, and the value is not shown", () => {
  for (const char of ["\r", "\0", "\x01", "\x0b", "\x1b", "\x7f"]) {
    assertRequestRefused(`GET / HTTP/1.1\r\nCookie: a${char}b\r\n\r\n`, [
      400,
      'Value of header "Cookie" has a control character',
    ]);
  }
});

Deno.test("a client unfolds folded lines of a server: each fold is a space (RFC 9112 §5.2)", () => {
  const parse = (text: string) => new ResponseHeadParser(DEFAULT_LIMITS).push(bytesOf(text));
  const head = parse("HTTP/1.1 200 OK\r\nX: a\r\n \t b \r\n\tc\r\nY: \r\n z\r\nZ: 1\r\n \r\n\r\n");
  assertEquals(head?.fields, [["x", "a b c"], ["y", "z"], ["z", "1"]]);
  for (const text of [" X: a\r\n\r\n", "X: a\r\n b\0\r\n\r\n"]) {
    assertThrows(() => parse(`HTTP/1.1 200 OK\r\n${text}`), HandshakeError);
  }
  // A fold counts as bytes, and what is folded is one field.
  const long = `HTTP/1.1 200 OK\r\nX: a\r\n${" b\r\n".repeat(5_000)}\r\n`;
  assertThrows(() => parse(long), HandshakeError, "Head is longer than");
});

Deno.test("H3: obs-fold is refused with 400", () => {
  for (const space of [" ", "\t"]) {
    assertRequestRefused(`GET / HTTP/1.1\r\nX: a\r\n${space}b\r\n\r\n`, [400, "Header line is folded"]);
    assertRequestRefused(`GET / HTTP/1.1\r\n${space}X: a\r\n\r\n`, [400, "Header line is folded"]);
  }
});

Deno.test("H3: a header line without a colon or with a name that is no token is refused with 400", () => {
  assertRequestRefused("GET / HTTP/1.1\r\nHost\r\n\r\n", [400, 'Header line "Host" has no colon']);
  for (const name of ["", "Host ", "Ho st", "Ho\0st", "H\xe9", "Host\t", "Ho\rst", "(x)"]) {
    const shown = JSON.stringify(name).replace("\xe9", "\\u00e9");
    assertRequestRefused(`GET / HTTP/1.1\r\n${name}: a\r\n\r\n`, [400, `Header name ${shown} is not a token`]);
  }
});

Deno.test("H5: the preface of HTTP/2 and other major versions are refused with 505", () => {
  assertRequestRefused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505, "HTTP/2.0 is not supported"]);
  assertRequestRefused("GET / HTTP/0.9\r\n\r\n", [505, "HTTP/0.9 is not supported"]);
});

Deno.test("H5: the minor versions of HTTP/1 are parsed alike", () => {
  for (const version of ["HTTP/1.0", "HTTP/1.2"]) {
    const head = { method: "GET", target: "/", version, fields: [] };
    assertReads(bytesOf(`GET / ${version}\r\n\r\n`), readRequest(), { head, rest: "" });
  }
});

Deno.test("H2: a request line may have maxStartLineBytes; one byte more is refused with 414 before the line's end", () => {
  const limits = { maxStartLineBytes: 20 };
  const head = { method: "GET", target: "/234567", version: "HTTP/1.1", fields: [] };
  assertReads(bytesOf("GET /234567 HTTP/1.1\r\n\r\n"), readRequest(limits), { head, rest: "" });
  assertRequestRefused("GET /2345678 HTTP/1.1\r\n\r\n", [414, "Start line is longer than 20 bytes"], limits);
  assertRequestRefused("x".repeat(22), [414, "Start line is longer than 20 bytes"], limits);
});

Deno.test("H2: a head may have maxHeaderBytes; one byte more is refused with 431 before the head's end", () => {
  const limits = { maxHeaderBytes: HEAD.length };
  assertReads(bytesOf(`${HEAD}frames`), readRequest(limits), { head: PARSED, rest: "frames" });
  const refused: [number, string] = [431, `Head is longer than ${HEAD.length - 1} bytes`];
  assertRequestRefused(HEAD, refused, { maxHeaderBytes: HEAD.length - 1 });
  assertRequestRefused(HEAD.slice(0, -2) + "x", refused, { maxHeaderBytes: HEAD.length - 1 });
});

Deno.test("H2, CVE-2026-54465: a head may have maxHeaderCount fields; one more is refused with 431", () => {
  assertReads(bytesOf(HEAD), readRequest({ maxHeaderCount: 3 }), { head: PARSED, rest: "" });
  assertRequestRefused(HEAD, [431, "Head has more than 2 fields"], { maxHeaderCount: 2 });
});

Deno.test("CVE-2023-43669: a head of 16 KiB, and one of a mebibyte, fed byte by byte take linear time", () => {
  for (const size of [16 * 1024, 1024 * 1024]) {
    const limits = { maxHeaderBytes: Infinity, maxHeaderCount: Infinity, maxStartLineBytes: Infinity };
    const inOneLine = bytesOf(`GET / HTTP/1.1\r\nX: ${"a".repeat(size)}\r\n\r\n`);
    const inManyLines = bytesOf(`GET / HTTP/1.1\r\n${"X: a\r\n".repeat(size / 6)}\r\n`);
    const inFirstLine = bytesOf(`GET /${"a".repeat(size)} HTTP/1.1\r\n\r\n`);
    for (const bytes of [inOneLine, inManyLines, inFirstLine]) {
      assertLinear(() => {
        const parser = new RequestHeadParser(limits);
        let head: RequestHead | undefined;
        for (let at = 0; at < bytes.length; at++) head = parser.push(bytes.subarray(at, at + 1));
        assert(head);
      });
    }
  }
});

Deno.test("a response's head is parsed, with or without a reason phrase", () => {
  const fields: HeaderFields = [["upgrade", "websocket"]];
  for (
    const [line, statusText] of [[" Switching Protocols", "Switching Protocols"], [" ", ""], ["", ""], [
      " \xe9",
      "\xe9",
    ]]
  ) {
    assertReads(bytesOf(`HTTP/1.1 101${line}\r\nUpgrade: websocket\r\n\r\n\x81\x00`), readResponse(), {
      head: { version: "HTTP/1.1", status: 101, statusText: statusText ?? "", fields },
      rest: "\x81\x00",
    });
  }
});

Deno.test("interim responses except 101 are skipped (RFC 9110 §15.2), within one limit", () => {
  const interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
  assertReads(bytesOf(`${interim}HTTP/1.1 101 OK\r\nA: b\r\n\r\nrest`), readResponse(), {
    head: { version: "HTTP/1.1", status: 101, statusText: "OK", fields: [["a", "b"]] },
    rest: "rest",
  });
  assertReads(bytesOf(interim.repeat(300)), readResponse(), {
    refused: [0, "Start line is longer than 8192 bytes"],
    rest: "",
  });
});

Deno.test("a malformed status line is an error with status 0, because none was parsed", () => {
  const lines = [
    "",
    "HTTP/1.1",
    "HTTP/1.1 ",
    "HTTP/1.1 10",
    "HTTP/1.1 1012",
    "HTTP/1.1 099",
    "HTTP/1.1 600",
    "HTTP/1.1 +10",
    "HTTP/1.1 1e2 OK",
    "HTTP/1.1  101",
    "HTTP/1.1\t101",
    "HTTP/1.1 101\tOK",
    "HTTP/1.1 101 O\0K",
    "http/1.1 101 OK",
    "ICY 200 OK",
  ];
  for (const line of lines) {
    assertReads(bytesOf(`${line}\r\n\r\n`), readResponse(), {
      refused: [0, `Status line ${JSON.stringify(line)} is malformed`],
      rest: "",
    });
  }
  assertReads(bytesOf("HTTP/2.0 200 OK\r\n\r\n"), readResponse(), { refused: [0, "Server speaks HTTP/2.0"], rest: "" });
});

Deno.test("a fault after the status line is an error with the status and the fields that the server sent", () => {
  const parser = new ResponseHeadParser(DEFAULT_LIMITS);
  const error = assertThrows(
    () => parser.push(bytesOf("HTTP/1.1 503 Busy\r\nRetry-After: 9\r\nX\r\n")),
    HandshakeError,
    'Header line "X" has no colon',
  );
  assertEquals([error.status, error.headers.get("retry-after")], [503, "9"]);
});

Deno.test("CVE-2026-54465: a response's fields that never end are refused by count and by bytes", () => {
  for (const [field, limit] of [["A: b\r\n", "100 fields"], [`A: ${"b".repeat(1000)}\r\n`, "16384 bytes"]] as const) {
    const outcome = readResponse()([bytesOf(`HTTP/1.1 101 OK\r\n${field.repeat(200)}`)]);
    assertEquals(outcome.refused?.[0], 101);
    assert(outcome.refused?.[1].endsWith(limit), outcome.refused?.[1]);
  }
});

Deno.test("a request's head is written unchanged", () => {
  const head: RequestHead = { method: "GET", target: "/", version: "HTTP/1.1", fields: [["Host", "a"], ["X", "\xe9"]] };
  assertEquals(textOf(serializeRequestHead(head)), "GET / HTTP/1.1\r\nHost: a\r\nX: \xe9\r\n\r\n");
});

Deno.test("a response's head is written unchanged", () => {
  const head: ResponseHead = { version: "HTTP/1.1", status: 101, statusText: "Yes", fields: [["A", ""]] };
  assertEquals(textOf(serializeResponseHead(head)), "HTTP/1.1 101 Yes\r\nA: \r\n\r\n");
});

const INJECTIONS = ["a\r\nb", "a\nb", "a\rb", "a\0b", "a\u010db", "\r\n"]; // U+010D cut to a byte is CR.

Deno.test("H20, CVE-2026-1527, CVE-2020-35678: no part of a request's head can break out of its place", () => {
  const head: RequestHead = { method: "GET", target: "/", version: "HTTP/1.1", fields: [] };
  for (const text of INJECTIONS) {
    assertThrows(() => serializeRequestHead({ ...head, method: text }), TypeError, "Cannot use method");
    assertThrows(() => serializeRequestHead({ ...head, target: text }), TypeError, "Cannot use target");
    assertThrows(() => serializeRequestHead({ ...head, version: text }), TypeError, "Cannot use version");
    assertThrows(() => serializeRequestHead({ ...head, fields: [[text, "a"]] }), TypeError, "name is not a token");
    assertThrows(() => serializeRequestHead({ ...head, fields: [["a", text]] }), TypeError, "value has a character");
  }
  assertThrows(() => serializeRequestHead({ ...head, target: "/a b" }), TypeError, "Cannot use target");
  assertThrows(() => serializeRequestHead({ ...head, fields: [["a:b", ""]] }), TypeError, "name is not a token");
});

Deno.test("H20: no part of a response's head can break out of its place", () => {
  const head: ResponseHead = { version: "HTTP/1.1", status: 101, statusText: "", fields: [] };
  for (const text of INJECTIONS) {
    assertThrows(() => serializeResponseHead({ ...head, version: text }), TypeError, "Cannot use version");
    assertThrows(() => serializeResponseHead({ ...head, statusText: text }), TypeError, "Cannot use reason phrase");
    assertThrows(() => serializeResponseHead({ ...head, fields: [["a", text]] }), TypeError, "value has a character");
  }
  for (const status of [0, 99, 600, 101.5, NaN]) {
    assertThrows(() => serializeResponseHead({ ...head, status }), TypeError, "Cannot use status");
  }
});

Deno.test("any written head is parsed back, with any bytes behind it", () => {
  const random = seeded();
  for (let round = 0; round < 50; round++) {
    const fields: HeaderFields = Array.from({ length: below(random, 8) }, () => [
      randomText(random).toLowerCase(),
      randomText(random, 'ab:,;="\\\t \x80\xff', 300).replace(/^[\t ]+|[\t ]+$/g, ""),
    ]);
    const rest = randomBytes(random, below(random, 40));
    const request: RequestHead = {
      method: randomText(random),
      target: `/${randomText(random, "ab/?%=&~", 200)}`,
      version: "HTTP/1.1",
      fields,
    };
    const response: ResponseHead = { version: "HTTP/1.1", status: 200 + below(random, 400), statusText: "x y", fields };
    assertReads(bytesOf(textOf(serializeRequestHead(request)) + textOf(rest)), readRequest(), {
      head: request,
      rest: textOf(rest),
    });
    assertReads(bytesOf(textOf(serializeResponseHead(response)) + textOf(rest)), readResponse(), {
      head: response,
      rest: textOf(rest),
    });
  }
});

Deno.test("any bytes give a head, a HandshakeError or nothing yet, and the same however they are cut", () => {
  const random = seeded();
  const limits = { maxHeaderBytes: 120, maxHeaderCount: 5, maxStartLineBytes: 40 };
  const response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x00";
  for (let round = 0; round < 3000; round++) {
    for (const [read, seed] of [[readRequest(limits), HEAD], [readResponse(limits), response]] as const) {
      const bytes = bytesOf(mutate(random, seed, "\r\n\t :\0a/H1. \xff"));
      const whole = read([bytes.slice()]);
      assertEquals(
        read(splitAtRandom(bytes, random)),
        whole,
        `SEED=${SEED}, round ${round}: ${JSON.stringify(textOf(bytes))}`,
      );
    }
  }
});
