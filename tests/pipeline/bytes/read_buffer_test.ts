import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { releaseBuffer } from "../../../lib/pipeline/bytes/buffer_pool.ts";
import { ReadBuffer } from "../../../lib/pipeline/bytes/read_buffer.ts";
import { assertBytes, counting } from "../../_support/bytes.ts";

/** What an idle connection holds. */
const LEAST = 512;
const KIB = 1024;

/** Reads that bring so many bytes, or all there is room for; gives the room that each was offered. */
function offers(reads: readonly (number | "full")[], kept: boolean): number[] {
  const buffer = new ReadBuffer();
  return reads.map((read) => {
    const room = buffer.writableView.length;
    buffer.advance(read === "full" ? room : read, { kept });
    return room;
  });
}

/** What a read brings, by way of the buffer. */
function read(buffer: ReadBuffer, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  buffer.writableView.set(bytes);
  return buffer.take(bytes.length);
}

Deno.test("a ReadBuffer starts at 512 bytes, grows to 4 KiB and then fourfold when a read fills it, and stops at 320 KiB", () => {
  for (const kept of [true, false]) {
    const sizes = offers(["full", "full", "full", "full", "full", "full"], kept);
    assertEquals(sizes, [0.5, 4, 16, 64, 256, 320].map((n) => n * KIB), `kept: ${kept}`);
  }
});

Deno.test("a ReadBuffer shrinks to a quarter after three reads in a row of a thirty-second of it, down to 512 bytes", () => {
  assertEquals(
    offers(["full", "full", 10, 10, 513, 10, 10, 10, 10, 10, 10, 10, 10, 10, 1], false),
    [0.5, 4, 16, 16, 16, 16, 16, 16, 4, 4, 4, 1, 1, 1, 0.5].map((n) => n * KIB),
  );
});

Deno.test("a read that fills the largest buffer resets the count of small reads", () => {
  const fills = ["full", "full", "full", "full", "full"] as const;
  assertEquals(offers([...fills, 10, 10, "full", 10, 10, 10, 1], false).slice(5), [
    ...Array(6).fill(320 * KIB),
    80 * KIB,
  ]);
});

Deno.test("a ReadBuffer grows and shrinks in the same way if all bytes are kept", () => {
  assertEquals(offers([100, "full", 1], true), [LEAST, LEAST, 4 * KIB]);
  assertEquals(
    offers(["full", "full", 1, 1, 1, 1], true),
    [LEAST, 4, 16, 16, 16, 4].map((n) => n === LEAST ? n : n * KIB),
  );
});

Deno.test("a ReadBuffer of 512 bytes does not shrink", () => {
  assertEquals(offers([1, 1, 1, 1, 1], false), Array(5).fill(LEAST));
});

Deno.test("a ReadBuffer also shrinks if the third small read ends with an incomplete frame", () => {
  const buffer = new ReadBuffer();
  buffer.advance(LEAST, { kept: false });
  buffer.advance(4 * KIB, { kept: false });
  for (let i = 0; i < 4; i++) assertEquals(buffer.advance(100, { kept: false, missing: 1 }), false);
  assert(buffer.advance(1, { kept: false }));
  assertStrictEquals(buffer.writableView.length, 4 * KIB);
});

Deno.test("if no bytes are kept, the same memory is reused for the next read", () => {
  const buffer = new ReadBuffer();
  const { memory } = buffer;
  for (let i = 0; i < 100; i++) {
    assertStrictEquals(buffer.writableView.length, LEAST);
    assert(buffer.advance(100, { kept: false }), "the next read goes elsewhere than behind this one");
  }
  assertStrictEquals(buffer.memory, memory);
});

Deno.test("kept bytes have their own memory: the next read uses other memory", () => {
  const buffer = new ReadBuffer();
  const kept: Uint8Array[] = [];
  for (let i = 0; i < 50; i++) {
    kept.push(read(buffer, counting(50, i)));
    buffer.advance(50, { kept: true });
    read(buffer, counting(100, 99));
    buffer.advance(100, { kept: false });
    assert(buffer.writableView.length >= LEAST / 4, `${buffer.writableView.length} bytes of room`);
  }
  kept.forEach((bytes, i) => assertBytes(bytes, counting(50, i)));
  assertStrictEquals(new Set(kept.map(({ buffer }) => buffer)).size, 50);
});

Deno.test("incomplete bytes are continued in place, if there is room for the rest", () => {
  const buffer = new ReadBuffer();
  const first = read(buffer, counting(400));
  assertEquals(buffer.advance(400, { kept: false, missing: LEAST - 400 }), false);
  const second = read(buffer, counting(LEAST - 400, 400));
  assertStrictEquals(second.buffer, first.buffer);
  assertBytes(new Uint8Array(first.buffer, 0, LEAST), counting(LEAST));
  assertEquals(buffer.advance(LEAST - 400, { kept: false }), true);
  assertStrictEquals(buffer.writableView.byteOffset, 0);
});

Deno.test("incomplete bytes are not continued behind kept bytes, which may be transferred", () => {
  const buffer = new ReadBuffer();
  const { memory } = buffer;
  read(buffer, counting(100));
  assertEquals(buffer.advance(100, { kept: true, missing: 10 }), true);
  assert(buffer.memory !== memory);
});

Deno.test("incomplete bytes are not continued in place without room for the rest", () => {
  const buffer = new ReadBuffer();
  read(buffer, counting(400));
  assertEquals(buffer.advance(400, { kept: false, missing: LEAST - 399 }), true);
});

Deno.test("a ReadBuffer whose bytes are kept uses no memory of the pool, which may be larger", () => {
  for (let i = 0; i < 8; i++) releaseBuffer(new ArrayBuffer(2 ** 20));
  const buffer = new ReadBuffer();
  for (let i = 0; i < 10; i++) {
    const { length } = buffer.writableView;
    assertStrictEquals(buffer.memory.byteLength, length);
    buffer.advance(length, { kept: true });
  }
});

Deno.test("with memory of the pool, which may be larger, a ReadBuffer keeps its size", () => {
  const memory = new ArrayBuffer(100 * KIB);
  releaseBuffer(memory);
  const buffer = new ReadBuffer();
  for (const size of [LEAST, 4 * KIB, 16 * KIB]) buffer.advance(size, { kept: false });
  buffer.replace();
  assert(buffer.memory === memory);
  assertStrictEquals(buffer.writableView.length, 64 * KIB);
});

Deno.test("replace() leaves the old memory to its current readers", () => {
  const buffer = new ReadBuffer();
  const bytes = read(buffer, counting(10));
  buffer.replace();
  read(buffer, counting(10, 50));
  assertBytes(bytes, counting(10));
});

Deno.test("if kept bytes are transferred, before the read settles or after, the next read uses other memory", () => {
  for (const after of [false, true]) {
    const buffer = new ReadBuffer();
    const { memory } = buffer;
    read(buffer, counting(10));
    if (after) buffer.advance(10, { kept: true });
    memory.transfer();
    if (!after) buffer.advance(10, { kept: true });
    assertStrictEquals(buffer.writableView.length, LEAST);
    assertBytes(read(buffer, counting(20)), counting(20));
  }
});
