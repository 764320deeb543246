import { assertEquals, assertStrictEquals } from "@std/assert";
import { ContextPool } from "../../../lib/extensions/permessage_deflate/codec.ts";

/** Contexts that know whether they were closed. */
function contexts(count: number) {
  return Array.from({ length: count }, () => ({
    closed: 0,
    close() {
      this.closed++;
    },
  }));
}

Deno.test("a pool returns released contexts by the bits of the window", () => {
  const pool = new ContextPool<ReturnType<typeof contexts>[number]>();
  const [small, large] = contexts(2);
  assertStrictEquals(pool.take(9), undefined);
  pool.give(9, small!);
  pool.give(15, large!);
  assertStrictEquals(pool.take(10), undefined);
  assertStrictEquals(pool.take(15), large);
  assertStrictEquals(pool.take(15), undefined);
  assertStrictEquals(pool.take(9), small);
});

Deno.test("a pool keeps four contexts of each window and closes the others", () => {
  const pool = new ContextPool<ReturnType<typeof contexts>[number]>();
  const [small, large] = [contexts(6), contexts(4)];
  for (const context of small) pool.give(9, context);
  for (const context of large) pool.give(15, context);
  assertEquals(small.map(({ closed }) => closed), [0, 0, 0, 0, 1, 1]);
  assertEquals(large.map(({ closed }) => closed), [0, 0, 0, 0]);
  const kept = Array.from({ length: 5 }, () => pool.take(9));
  assertEquals(new Set(kept), new Set([...small.slice(0, 4), undefined]));
  pool.give(9, small[0]!);
  assertEquals(small[0]!.closed, 0);
});
