import { assert, assertEquals, assertLessOrEqual, assertStrictEquals, assertThrows } from "@std/assert";
import { GrowingBuffer } from "../../../lib/pipeline/bytes/growing_buffer.ts";
import { releaseBuffer } from "../../../lib/pipeline/bytes/buffer_pool.ts";
import { hasHeadroom, HEADROOM, MIN_BYTES_FOR_HEADROOM } from "../../../lib/pipeline/bytes/headroom.ts";
import { drainPool, inPool } from "../../_support/buffer_pool.ts";
import { allocations, assertBytes, counting } from "../../_support/bytes.ts";
import { below, SEED, seeded } from "../../_support/random.ts";

Deno.test("a GrowingBuffer returns its bytes in order, and starts again", () => {
  const buffer = new GrowingBuffer();
  assertStrictEquals(buffer.length, 0);
  buffer.append(counting(3));
  buffer.append(counting(0));
  buffer.append(counting(2000, 3));
  assertStrictEquals(buffer.length, 2003);
  assertBytes(buffer.take(), counting(2003));
  assertStrictEquals(buffer.length, 0);
  buffer.append(counting(5));
  assertBytes(buffer.take(), counting(5));
  assertBytes(buffer.take(), counting(0));
});

Deno.test("take() returns an exact private buffer", () => {
  for (const sizes of [[1], [1000, 24], [1024], [1025], [3, 5000, 70_000]]) {
    const buffer = new GrowingBuffer();
    const parts = sizes.map((size) => counting(size));
    for (const part of parts) buffer.append(part);
    const bytes = buffer.take();
    assertStrictEquals(bytes.byteOffset, 0);
    assertStrictEquals(bytes.buffer.byteLength, bytes.length);
    const before = bytes.slice();
    for (const part of parts) {
      assert(part.buffer !== bytes.buffer);
      part.fill(0xff);
    }
    buffer.append(new Uint8Array(bytes.length).fill(0xee));
    assertBytes(bytes, before, `parts of ${sizes}`);
  }
});

Deno.test("a GrowingBuffer allocates at most twice the arrived bytes, or 1 KiB, whatever is expected", () => {
  const random = seeded();
  for (const expected of [Infinity, 2 ** 40, 16 * 2 ** 20]) {
    const buffer = new GrowingBuffer();
    for (let i = 0; i < 200; i++) {
      const part = new Uint8Array(below(random, 3000));
      const sizes = allocations(() => buffer.append(part, expected));
      for (const size of sizes) assertLessOrEqual(size, Math.max(2 * buffer.length, 1024), `SEED=${SEED}`);
    }
  }
});

Deno.test("a GrowingBuffer never allocates more than is expected in total", () => {
  const random = seeded();
  for (const total of [0, 1, 10, 1023, 1024, 1025, 5000, 100_000]) {
    const buffer = new GrowingBuffer();
    const sizes = allocations(() => {
      for (let left = total; left > 0;) {
        const part = counting(1 + below(random, left));
        left -= part.length;
        buffer.append(part, left);
      }
    });
    assert(sizes.every((size) => size <= total), `${sizes} of ${total}, SEED=${SEED}`);
    // The last growth fits, so the bytes are handed on as they are.
    assertEquals(allocations(() => buffer.take()), [0]);
  }
});

Deno.test("a GrowingBuffer grows by doubling: 65 536 parts of 64 bytes cost 14 allocations at most", () => {
  const buffer = new GrowingBuffer();
  const part = new Uint8Array(64);
  const sizes = allocations(() => {
    for (let i = 0; i < 65_536; i++) buffer.append(part);
  });
  assertLessOrEqual(sizes.length, 14); // 1 KiB to 4 MiB, doubling
});

Deno.test("a held part stays in the read buffer while the next bytes are read right behind it", () => {
  const read = counting(3000);
  const buffer = new GrowingBuffer();
  buffer.hold(read.subarray(100, 1100));
  assertStrictEquals(buffer.writableView(1000), undefined);
  buffer.append(read.subarray(1100, 2100), 0);
  const bytes = buffer.take();
  assertStrictEquals(bytes.buffer, read.buffer);
  assertBytes(bytes, counting(2000, 100));
});

