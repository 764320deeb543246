import { assert, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { acquireBuffer } from "../../../lib/pipeline/bytes/buffer_pool.ts";
import { dropLent, holdLent, isHeld, leave, lend } from "../../../lib/pipeline/bytes/lent_memory.ts";

/** A size that no other test uses. */
const SIZE = 77_777;

Deno.test("memory that nobody holds goes back to the pool when the reader leaves it", () => {
  const memory = new ArrayBuffer(SIZE);
  lend(memory);
  assert(!isHeld(memory));
  leave(memory);
  assertStrictEquals(acquireBuffer(SIZE), memory);
});

Deno.test("memory that queues hold goes back when the last of them has written it", () => {
  const memory = new ArrayBuffer(SIZE);
  lend(memory);
  holdLent(memory);
  holdLent(memory);
  assert(isHeld(memory));
  leave(memory);
  dropLent(memory);
  assertNotStrictEquals(acquireBuffer(SIZE), memory);
  dropLent(memory);
  assert(!isHeld(memory));
  assertStrictEquals(acquireBuffer(SIZE), memory);
});

Deno.test("memory that was written before the reader left it does not go back twice", () => {
  const memory = new ArrayBuffer(SIZE);
  lend(memory);
  holdLent(memory);
  dropLent(memory);
  leave(memory);
  assertStrictEquals(acquireBuffer(SIZE), memory);
  assertNotStrictEquals(acquireBuffer(SIZE), memory);
});

Deno.test("memory that is not lent is not held, whoever queues it", () => {
  const memory = new ArrayBuffer(SIZE);
  holdLent(memory);
  assert(!isHeld(memory));
  dropLent(memory);
});

Deno.test("memory that one queue holds is held, also when it is lent once more", () => {
  const memory = new ArrayBuffer(SIZE);
  lend(memory);
  holdLent(memory);
  assert(isHeld(memory));
  lend(memory);
  assert(isHeld(memory));
  dropLent(memory);
  assert(!isHeld(memory));
});

Deno.test("memory that comes from the pool again is lent anew: it does not go back when it is written, but when it is left", () => {
  const memory = new ArrayBuffer(SIZE);
  for (let round = 0; round < 2; round++) {
    lend(memory);
    holdLent(memory);
    if (round > 0) {
      dropLent(memory);
      assertNotStrictEquals(acquireBuffer(SIZE), memory);
    }
    leave(memory);
    if (round === 0) dropLent(memory);
    assertStrictEquals(acquireBuffer(SIZE), memory);
  }
});
