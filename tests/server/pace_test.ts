import { assertEquals, assertRejects } from "@std/assert";
import { Deadlines } from "../../lib/deadlines.ts";
import { Pace, PACE_BYTES } from "../../lib/server/pace.ts";
import { FakeTime } from "../_support/fake_time.ts";

Deno.test("a peer's time counts only while it is waited for, and restarts with each 64 KiB", async () => {
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

Deno.test("a time of 0 means no limit", async () => {
  using time = new FakeTime();
  const pace = new Pace(0, () => new Error("late"));
  const step = Promise.withResolvers<number>();
  const waiting = pace.wait(step.promise);
  await time.advance(1_000_000);
  step.resolve(1);
  assertEquals([await waiting, time.timers], [1, 0]);
});

Deno.test("with a server's shared deadlines, many fast peers share one timer, and a slow one still times out", async () => {
  using time = new FakeTime();
  const deadlines = new Deadlines();
  const pace = () => new Pace(100, () => new Error("late"), deadlines.after(100));
  const [slow, fast] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const late = pace().wait(slow.promise);
  late.catch(() => {});
  const waiting = Array.from({ length: 20 }, () => pace().wait(fast.promise));
  assertEquals(time.timers, 1);
  fast.resolve();
  await Promise.all(waiting);
  assertEquals(time.timers, 1);
  await time.advance(101);
  await assertRejects(() => late, Error, "late");
  assertEquals(time.timers, 0);

  const own = pace();
  const first = Promise.withResolvers<void>();
  const step = own.wait(first.promise);
  await time.advance(60);
  first.resolve();
  await step;
  const second = own.wait(new Promise(() => {}));
  second.catch(() => {});
  await time.advance(41);
  await assertRejects(() => second, Error, "late"); // what is left of its time, and not all of it again
});
