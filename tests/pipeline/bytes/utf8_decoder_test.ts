import { assert, assertEquals } from "@std/assert";
import { decodeHex } from "@std/encoding/hex";
import { Utf8Decoder } from "../../../lib/pipeline/bytes/utf8.ts";
import { assertReads } from "../../_support/feed.ts";
import { utf8 } from "../../_support/frames.ts";
import { INVALID_UTF8, VALID_UTF8 } from "../../vectors/utf8.ts";

/** What parts give, each of which must be well formed, and where the first bad byte stands in all of them. */
function decoded(chunks: readonly Uint8Array<ArrayBuffer>[]): { text: string; bad: number } {
  const decoder = new Utf8Decoder();
  let text = "";
  let before = 0;
  for (const chunk of chunks) {
    const part = decoder.push(chunk);
    assert(part.text.isWellFormed());
    text += part.text;
    if (part.bad !== -1) return { text, bad: before + part.bad };
    before += chunk.length;
  }
  return { text, bad: decoder.complete ? -1 : before };
}

for (const { name, hex, text } of VALID_UTF8) {
  Deno.test(`UTF-8 in parts is decoded, ${name}`, () => {
    assertReads(decodeHex(hex), decoded, { text, bad: -1 });
    const around = `é€𐍈${text}\u{feff}x`;
    assertReads(utf8(around), decoded, { text: around, bad: -1 });
  });
}

for (const { name, hex, at } of INVALID_UTF8) {
  Deno.test(`F10: UTF-8 in parts is refused at byte ${at} with all characters before it, ${name}`, () => {
    const bytes = decodeHex(hex);
    // The characters before: as many whole ones as the platform's decoder finds up to there.
    const before = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, at), { stream: true });
    assertReads(bytes, decoded, { text: before, bad: at });
    assertReads(Uint8Array.of(...utf8("a€"), ...bytes), decoded, { text: `a€${before}`, bad: 4 + at });
  });
}

Deno.test("a character in two parts comes with the second, wherever the cut is", () => {
  const text = "aé€𐍈b";
  const bytes = utf8(text);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const decoder = new Utf8Decoder();
    const first = decoder.push(bytes.slice(0, cut));
    assertEquals(first.bad, -1);
    assert(text.startsWith(first.text));
    assert(utf8(first.text).length > cut - 4, `All but a part of one character, at ${cut}`);
    assertEquals(decoder.push(bytes.slice(cut)), { text: text.slice(first.text.length), bad: -1 });
    assertEquals(decoder.complete, true);
  }
});
