import { assert, assertEquals, assertLessOrEqual, assertStrictEquals } from "@std/assert";
import { mask, maskRange, randomMaskKey } from "../../../lib/pipeline/bytes/mask.ts";
import { assertBytes, counting } from "../../_support/bytes.ts";
import { below, randomBytes, SEED, seeded } from "../../_support/random.ts";

const KEY = 0x37fa213d;
const KEYS = [KEY, 0, 0xffff_ffff, 0x8000_0001, 0x0000_00ff];

/** RFC 6455 §5.3 word for word: octet i of the result is octet i XOR octet i MOD 4 of the key. */
function naiveMask(bytes: Uint8Array, key: number, offset = 0): Uint8Array {
  const octets = [key >>> 24, key >>> 16, key >>> 8, key].map((octet) => octet & 0xff);
  return bytes.map((byte, i) => byte ^ octets[(i + offset) % 4]!);
}

Deno.test("mask matches the example of RFC 6455 §5.7 for Hello", () => {
  const bytes = new TextEncoder().encode("Hello");
  assertStrictEquals(mask(bytes, KEY), 1);
  assertBytes(bytes, Uint8Array.of(0x7f, 0x9f, 0x4d, 0x51, 0x58));
});

Deno.test("mask agrees with its naive twin at every length, alignment and offset, and touches nothing around", () => {
  for (let length = 0; length <= 200; length++) {
    for (let alignment = 0; alignment < 8; alignment++) {
      for (let offset = 0; offset < 4; offset++) {
        const whole = counting(alignment + length + 8);
        const expected = whole.slice();
        expected.set(naiveMask(whole.subarray(alignment, alignment + length), KEY, offset), alignment);
        const next = mask(whole.subarray(alignment, alignment + length), KEY, offset);
        const what = `length ${length}, alignment ${alignment}, offset ${offset}`;
        assertBytes(whole, expected, what);
        assertStrictEquals(next, (offset + length) % 4, what);
      }
    }
  }
});

Deno.test("mask agrees with its naive twin for every kind of key", () => {
  for (const key of KEYS) {
    for (const length of [5, 63, 64, 65, 131]) {
      const bytes = counting(length, 7);
      const expected = naiveMask(bytes, key);
      mask(bytes, key);
      assertBytes(bytes, expected, `key ${key.toString(16)}, length ${length}`);
    }
  }
});

Deno.test("mask agrees with its naive twin at great lengths", () => {
  const random = seeded();
  for (const length of [1000, 4099, 65_535, 65_536, 65_537, 1_000_003]) {
    const bytes = randomBytes(random, length + 3).subarray(3);
    const expected = naiveMask(bytes, KEY, 3);
    mask(bytes, KEY, 3);
    assertBytes(bytes, expected, `length ${length}, SEED=${SEED}`);
  }
});

Deno.test("mask counts only the two lowest bits of the offset", () => {
  const bytes = counting(100);
  const expected = naiveMask(bytes, KEY, 1);
  assertStrictEquals(mask(bytes, KEY, 2 ** 20 + 1), (100 + 1) % 4);
  assertBytes(bytes, expected);
});

Deno.test("mask is its own inverse", () => {
  const bytes = counting(333);
  mask(bytes, KEY, 2);
  mask(bytes, KEY, 2);
  assertBytes(bytes, counting(333));
});

Deno.test("mask returns the offset for the next part, wherever a payload is cut", () => {
  const expected = naiveMask(counting(150), KEY);
  for (let cut = 0; cut <= 150; cut++) {
    const bytes = counting(150);
    const offset = mask(bytes.subarray(0, cut), KEY);
    mask(bytes.subarray(cut), KEY, offset);
    assertBytes(bytes, expected, `cut at ${cut}`);
  }
  const random = seeded();
  const bytes = counting(150);
  let offset = 0;
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(at + below(random, 20), bytes.length);
    offset = mask(bytes.subarray(at, end), KEY, offset);
    at = end;
  }
  assertBytes(bytes, expected, `cut at random, SEED=${SEED}`);
});

Deno.test("maskRange masks a range of a view as mask does the same bytes alone", () => {
  for (const [start, end] of [[0, 0], [3, 3], [1, 60], [2, 66], [5, 205], [0, 208]] as const) {
    const view = counting(211).subarray(3);
    const expected = view.slice();
    expected.set(naiveMask(view.subarray(start, end), KEY, 2), start);
    assertEquals(maskRange(view, start, end, KEY, 2), (2 + end - start) % 4);
    assertBytes(view, expected, `${start} to ${end}`);
  }
});

Deno.test("randomMaskKey returns 32-bit integers that repeat no more often than by chance", () => {
  const keys = Array.from({ length: 4096 }, randomMaskKey);
  assert(keys.every((key) => Number.isInteger(key) && key >= 0 && key < 2 ** 32));
  // Two random keys of 4096 are the same once in 500 runs; three pairs once in 10^9.
  assertLessOrEqual(keys.length - new Set(keys).size, 2);
  // Every bit is sometimes 1 and sometimes 0.
  assertEquals(keys.reduce((bits, key) => bits | key, 0) >>> 0, 0xffff_ffff);
  assertEquals(keys.reduce((bits, key) => bits & key, 0xffff_ffff) >>> 0, 0);
});

Deno.test("randomMaskKey returns each word of crypto.getRandomValues once and in order, and draws again when it has none", () => {
  const START = 0x8000_0000;
  let drawn = 0;
  Object.defineProperty(crypto, "getRandomValues", {
    configurable: true,
    value: (words: Uint32Array) => words.forEach((_, i) => words[i] = START + drawn++),
  });
  try {
    // The words that other callers left come first.
    while (drawn === 0) randomMaskKey();
    const keys = Array.from({ length: 5000 }, randomMaskKey);
    assertEquals(keys, Array.from({ length: 5000 }, (_, i) => START + 1 + i));
    assertLessOrEqual(drawn, 5001 + 1024);
  } finally {
    Reflect.deleteProperty(crypto, "getRandomValues");
  }
});
