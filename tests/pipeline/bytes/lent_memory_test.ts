import { assert, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { acquireBuffer } from "../../../lib/pipeline/bytes/buffer_pool.ts";
import { giveBack, isPinned, lend, pin, unpin } from "../../../lib/pipeline/bytes/lent_memory.ts";

/** A size that no other test uses. */
const SIZE = 77_777;

Deno.test("memory without holders returns to the pool when the reader leaves it", () => {
  const memory = new ArrayBuffer(SIZE);
  lend(memory);
  assert(!isPinned(memory));
  giveBack(memory);
  assertStrictEquals(acquireBuffer(SIZE), memory);
});

Deno.test("memory that queues hold returns when the last of them has written it", () => {
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

Deno.test("memory that was written before the reader left it does not return twice", () => {
  const memory = new ArrayBuffer(SIZE);
  lend(memory);
  pin(memory);
  unpin(memory);
  giveBack(memory);
  assertStrictEquals(acquireBuffer(SIZE), memory);
  assertNotStrictEquals(acquireBuffer(SIZE), memory);
});

Deno.test("memory that is not lent is not held, even if it is queued", () => {
  const memory = new ArrayBuffer(SIZE);
  pin(memory);
  assert(!isPinned(memory));
  unpin(memory);
});

Deno.test("memory that one queue holds stays held when it is lent again", () => {
  const memory = new ArrayBuffer(SIZE);
  lend(memory);
  pin(memory);
  assert(isPinned(memory));
  lend(memory);
  assert(isPinned(memory));
  unpin(memory);
  assert(!isPinned(memory));
});

Deno.test("memory that comes from the pool again is lent again: it returns when it is left, not when it is written", () => {
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
