import { assert, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { acquireBuffer, releaseBuffer } from "../../../lib/pipeline/bytes/buffer_pool.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Takes what other tests left, so that nothing fits by chance. */
function drain(): void {
  for (let size = 64 * KIB; size <= 32 * MIB; size *= 2) while (acquireBuffer(1, size).byteLength > 1);
}

Deno.test("a buffer that was given back is handed out again", () => {
  drain();
  const buffer = acquireBuffer(100 * KIB);
  assertStrictEquals(buffer.byteLength, 100 * KIB);
  releaseBuffer(buffer);
  assertStrictEquals(acquireBuffer(90 * KIB), buffer);
  assertNotStrictEquals(acquireBuffer(90 * KIB), buffer);
});

Deno.test("a buffer is handed out for a size that it has, and not for a sixteenth of it", () => {
  drain();
  const buffer = new ArrayBuffer(MIB);
  releaseBuffer(buffer);
  assertStrictEquals(acquireBuffer(MIB + 1).byteLength, MIB + 1);
  assertStrictEquals(acquireBuffer(64 * KIB - 1).byteLength, 64 * KIB - 1);
  assertStrictEquals(acquireBuffer(64 * KIB), buffer);
});

Deno.test("what is wanted is taken if it is there, and not allocated", () => {
  drain();
  assertStrictEquals(acquireBuffer(100, MIB).byteLength, 100);
  const buffer = new ArrayBuffer(MIB);
  releaseBuffer(buffer);
  assertStrictEquals(acquireBuffer(100, MIB), buffer);
});

Deno.test("small buffers are not kept, and no more than 32 MiB in all", () => {
  drain();
  const small = new ArrayBuffer(64 * KIB - 1);
  releaseBuffer(small);
  assertNotStrictEquals(acquireBuffer(64 * KIB - 1), small);
  const large = Array.from({ length: 5 }, () => new ArrayBuffer(8 * MIB));
  large.forEach(releaseBuffer);
  const again = large.map(() => acquireBuffer(8 * MIB));
  assertStrictEquals(again.filter((buffer) => large.includes(buffer)).length, 4);
  assert(!large.includes(again[4]!));
});
