import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ByteReader, type ByteSource } from "../../../lib/pipeline/bytes/byte_reader.ts";
import { assertBytes, counting } from "../../_support/bytes.ts";

const KIB = 1024;

/** Brings as many bytes a read as it is told, a full buffer for `"full"`, and notes the buffers it was given. */
function source(reads: (number | "full" | null)[]): ByteSource & { sizes: number[] } {
  const sizes: number[] = [];
  let at = 0;
  let byte = 0;
  return {
    sizes,
    read(buffer) {
      sizes.push(buffer.length);
      const read = reads[at++] ?? null;
      if (read === null) return Promise.resolve(null);
      const count = read === "full" ? buffer.length : read;
      for (let i = 0; i < count; i++) buffer[i] = byte++;
      return Promise.resolve(count);
    },
  };
}

/** Reads to the end and returns the sizes of the buffers that were offered. */
async function offered(reads: (number | "full")[]): Promise<number[]> {
  const from = source(reads);
  const reader = new ByteReader(from);
  while (await reader.read() !== null);
  return from.sizes;
}

Deno.test("a ByteReader starts at 1 KiB, grows fourfold when a read fills it, and stops at 64 KiB", async () => {
  assertEquals(await offered(["full", "full", "full", "full", "full"]), [1, 4, 16, 64, 64, 64].map((n) => n * KIB));
});

Deno.test("a ByteReader does not grow for a read that leaves room", async () => {
  assertEquals(await offered([KIB - 1, KIB - 1, 300]), [KIB, KIB, KIB, KIB]);
});

Deno.test("a ByteReader shrinks to a quarter after three small reads in a row, down to 1 KiB", async () => {
  assertEquals(
    await offered(["full", "full", 10, 10, 4 * KIB, 10, 10, 10, 10, 10]),
    [1, 4, 16, 16, 16, 4, 4, 4, 1, 1, 1].map((n) => n * KIB),
  );
});

Deno.test("a ByteReader does not shrink while larger reads come between", async () => {
  assertEquals(
    await offered(["full", "full", 10, 10, 4 * KIB + 1, 10, 10, 4 * KIB + 1, 10, 10]),
    [1, 4, 16, 16, 16, 16, 16, 16, 16, 16, 16].map((n) => n * KIB),
  );
});

Deno.test("what a ByteReader gives is exact and private: neither later reads nor the caller change it", async () => {
  const reader = new ByteReader(source([10, 20, 5]));
  const first = await reader.read();
  const second = await reader.read();
  assertBytes(first!, counting(10));
  assertBytes(second!, counting(20, 10));
  assertStrictEquals(first!.buffer.byteLength, 10);
  assert(first!.buffer !== second!.buffer);
  second!.fill(0xff);
  assertBytes((await reader.read())!, counting(5, 30));
  assertBytes(first!, counting(10));
});

Deno.test("a ByteReader gives null at the end, and again", async () => {
  const reader = new ByteReader(source([1]));
  await reader.read();
  assertStrictEquals(await reader.read(), null);
  assertStrictEquals(await reader.read(), null);
});

Deno.test("a ByteReader waits on where a read brought nothing", async () => {
  const reader = new ByteReader(source([0, 0, 3]));
  assertBytes((await reader.read())!, counting(3));
});

Deno.test("what a source throws reaches the reader", async () => {
  const reader = new ByteReader({ read: () => Promise.reject(new Deno.errors.ConnectionReset("gone")) });
  await assertRejects(() => reader.read(), Deno.errors.ConnectionReset, "gone");
});
