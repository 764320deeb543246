import { assertEquals } from "@std/assert";
import { linesOf } from "../../../lib/standalone/client/lines.ts";

async function* chunks(bytes: Uint8Array<ArrayBuffer>, size: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

Deno.test("lines are the same however their bytes are cut, characters of several bytes and CRLF included", async () => {
  const bytes = new TextEncoder().encode("first\n\nzwölf € 👍\r\nlast");
  for (let size = 1; size <= bytes.length; size++) {
    assertEquals(await Array.fromAsync(linesOf(chunks(bytes, size))), ["first", "", "zwölf € 👍", "last"], `${size}`);
  }
});

Deno.test("a last line may have a line end or none", async () => {
  const lines = (text: string) => Array.fromAsync(linesOf(chunks(new TextEncoder().encode(text), 2)));
  assertEquals(await lines("a\nb\n"), ["a", "b"]);
  assertEquals(await lines("\n"), [""]);
  assertEquals(await lines(""), []);
});

Deno.test("invalid UTF-8 becomes U+FFFD, at the end too", async () => {
  assertEquals(await Array.fromAsync(linesOf(chunks(Uint8Array.of(0xff, 0x0a, 0xe2, 0x82), 4))), ["\ufffd", "\ufffd"]);
});