Deno.test("a held part moves to its own buffer when reads go elsewhere, or the next bytes are elsewhere", () => {
  for (const announced of [true, false]) {
    const read = counting(1000);
    const buffer = new GrowingBuffer();
    buffer.hold(read);
    if (announced) {
      buffer.leaveRead(500);
      read.fill(0xff);
    }
    buffer.append(counting(500, 1000), 0);
    read.fill(0xff);
    assertBytes(buffer.take(), counting(1500));
  }
});

Deno.test("bytes read into space() are in place, and space() is never more than three times the arrived bytes", () => {
  const total = 100_000;
  const buffer = new GrowingBuffer();
  buffer.append(counting(1000), 0);
  while (buffer.length < total) {
    const space = buffer.writableView(total - buffer.length);
    assert(space !== undefined);
    assertLessOrEqual(space.length, Math.max(3 * buffer.length, 1024));
    const part = space.subarray(0, 7000);
    part.set(counting(part.length, buffer.length));
    const sizes = allocations(() => buffer.append(part));
    assertEquals(sizes.filter((size) => size > part.length), []);
  }
  assertBytes(buffer.take(), counting(total));
});

Deno.test("a large gathered payload has room for a header in front of it", () => {
  const buffer = new GrowingBuffer();
  buffer.append(counting(MIN_BYTES_FOR_HEADROOM), 10);
  buffer.append(counting(10, MIN_BYTES_FOR_HEADROOM), 0);
  assert(hasHeadroom(buffer.take(), HEADROOM));
});

Deno.test("a pooled GrowingBuffer grows with buffers of the pool, and returns the smaller ones", () => {
  const memory = new ArrayBuffer(300_001 + HEADROOM);
  releaseBuffer(memory);
  const buffer = new GrowingBuffer({ pooled: true });
  buffer.append(counting(100_000), 200_001);
  buffer.writableView(200_001)!.set(counting(200_001, 100_000));
  buffer.append(buffer.writableView(200_001)!);
  const bytes = buffer.take();
  assertBytes(bytes, counting(300_001));
  assertStrictEquals(bytes.buffer, memory);
});

Deno.test("detachCopy() returns memory that belongs to the caller, and pool buffers go back to the pool", () => {
  for (const size of [10, MIN_BYTES_FOR_HEADROOM - 1, MIN_BYTES_FOR_HEADROOM, 50_000, 300_000]) {
    for (const expected of [0, 1000]) {
      const buffer = new GrowingBuffer({ pooled: true });
      const first = Math.floor(size / 3);
      buffer.append(counting(first), size - first + expected);
      buffer.append(counting(size - first, first), expected);
      const own = buffer.detachCopy();
      assertBytes(own, counting(size));
      assertLessOrEqual(own.buffer.byteLength, size + HEADROOM);
      assertStrictEquals(hasHeadroom(own, HEADROOM), size >= MIN_BYTES_FOR_HEADROOM);
      assert(!inPool(own.buffer));
      assertStrictEquals(buffer.length, 0);
    }
  }
});

Deno.test("detachCopy() pins no more than the message if the pool is full", () => {
  const large = new ArrayBuffer(1_000_000);
  releaseBuffer(large);
  const buffer = new GrowingBuffer({ pooled: true });
  buffer.append(counting(300_000), 700_000 - HEADROOM);
  const fill = Array.from({ length: 33 }, () => new ArrayBuffer(2 ** 20));
  fill.forEach(releaseBuffer);
  const own = buffer.detachCopy();
  assertLessOrEqual(own.buffer.byteLength, 300_000 + HEADROOM);
  assertBytes(own, counting(300_000));
  drainPool();
});

Deno.test("detachCopy() passes on bytes that are held in a read unchanged", () => {
  const read = counting(5000);
  const buffer = new GrowingBuffer({ pooled: true });
  buffer.hold(read.subarray(0, 3000));
  buffer.append(read.subarray(3000), 0);
  const own = buffer.detachCopy();
  assertStrictEquals(own.buffer, read.buffer);
  assertBytes(own, counting(5000));
});

