import { assertEquals, assertRejects } from "@std/assert";
import { Pace, PACE_BYTES } from "../../lib/server/pace.ts";
import { FakeTime } from "../_support/fake_time.ts";

Deno.test("a peer's time is what it is waited for, and begins again with each 64 KiB", async () => {
  using time = new FakeTime();
  const pace = new Pace(100, () => new Error("late"));
  const wait = async (ms: number) => {
    const step = Promise.withResolvers<void>();
    const waiting = pace.wait(step.promise);
    waiting.catch(() => {});
    await time.advance(ms);
    step.resolve();
    await waiting;
  };
  await wait(60);
  await time.advance(1_000); // ours
  await wait(30);
  pace.moved(PACE_BYTES - 1);
  await assertRejects(() => wait(20), Error, "late");
  pace.moved(1);
  await wait(90);
  assertEquals(time.timers, 0);
});

Deno.test("a time of 0 waits as long as it takes", async () => {
  using time = new FakeTime();
  const pace = new Pace(0, () => new Error("late"));
  const step = Promise.withResolvers<number>();
  const waiting = pace.wait(step.promise);
  await time.advance(1_000_000);
  step.resolve(1);
  assertEquals([await waiting, time.timers], [1, 0]);
});
