import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { defer, handled, nextTask, sleep } from "../lib/async.ts";
import { FakeTime } from "./_support/fake_time.ts";
import { settle } from "./_support/wait.ts";

Deno.test("a deferred promise is fulfilled or rejected from outside, once", async () => {
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

Deno.test("a handled promise may be ignored, and still rejects when it is awaited", async () => {
  const error = new Error("a failure");
  const promise = Promise.reject(error);
  assertStrictEquals(handled(promise), promise);
  await settle(); // the test fails where the rejection is unhandled
  assertStrictEquals(await assertRejects(() => promise), error);
});

Deno.test("a sleep ends after its time, and not before", async () => {
  using time = new FakeTime();
  let awake = false;
  const sleeping = sleep(100, new AbortController().signal).then(() => awake = true);
  await time.advance(99);
  assertEquals(awake, false);
  await time.advance(1);
  assertEquals(awake, true);
  await sleeping;
});

Deno.test("a sleep ends when its signal is aborted, at once if it already was, and leaves no timer", async () => {
  using time = new FakeTime();
  const stop = new AbortController();
  const sleeping = sleep(100, stop.signal);
  assertEquals(time.timers, 1);
  stop.abort();
  await sleeping;
  await sleep(100, stop.signal);
  assertEquals(time.timers, 0);
});

Deno.test("the next task runs after all reactions of promises that are already resolved, and after their reactions", async () => {
  const seen: string[] = [];
  const task = nextTask().then(() => seen.push("task"));
  void Promise.resolve().then(() => seen.push("reaction")).then(() => seen.push("its reaction"));
  await task;
  assertEquals(seen, ["reaction", "its reaction", "task"]);
});