Deno.test("show() shows the held bytes, whose memory returns to the pool even if the callback throws", () => {
  for (const fails of [false, true]) {
    const buffer = new GrowingBuffer({ pooled: true });
    buffer.append(counting(200_000));
    let memory = new ArrayBuffer(1);
    const look = () =>
      buffer.show((bytes) => {
        memory = bytes.buffer;
        assertBytes(bytes, counting(200_000));
        if (fails) throw new RangeError("Seen enough");
        return "seen";
      });
    if (fails) assertThrows(look, RangeError);
    else assertStrictEquals(look(), "seen");
    assertStrictEquals(buffer.length, 0);
    assert(inPool(memory));
  }
});

Deno.test("lent bytes are valid until the next append, which uses the same memory", () => {
  const buffer = new GrowingBuffer();
  assertBytes(buffer.lend(), counting(0));
  buffer.append(counting(1000));
  const lent = buffer.lend();
  assertBytes(lent, counting(1000));
  assertStrictEquals(buffer.length, 0);
  const more = counting(1000, 7);
  assertEquals(allocations(() => buffer.append(more)), []);
  assertBytes(lent, more);
  assertBytes(buffer.take(), more);
});

Deno.test("space() is no larger than expected, however much room there is, because later bytes belong elsewhere", () => {
  const buffer = new GrowingBuffer();
  buffer.append(counting(5000));
  assertLessOrEqual(buffer.writableView(100)!.length, 100);
  buffer.append(new Uint8Array(0), 20_000);
  assertStrictEquals(buffer.writableView(100)!.length, 100);
});

Deno.test("leaveRead() allocates only if bytes are held in a read", () => {
  const buffer = new GrowingBuffer();
  buffer.append(counting(1000), 1000);
  assertEquals(allocations(() => buffer.leaveRead(1000)), []);
});

Deno.test("held bytes are forgotten when they are taken: the next part has its own buffer", () => {
  const read = counting(5000);
  const buffer = new GrowingBuffer();
  buffer.hold(read.subarray(0, 5000));
  assertStrictEquals(buffer.take().buffer, read.buffer);
  assertStrictEquals(buffer.writableView(1000)?.length, 1000);
});

Deno.test("a large payload in its read buffer has no room in front of it, because other bytes may be there", () => {
  const read = new Uint8Array(HEADROOM + MIN_BYTES_FOR_HEADROOM);
  const buffer = new GrowingBuffer();
  buffer.hold(read.subarray(HEADROOM));
  assert(!hasHeadroom(buffer.take(), HEADROOM));
});

Deno.test("bytes from a pooled GrowingBuffer are not copied, however much room is left behind them", () => {
  const buffer = new GrowingBuffer({ pooled: true });
  buffer.append(counting(100_000));
  const space = buffer.writableView(1000);
  const bytes = buffer.take();
  assertStrictEquals(bytes.length, 100_000);
  assertStrictEquals(bytes.buffer, space?.buffer);
});

Deno.test("a pooled GrowingBuffer returns the smaller buffers, and takes nothing from the pool for few bytes", () => {
  const buffer = new GrowingBuffer({ pooled: true });
  buffer.append(counting(100_000));
  const outgrown = buffer.writableView(100)!.buffer;
  buffer.append(counting(outgrown.byteLength), 0);
  assert(inPool(outgrown));
  const little = new GrowingBuffer({ pooled: true });
  releaseBuffer(new ArrayBuffer(100_000));
  little.append(counting(5000), 100_000);
  assertLessOrEqual(little.writableView(100_000)!.buffer.byteLength, 2 * 5000);
});

Deno.test("bytes moved out of a read behave like copied ones: space() follows them, and leaving again costs nothing", () => {
  const buffer = new GrowingBuffer();
  buffer.hold(counting(5000));
  buffer.leaveRead(100_000);
  assertEquals(allocations(() => buffer.leaveRead(100_000)), []);
  assert(buffer.writableView(100_000) !== undefined);
  buffer.append(counting(95_000, 5000), 0);
  assert(hasHeadroom(buffer.take(), HEADROOM));
});
