import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { fakeTime } from "../../lib/testing/fake_time.ts";
import { settle } from "../../lib/testing/wait.ts";

Deno.test("time stands still until it is advanced, and timers run in the order of their times", async () => {
  using time = fakeTime();
  const events: string[] = [];
  const note = (event: string) => events.push(`${event} at ${performance.now()}`);
  setTimeout(note, 20, "second");
  setTimeout(() => note("first"), 10);
  setTimeout(() => note("third"), 20);
  await settle();
  assertEquals(events, []);
  await time.advance(19);
  assertEquals(events, ["first at 1010"]);
  await time.advance(1);
  assertEquals(events, ["first at 1010", "second at 1020", "third at 1020"]);
  assertEquals([time.timers, time.started, performance.now()], [0, 3, 1020]);
});

Deno.test("timers that a timer starts, and their follow-up work in memory, run during the advance", async () => {
  using time = fakeTime();
  const events: number[] = [];
  setTimeout(() => Promise.resolve().then(() => setTimeout(() => events.push(performance.now()), 5)), 10);
  await time.advance(15);
  assertEquals(events, [1015]);
});

Deno.test("a cleared timer does not run, and an unknown one may be cleared", async () => {
  using time = fakeTime();
  let runs = 0;
  clearTimeout(setTimeout(() => runs++, 10));
  clearTimeout(undefined);
  clearTimeout(17);
  await time.advance(10);
  assertEquals([runs, time.timers], [0, 0]);
});

Deno.test("an interval runs repeatedly until it is cleared, at most once in a millisecond", async () => {
  using time = fakeTime();
  const at: number[] = [];
  const timer = setInterval(() => {
    at.push(performance.now());
    if (at.length === 3) clearInterval(timer);
  }, 10);
  await time.advance(100);
  assertEquals([at, time.timers], [[1010, 1020, 1030], 0]);
  let often = 0;
  const fast = setInterval(() => often++, 0);
  await time.advance(3);
  clearInterval(fast);
  assertEquals(often, 3);
});

Deno.test("an invalid time, or one beyond 31 bits, ends at once", async () => {
  using time = fakeTime();
  let runs = 0;
  for (const none of [undefined, 0, -1, NaN, 2 ** 31]) setTimeout(() => runs++, none);
  setTimeout(() => runs += 100, 2 ** 31 - 1);
  await time.advance(0);
  assertEquals([runs, time.timers], [5, 1]);
});

Deno.test("a stall moves the clock and runs nothing: due timers run late, with the next advance", async () => {
  using time = fakeTime();
  const at: number[] = [];
  setTimeout(() => at.push(performance.now()), 10);
  time.stall(60_000);
  await settle();
  assertEquals(at, []);
  await time.advance(0);
  assertEquals(at, [61_000]);
});

Deno.test("Date.now follows the clock, from a given date", async () => {
  using time = fakeTime({ date: new Date("2026-01-01T00:00:00Z") });
  assertEquals(new Date(Date.now()).toISOString(), "2026-01-01T00:00:00.000Z");
  await time.advance(1_500);
  assertEquals(new Date(Date.now()).toISOString(), "2026-01-01T00:00:01.500Z");
});

Deno.test("the real clock is restored afterwards, also with nested fake clocks", () => {
  const names = ["setTimeout", "setInterval", "clearTimeout", "clearInterval"] as const;
  const clock = () => [...names.map((name) => globalThis[name]), performance.now, Date.now];
  const real = clock();
  {
    using _outer = fakeTime();
    const outer = clock();
    outer.forEach((part, i) => assertNotStrictEquals(part, real[i]));
    {
      using _inner = fakeTime({ date: 0 });
      assertEquals(Date.now(), 0);
    }
    clock().forEach((part, i) => assertStrictEquals(part, outer[i]));
  }
  clock().forEach((part, i) => assertStrictEquals(part, real[i]));
});
