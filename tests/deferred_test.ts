import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { defer } from "../lib/deferred.ts";

Deno.test("a deferred promise is fulfilled and rejected from outside, once", async () => {
  const fulfilled = defer<number>();
  fulfilled.resolve(1);
  fulfilled.resolve(2);
  fulfilled.reject(new Error("late"));
  assertEquals(await fulfilled.promise, 1);

  const rejected = defer<never>();
  const reason = new Error("enough");
  rejected.reject(reason);
  assertStrictEquals(await assertRejects(() => rejected.promise), reason);
});
