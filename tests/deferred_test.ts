import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { defer, handled } from "../lib/deferred.ts";
import { settle } from "./_support/wait.ts";

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

Deno.test("a handled promise may be ignored, and still tells whoever awaits it", async () => {
  const error = new Error("a failure");
  const promise = Promise.reject(error);
  assertStrictEquals(handled(promise), promise);
  await settle(); // the test fails where the rejection is unhandled
  assertStrictEquals(await assertRejects(() => promise), error);
});
