import { assert, assertEquals, assertNotEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { releaseBuffer } from "../../lib/pipeline/bytes/buffer_pool.ts";
import {
  type ByteConnection,
  type BytePair,
  inSteps,
  ReadBuffer,
  transportOf,
  writeAll,
} from "../../lib/transport/transport.ts";
import { assertBytes, counting } from "../_support/bytes.ts";
import { connPair, streamPair } from "../_support/pair.ts";
import { settle, soon, until } from "../_support/wait.ts";

/** The two things a transport is made of, with a way to look from the other end. */
const KINDS: Record<string, (capacity?: number) => [ByteConnection | BytePair, ByteConnection | BytePair]> = {
  "a connection": connPair,
  "a pair of streams": streamPair,
};

for (const [kind, pair] of Object.entries(KINDS)) {
  Deno.test(`over ${kind}, written bytes arrive in order, then the end`, async () => {
    const [near, far] = pair().map(transportOf);
    const write = async () => {
      for (const size of [1, 10_000, 3]) await writeAll(near!, counting(size));
      await near!.closeWrite();
    };
    const writing = write();
    const received: number[] = [];
    for (let bytes = await far!.read(); bytes !== null; bytes = await far!.read()) {
      assertNotEquals(bytes.length, 0, "an empty chunk says nothing");
      received.push(...bytes);
    }
    await soon(writing, "The writes");
    assertBytes(Uint8Array.from(received), Uint8Array.of(...counting(1), ...counting(10_000), ...counting(3)));
    near!.close();
    far!.close();
  });

  Deno.test(`over ${kind}, each side ends its writing separately`, async () => {
    const [near, far] = pair().map(transportOf);
    await Promise.all([near!.closeWrite(), far!.read().then((bytes) => assertEquals(bytes, null))]);
    await Promise.all([writeAll(far!, counting(3)), near!.read().then((bytes) => assertEquals(bytes, counting(3)))]);
    near!.close();
    far!.close();
  });

  Deno.test(`over ${kind}, a chunk that was read belongs to the reader, and a buffer that was written may be reused`, async () => {
    const [near, far] = pair().map(transportOf);
    const mine = counting(100);
    const [chunk] = await Promise.all([far!.read(), writeAll(near!, mine)]);
    mine.fill(0xff);
    assertBytes(chunk!, counting(100), "a batch's buffer is used again as soon as it is written");
    chunk!.fill(0);
    assertBytes(mine, new Uint8Array(100).fill(0xff), "a parser unmasks in place");
    near!.close();
    far!.close();
  });

  Deno.test(`over ${kind}, a write waits for a peer that does not read`, async () => {
    const [near, far] = pair(1000).map(transportOf);
    let written = 0;
    const write = async () => {
      for (; written < 10; written++) await writeAll(near!, counting(1000));
    };
    const writing = write();
    await settle();
    assert(written <= 2, `${written} writes of 1000 bytes into 1000 bytes of room`);
    for (let received = 0; received < 10_000;) received += (await far!.read())!.length;
    await soon(writing, "The writes");
    near!.close();
    far!.close();
  });

  Deno.test(`over ${kind}, close ends the pending reads and writes on both sides, and may be called again`, async () => {
    const [near, far] = pair(1000).map(transportOf);
    const ended = Promise.allSettled([
      near!.read(),
      writeAll(near!, counting(5000)),
      (async () => {
        while (await far!.read() !== null);
      })(),
    ]);
    near!.close();
    near!.close();
    const [reading, writing] = await soon(ended, "The end");
    assert(reading!.status === "rejected" || reading!.value === null);
    assertEquals(writing!.status, "rejected");
    await assertRejects(() => writeAll(near!, counting(1)));
    await assertRejects(async () => {
      for (;;) await writeAll(far!, counting(1));
    });
    far!.close();
  });
}

Deno.test("small writes are sent at once: Nagle's algorithm is disabled where it exists", () => {
  const [conn] = connPair();
  const asked: unknown[] = [];
  transportOf({ ...conn, setNoDelay: (noDelay) => void asked.push(noDelay) });
  assertEquals(asked, [true]);
});

Deno.test("a peer that disconnects before Nagle's algorithm is disabled is detected by the read, not by an exception", async () => {
  const [conn] = connPair();
  const setNoDelay = () => {
    throw new Error("Invalid argument (os error 22)");
  };
  const transport = transportOf({ ...conn, setNoDelay, read: () => Promise.reject(new Error("Connection reset")) });
  await assertRejects(() => transport.read(), Error, "Connection reset");
  transport.close();
});

Deno.test("close closes the connection once: a second time throws in Deno", () => {
  const [conn] = connPair();
  const transport = transportOf(conn);
  transport.close();
  transport.close();
  assertEquals(conn.closes, 1);
});

Deno.test("after close, closeWrite does nothing", async () => {
  const [conn] = connPair();
  let ends = 0;
  const transport = transportOf({ ...conn, closeWrite: () => Promise.resolve(void ends++) });
  transport.close();
  await transport.closeWrite();
  assertEquals(ends, 0);
});

Deno.test("a connection that cannot end one side is closed, because its peer waits for an end", async () => {
  const [{ read, write, close }, far] = connPair();
  await transportOf({ read, write, close }).closeWrite();
  assertEquals(await far.read(new Uint8Array(1)), null);
});

Deno.test("an empty write to a connection is one write", async () => {
  const [conn] = connPair();
  await writeAll(transportOf(conn), new Uint8Array(0));
  assertEquals(conn.writes.length, 1);
});

Deno.test("an empty chunk of a stream is skipped", async () => {
  const [near, far] = streamPair();
  const transport = transportOf(near);
  const writer = far.writable.getWriter();
  const writing = Promise.all([writer.write(new Uint8Array(0)), writer.write(counting(2)), writer.close()]);
  assertEquals(await transport.read(), counting(2));
  assertEquals(await transport.read(), null);
  await writing;
  transport.close();
});

Deno.test("a pair of streams whose other side fails passes the error to readers and writers, and nowhere else", async () => {
  const cause = new Error("cut");
  const failing: BytePair = {
    readable: new ReadableStream({ start: (controller) => controller.error(cause) }),
    writable: new WritableStream({ start: (controller) => controller.error(cause) }),
  };
  const transport = transportOf(failing);
  await assertRejects(() => transport.read(), Error, "cut");
  await assertRejects(() => writeAll(transport, counting(1)), Error, "cut");
  transport.close();
  await until(() => true, "A turn in which a rejection would show");
});

Deno.test("a transport in steps returns reads in pieces of a maximum size, and then the end", async () => {
  const [conn, far] = connPair();
  const near = inSteps(transportOf(conn), 4);
  assertEquals(near.direct, undefined);
  await far.write(counting(10));
  await far.closeWrite();
  const steps: (number | undefined)[] = [];
  const bytes: number[] = [];
  for (let i = 0; i < 5; i++) {
    const step = await near.read();
    steps.push(step?.length);
    bytes.push(...step ?? []);
  }
  assertEquals(steps, [4, 4, 2, undefined, undefined]);
  assertBytes(Uint8Array.from(bytes), counting(10));
  near.close();
});

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
