import { assertEquals } from "@std/assert";

/** The module as a process loads it that has not asked yet. */
type FreedMemory = typeof import("../../../lib/pipeline/bytes/freed_memory.ts");
const MODULE = "../../../lib/pipeline/bytes/freed_memory.ts";

const BLOCK = 32 * 1024 * 1024 - 64 * 1024;

/** The sizes of the buffers that are made, and of those that are given up at once. */
function watched(run: () => void, { fails = false } = {}): { made: number[]; freed: number[] } {
  const { ArrayBuffer } = globalThis;
  const [made, freed]: [number[], number[]] = [[], []];
  globalThis.ArrayBuffer = new Proxy(ArrayBuffer, {
    construct(target, [size]: [number]) {
      made.push(size);
      if (fails) throw new RangeError("Array buffer allocation failed");
      const buffer = new target(size);
      buffer.transfer = (length) => {
        if (length === 0) freed.push(size);
        return target.prototype.transfer.call(buffer, length);
      };
      return buffer;
    },
  });
  try {
    run();
  } finally {
    globalThis.ArrayBuffer = ArrayBuffer;
  }
  return { made, freed };
}

Deno.test("one block just below 32 MiB is allocated for the whole process, and freed at once", async () => {
  const { keepFreedMemory }: FreedMemory = await import(`${MODULE}?once`);
  assertEquals(watched(keepFreedMemory), { made: [BLOCK], freed: [BLOCK] });
  assertEquals(watched(keepFreedMemory), { made: [], freed: [] });
});

Deno.test("it is skipped on a machine with too little memory", async () => {
  const { keepFreedMemory }: FreedMemory = await import(`${MODULE}?without`);
  assertEquals(watched(keepFreedMemory, { fails: true }), { made: [BLOCK], freed: [] });
  assertEquals(watched(keepFreedMemory), { made: [], freed: [] });
});
