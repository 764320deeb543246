import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { acquireBuffer, releaseBuffer } from "../../../lib/pipeline/bytes/buffer_pool.ts";
import { drainPool } from "../../_support/buffer_pool.ts";
import { runDeno } from "../../_support/child.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

Deno.test("a returned buffer is handed out again", () => {
  drainPool();
  const buffer = acquireBuffer(100 * KIB);
  assertStrictEquals(buffer.byteLength, 100 * KIB);
  releaseBuffer(buffer);
  assertStrictEquals(acquireBuffer(90 * KIB), buffer);
  assertNotStrictEquals(acquireBuffer(90 * KIB), buffer);
});

Deno.test("a buffer is handed out for its size and down to a quarter of it, and not for others", () => {
  drainPool();
  const buffer = new ArrayBuffer(MIB);
  releaseBuffer(buffer);
  assertStrictEquals(acquireBuffer(MIB + 1).byteLength, MIB + 1);
  assertStrictEquals(acquireBuffer(256 * KIB - 1).byteLength, 256 * KIB - 1);
  assertStrictEquals(acquireBuffer(256 * KIB - 1, MIB).byteLength, 256 * KIB - 1);
  assertStrictEquals(acquireBuffer(256 * KIB), buffer);
});

Deno.test("a buffer that an application has transferred is not handed out", () => {
  drainPool();
  const buffer = new ArrayBuffer(MIB);
  releaseBuffer(buffer);
  structuredClone(buffer, { transfer: [buffer] });
  assertStrictEquals(acquireBuffer(MIB).byteLength, MIB);
});

Deno.test("a larger preferred size is used if the pool has it, and otherwise the needed size is allocated", () => {
  drainPool();
  assertStrictEquals(acquireBuffer(300 * KIB, MIB).byteLength, 300 * KIB);
  const buffers = [300 * KIB, MIB, 2 * MIB].map((size) => new ArrayBuffer(size));
  buffers.forEach(releaseBuffer);
  assertStrictEquals(acquireBuffer(300 * KIB, MIB), buffers[1]);
  assertStrictEquals(acquireBuffer(300 * KIB, MIB), buffers[0]);
});

Deno.test("small buffers are not kept, and no more than 32 MiB in all", () => {
  drainPool();
  const small = new ArrayBuffer(64 * KIB - 1);
  releaseBuffer(small);
  assertNotStrictEquals(acquireBuffer(64 * KIB - 1), small);
  const large = Array.from({ length: 5 }, () => new ArrayBuffer(8 * MIB));
  large.forEach(releaseBuffer);
  const again = large.map(() => acquireBuffer(8 * MIB));
  assertStrictEquals(again.filter((buffer) => large.includes(buffer)).length, 4);
  assert(!large.includes(again[4]!));
});

Deno.test("unused buffers are freed at the next garbage collection", async () => {
  // In a process of its own, whose memory can be collected at will.
  const module = new URL("../../../lib/pipeline/bytes/buffer_pool.ts", import.meta.url);
  const program = `
    import { releaseBuffer } from "${module}";
    for (let i = 0; i < 4; i++) releaseBuffer(new ArrayBuffer(8 * 2 ** 20));
    console.log("room for more:", releaseBuffer(new ArrayBuffer(2 ** 20)));
    await new Promise((resolve) => setTimeout(resolve)); // a target of a WeakRef lives to the end of its task
    gc();
    console.log("room for more:", releaseBuffer(new ArrayBuffer(2 ** 20)));
  `;
  const url = `data:text/javascript,${encodeURIComponent(program)}`;
  const output = await runDeno(["run", "--allow-all", "--v8-flags=--expose-gc", url]);
  assertEquals(output, "room for more: false\nroom for more: true\n");
});
