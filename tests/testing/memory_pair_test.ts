import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { type MemoryEnd, memoryPair } from "../../lib/testing/memory_pair.ts";
import { settle, soon } from "../../lib/testing/wait.ts";
import { counting } from "../_support/bytes.ts";

/** What one read brings, `null` at the end. */
async function read(end: MemoryEnd, size = 100): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(size);
  const count = await soon(end.read(buffer), "A read");
  return count === null ? null : buffer.subarray(0, count);
}

/** Whether a promise is still pending when everything else has happened. */
async function pends(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol();
  return await Promise.race([promise, settle().then(() => pending)]) === pending;
}

Deno.test("the other end reads all written bytes, both ways, in one read if they fit", async () => {
  const [near, far] = memoryPair();
  await near.write(Uint8Array.of(1, 2));
  await near.write(new Uint8Array(0));
  await near.write(Uint8Array.of(3));
  await far.write(Uint8Array.of(4));
  assertEquals(await read(far, 2), Uint8Array.of(1, 2));
  assertEquals(await read(far), Uint8Array.of(3));
  assertEquals(await read(near), Uint8Array.of(4));
});

Deno.test("the written buffer may be changed afterwards", async () => {
  const [near, far] = memoryPair();
  const bytes = Uint8Array.of(1);
  await near.write(bytes);
  bytes[0] = 2;
  assertEquals(await read(far), Uint8Array.of(1));
});

Deno.test("a write fills the available space, and waits for more until the other end reads", async () => {
  const [near, far] = memoryPair({ capacity: 3 });
  assertEquals(await near.write(counting(5)), 3);
  const waiting = near.write(counting(2, 3));
  assertEquals(await pends(waiting), true);
  assertEquals(await read(far, 1), counting(1));
  assertEquals(await waiting, 1);
});

Deno.test("a direction without capacity accepts nothing, and one with infinite capacity everything", async () => {
  const [full] = memoryPair({ capacity: 0 });
  assertEquals(await pends(full.write(counting(1))), true);
  const [endless] = memoryPair({ capacity: Infinity });
  assertEquals(await endless.write(new Uint8Array(1_000_000)), 1_000_000);
  assertThrows(() => memoryPair({ capacity: -1 }), RangeError, "capacity -1");
  assertThrows(() => memoryPair({ capacity: NaN }), RangeError, "capacity NaN");
});

Deno.test("closeWrite ends one direction, after the written bytes; the other direction goes on", async () => {
  const [near, far] = memoryPair();
  await near.write(counting(2));
  await near.closeWrite();
  assertEquals(await read(far), counting(2));
  assertEquals(await read(far), null);
  await assertRejects(() => near.write(counting(1)), Error, "has ended");
  await far.write(counting(1));
  assertEquals(await read(near), counting(1));
});

Deno.test("close ends both directions: the other end reads the written bytes, and cannot write any more", async () => {
  const [near, far] = memoryPair();
  await near.write(counting(2));
  const reading = near.read(new Uint8Array(1));
  near.close();
  near.close();
  await assertRejects(() => reading, Error, "closed");
  await assertRejects(() => near.write(counting(1)), Error, "closed");
  assertEquals(await read(far), counting(2));
  assertEquals(await read(far), null);
  await assertRejects(() => far.write(counting(1)), Error, "other end of the connection is closed");
});

Deno.test("reset fails pending calls on both ends, and discards unread bytes", async () => {
  const [near, far] = memoryPair({ capacity: 1 });
  await near.write(counting(1));
  const writing = near.write(counting(1));
  const reading = near.read(new Uint8Array(1));
  const cause = new Error("cut");
  far.reset(cause);
  far.reset();
  for (const failed of [writing, reading, far.read(new Uint8Array(1)), far.write(counting(1))]) {
    assertStrictEquals(await assertRejects(() => failed), cause);
  }
  const [other] = memoryPair();
  other.reset();
  await assertRejects(() => other.read(new Uint8Array(1)), Error, "The connection was reset");
});

Deno.test("the ends are streams too, limited like the calls", async () => {
  const [near, far] = memoryPair({ capacity: 4 });
  const writer = near.writable.getWriter();
  const writing = writer.write(counting(10));
  assertEquals(await pends(writing), true);
  const reader = far.readable.getReader();
  assertEquals((await reader.read()).value, counting(4));
  assertEquals((await reader.read()).value, counting(4, 4));
  assertEquals((await reader.read()).value, counting(2, 8));
  await writing;
  await writer.close();
  assertEquals((await reader.read()).done, true);
  assertStrictEquals(near.writable, near.writable);
});

Deno.test("an unread stream reads nothing ahead", async () => {
  const [near, far] = memoryPair({ capacity: 2 });
  const { readable } = far;
  await near.write(counting(2));
  assertEquals(await pends(near.write(counting(1))), true);
  await readable.cancel();
});

Deno.test("cancel and abort reach the other end, even during a pending write", async () => {
  const [near, far] = memoryPair({ capacity: 1 });
  const writer = near.writable.getWriter();
  const writing = writer.write(counting(2));
  writing.catch(() => {}); // looked at below
  writer.closed.catch(() => {}); // the same
  await settle();
  const cause = new Error("enough");
  await soon(writer.abort(cause).catch(() => {}), "The abort");
  await assertRejects(() => writing);
  assertStrictEquals(await assertRejects(() => far.readable.getReader().read()), cause);
  await near.readable.cancel();
  await assertRejects(() => far.writable.getWriter().write(counting(1)), Error, "no longer reads");
});
