import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { randomMaskKey } from "../../../lib/pipeline/bytes/mask_key.ts";

Deno.test("randomMaskKey gives whole numbers of 32 bits that repeat no more than chance has it", () => {
  const keys = Array.from({ length: 4096 }, randomMaskKey);
  assert(keys.every((key) => Number.isInteger(key) && key >= 0 && key < 2 ** 32));
  // Two random keys of 4096 are the same once in 500 runs; three pairs once in 10^9.
  assertLessOrEqual(keys.length - new Set(keys).size, 2);
  // Every bit is sometimes 1 and sometimes 0.
  assertEquals(keys.reduce((bits, key) => bits | key, 0) >>> 0, 0xffff_ffff);
  assertEquals(keys.reduce((bits, key) => bits & key, 0xffff_ffff) >>> 0, 0);
});

Deno.test("randomMaskKey hands on each word of crypto.getRandomValues once and in order, and draws again when it has none", () => {
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
