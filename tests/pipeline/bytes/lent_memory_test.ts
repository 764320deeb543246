import { assert, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { acquireBuffer } from "../../../lib/pipeline/bytes/buffer_pool.ts";
import { giveBack, isPinned, lend, pin, unpin } from "../../../lib/pipeline/bytes/lent_memory.ts";

/** A size that no other test uses. */
const SIZE = 77_777;

Deno.test("memory that nobody holds goes back to the pool when the reader leaves it", () => {
  const memory = new ArrayBuffer(SIZE);
  lend(memory);
  assert(!isPinned(memory));
  giveBack(memory);
  assertStrictEquals(acquireBuffer(SIZE), memory);
});

Deno.test("memory that queues hold goes back when the last of them has written it", () => {
  const memory = new ArrayBuffer(SIZE);
  lend(memory);
  pin(memory);
  pin(memory);
  assert(isPinned(memory));
  giveBack(memory);
  unpin(memory);
  assertNotStrictEquals(acquireBuffer(SIZE), memory);
  unpin(memory);
  assert(!isPinned(memory));
  assertStrictEquals(acquireBuffer(SIZE), memory);
});

Deno.test("memory that was written before the reader left it does not go back twice", () => {
  const memory = new ArrayBuffer(SIZE);
  lend(memory);
  pin(memory);
  unpin(memory);
  giveBack(memory);
  assertStrictEquals(acquireBuffer(SIZE), memory);
  assertNotStrictEquals(acquireBuffer(SIZE), memory);
});

Deno.test("memory that is not lent is not held, whoever queues it", () => {
  const memory = new ArrayBuffer(SIZE);
  pin(memory);
  assert(!isPinned(memory));
  unpin(memory);
});

Deno.test("memory that one queue holds is held, also when it is lent once more", () => {
  const memory = new ArrayBuffer(SIZE);
  lend(memory);
  pin(memory);
  assert(isPinned(memory));
  lend(memory);
  assert(isPinned(memory));
  unpin(memory);
  assert(!isPinned(memory));
});

Deno.test("memory that comes from the pool again is lent anew: it does not go back when it is written, but when it is left", () => {
  const memory = new ArrayBuffer(SIZE);
  for (let round = 0; round < 2; round++) {
    lend(memory);
    pin(memory);
    if (round > 0) {
      unpin(memory);
      assertNotStrictEquals(acquireBuffer(SIZE), memory);
    }
    giveBack(memory);
    if (round === 0) unpin(memory);
    assertStrictEquals(acquireBuffer(SIZE), memory);
  }
});
