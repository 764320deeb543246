/** Text is refused at the byte where the naive validator stops, however it is cut, and decoded by arithmetic. */
import { assert, assertStrictEquals } from "@std/assert";
import { decodeHex } from "@std/encoding/hex";
import { decodeUtf8, Utf8Validator } from "../../lib/pipeline/bytes/utf8.ts";
import { below, type Random, randomBytes } from "../_support/random.ts";
import { INVALID_UTF8, VALID_UTF8 } from "../vectors/utf8.ts";
import { naiveDecode, naiveFirstBad } from "./_naive_utf8.ts";
import { cuts, type FuzzTarget, fuzzTarget, mutateBytes, oneOf } from "./_target.ts";

/** The first and last code point of each length, and the neighbours of what is forbidden. */
const CODES = [
  0,
  0x41,
  0x7f,
  0x80,
  0x7ff,
  0x800,
  0xfff,
  0xcfff,
  0xd7ff,
  0xe000,
  0xfeff,
  0xffff,
  0x10000,
  0x3ffff,
  0x40000,
];
const LAST = 0x10ffff;

const SEQUENCES = [...INVALID_UTF8, ...VALID_UTF8].map(({ hex }) => decodeHex(hex));

/** A text of code points at the boundaries, with a forbidden sequence once in a while. */
export function randomUtf8(random: Random): Uint8Array<ArrayBuffer> {
  const text = Array.from({ length: below(random, 24) }, () => String.fromCodePoint(oneOf(random, [...CODES, LAST])));
  const bytes = [...new TextEncoder().encode(text.join(""))];
  if (below(random, 4) === 0) {
    const at = below(random, bytes.length + 1);
    bytes.splice(at, 0, ...oneOf(random, SEQUENCES));
  }
  return Uint8Array.from(bytes);
}

/** The target. */
export const target: FuzzTarget = fuzzTarget({
  name: "utf8",
  make: (random) => ({
    bytes: below(random, 8) === 0 ? randomBytes(random, below(random, 12)) : mutateBytes(random, randomUtf8(random)),
    options: {},
  }),
  check({ bytes }, random) {
    const bad = naiveFirstBad(bytes);
    const text = naiveDecode(bytes);
    assertStrictEquals(decodeUtf8(bytes), text);
    assert((text?.length ?? 0) <= bytes.length, "more characters than bytes");
    for (const { name, chunks } of cuts(bytes, random)) {
      const validator = new Utf8Validator();
      let before = 0;
      let found = -1;
      for (const chunk of chunks) {
        const at = validator.push(chunk);
        if (at !== -1 && found === -1) found = before + at;
        before += chunk.length;
      }
      assertStrictEquals(found, bad, name);
      assertStrictEquals(validator.complete, text !== undefined, name);
    }
  },
});
