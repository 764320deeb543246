import { assertEquals } from "@std/assert";
import { sleep } from "../lib/sleep.ts";
import { FakeTime } from "./_support/fake_time.ts";

Deno.test("a sleep ends with its time, and not before", async () => {
  using time = new FakeTime();
  let awake = false;
  const sleeping = sleep(100, new AbortController().signal).then(() => awake = true);
  await time.advance(99);
  assertEquals(awake, false);
  await time.advance(1);
  assertEquals(awake, true);
  await sleeping;
});

Deno.test("a sleep ends with its signal, at once where that is aborted already, and leaves no timer", async () => {
  using time = new FakeTime();
  const stop = new AbortController();
  const sleeping = sleep(100, stop.signal);
  assertEquals(time.timers, 1);
  stop.abort();
  await sleeping;
  await sleep(100, stop.signal);
  assertEquals(time.timers, 0);
});
