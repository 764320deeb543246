import { assertEquals, assertThrows } from "@std/assert";
import { BodyReader } from "../../lib/handshake/http_body.ts";
import { assertReads } from "../_support/feed.ts";
import { bytesOf, textOf } from "./_support.ts";

/** Feeds a reader until it has the body; what is left of the input follows the reader's rest. */
function readBody(bodyBytes: number, chunks: Uint8Array[]): { body: string; rest: string } | undefined {
  const reader = new BodyReader(bodyBytes);
  for (const [i, chunk] of chunks.entries()) {
    const body = reader.push(chunk);
    if (body !== undefined) {
      return { body: textOf(body), rest: [reader.rest, ...chunks.slice(i + 1)].map(textOf).join("") };
    }
  }
  return undefined;
}

Deno.test("X8: the eight bytes after the head may arrive late, byte by byte, or followed by frames, which are kept", () => {
  const bytes = bytesOf("^n:ds[4U\x00Hello\xff\xff\x00");
  assertReads(bytes, (chunks) => readBody(8, chunks), { body: "^n:ds[4U", rest: "\x00Hello\xff\xff\x00" });
});

Deno.test("X8: the body is not complete before its last byte", () => {
  assertReads(bytesOf("^n:ds[4"), (chunks) => readBody(8, chunks), undefined);
  assertEquals(new BodyReader(8).rest.length, 0);
});

Deno.test("a handshake without a body is complete at once, and all further bytes are the rest", () => {
  assertEquals(readBody(0, [bytesOf("\x00Hi\xff")]), { body: "", rest: "\x00Hi\xff" });
  assertEquals(readBody(0, [new Uint8Array(0)]), { body: "", rest: "" });
});

Deno.test("the body and the rest are copies: the pushed buffer may be reused", () => {
  const reader = new BodyReader(1);
  const chunk = bytesOf("ab");
  const body = reader.push(chunk);
  chunk.fill(0);
  assertEquals([body, reader.rest], [bytesOf("a"), bytesOf("b")]);
});

Deno.test("pushing after the body throws", () => {
  const reader = new BodyReader(1);
  reader.push(bytesOf("a"));
  const error = assertThrows(() => reader.push(bytesOf("b")), DOMException);
  assertEquals(error.name, "InvalidStateError");
});
