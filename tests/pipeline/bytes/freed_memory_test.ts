import { assertEquals } from "@std/assert";
import { keepFreedMemory } from "../../../lib/pipeline/bytes/freed_memory.ts";

/** The sizes of the buffers that are made, each of which fails where `fails`. */
function madeBy(run: () => void, { fails = false } = {}): number[] {
  const { ArrayBuffer } = globalThis;
  const sizes: number[] = [];
  globalThis.ArrayBuffer = new Proxy(ArrayBuffer, {
    construct(target, [size]: [number]) {
      sizes.push(size);
      if (fails) throw new RangeError("Array buffer allocation failed");
      return new target(size);
    },
  });
  try {
    run();
  } finally {
    globalThis.ArrayBuffer = ArrayBuffer;
  }
  return sizes;
}

Deno.test("one block just below 32 MiB is made for the whole process, and a machine without so much goes without it", () => {
  // Other tests of this process may have asked for it.
  const sizes = madeBy(() => {
    keepFreedMemory();
    keepFreedMemory();
  }, { fails: true });
  assertEquals(sizes.filter((size) => size !== 32 * 1024 * 1024 - 64 * 1024), []);
  assertEquals(sizes.length <= 1, true);
  assertEquals(madeBy(keepFreedMemory), []);
});
