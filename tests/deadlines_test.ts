import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { type Deadline, Deadlines, Timeout, TurnEnds } from "../lib/deadlines.ts";
import { FakeTime } from "./_support/fake_time.ts";
import { below, seeded } from "./_support/random.ts";

/** A deadline that notes when it passes. */
function deadline(passed: () => void): Deadline {
  return { due: 0, previous: undefined, next: undefined, expired: passed };
}

Deno.test("a deadline passes after the list's time, once, and one timer serves all of them", async () => {
  using time = new FakeTime();
  const list = new Deadlines().after(100);
  const passed: string[] = [];
  const set = (name: string) => list.set(deadline(() => passed.push(name)));
  set("a");
  await time.advance(40);
  set("b");
  set("c");
  assertEquals(time.timers, 1);
  await time.advance(59);
  assertEquals(passed, []);
  await time.advance(1);
  assertEquals(passed, ["a"]);
  await time.advance(40);
  assertEquals([passed, time.timers], [["a", "b", "c"], 0]);
});

Deno.test("a cancelled deadline does not pass, and an empty list has no timer", async () => {
  using time = new FakeTime();
  const list = new Deadlines().after(100);
  const passed: number[] = [];
  const links = [0, 1, 2].map((at) => deadline(() => passed.push(at)));
  for (const link of links) list.set(link);
  for (const at of [1, 0, 2]) list.cancel(links[at]!);
  assertEquals(time.timers, 0);
  await time.advance(100);
  assertEquals(passed, []);
});

Deno.test("a deadline may be set again when it passes, and may cancel others", async () => {
  using time = new FakeTime();
  const list = new Deadlines().after(100);
  const passed: string[] = [];
  const other = deadline(() => passed.push("other"));
  let times = 0;
  const again = deadline(() => {
    passed.push("again");
    if (++times === 1) list.cancel(other);
    if (times < 3) list.set(again);
  });
  list.set(again);
  list.set(other);
  await time.advance(1_000);
  assertEquals([passed, time.timers], [["again", "again", "again"], 0]);
});

Deno.test("after a stall of the event loop all due deadlines pass, in order", async () => {
  using time = new FakeTime();
  const list = new Deadlines().after(100);
  const passed: number[] = [];
  for (let at = 0; at < 5; at++) {
    list.set(deadline(() => passed.push(at)));
    time.stall(30);
  }
  await time.advance(0);
  assertEquals(passed, [0, 1]);
  await time.advance(100);
  assertEquals(passed, [0, 1, 2, 3, 4]);
});

Deno.test("any number of deadlines, set and cancelled at random, pass when their own timer would fire", async () => {
  using time = new FakeTime();
  const random = seeded();
  const list = new Deadlines().after(50);
  const passed: string[] = [];
  const expected: string[] = [];
  const waiting = new Map<number, { link: Deadline; timer: ReturnType<typeof setTimeout> }>();
  for (let step = 0; step < 200; step++) {
    const link = deadline(() => {
      passed.push(`${step} at ${performance.now()}`);
      waiting.delete(step);
    });
    const timer = setTimeout(() => expected.push(`${step} at ${performance.now()}`), 50);
    list.set(link);
    waiting.set(step, { link, timer });
    if (below(random, 3) === 0) {
      const [at, victim] = [...waiting][below(random, waiting.size)]!;
      list.cancel(victim.link);
      clearTimeout(victim.timer);
      waiting.delete(at);
    }
    if (below(random, 2) === 0) await time.advance(below(random, 20));
  }
  await time.advance(50);
  assertEquals([passed, waiting.size, time.timers], [expected, 0, 0]);
});

Deno.test("deadlines with the same duration are in one list", () => {
  const deadlines = new Deadlines();
  assertStrictEquals(deadlines.after(10), deadlines.after(10));
  assertNotStrictEquals(deadlines.after(10), deadlines.after(20));
});

Deno.test("one timer serves all lists, whatever their times: the sooner deadline is called sooner", async () => {
  using time = new FakeTime();
  const deadlines = new Deadlines();
  const passed: string[] = [];
  const set = (after: number) =>
    deadlines.after(after).set(deadline(() => passed.push(`${after} at ${performance.now() - begun}`)));
  const begun = performance.now();
  for (const after of [50, 20, 30, 10, 20]) set(after);
  assertEquals(time.timers, 1);
  await time.advance(30);
  assertEquals([passed, time.timers], [["10 at 10", "20 at 20", "20 at 20", "30 at 30"], 1]);
  set(10);
  set(100);
  await time.advance(100);
  assertEquals([passed.slice(4), time.timers], [["10 at 40", "50 at 50", "100 at 130"], 0]);
});

Deno.test("the timer stays while a connection moves from list to list, and goes with the last deadline", async () => {
  using time = new FakeTime();
  const deadlines = new Deadlines();
  const passed: string[] = [];
  const [first, second] = [deadline(() => passed.push("first")), deadline(() => passed.push("second"))];
  deadlines.after(100).set(first);
  deadlines.after(300).set(second);
  deadlines.after(100).cancel(first);
  await time.advance(299); // the timer of the first goes off, and nothing is due
  assertEquals([passed, time.timers], [[], 1]);
  await time.advance(1);
  assertEquals([passed, time.timers], [["second"], 0]);
  deadlines.after(300).set(second);
  deadlines.after(300).cancel(second);
  assertEquals(time.timers, 0);
});

Deno.test("a deadline that throws does not affect the others", async () => {
  using time = new FakeTime();
  const deadlines = new Deadlines();
  const passed: string[] = [];
  deadlines.after(10).set(deadline(() => {
    throw new Error("a mistake");
  }));
  deadlines.after(20).set(deadline(() => passed.push("other")));
  await time.advance(10).catch(() => {});
  await time.advance(10);
  assertEquals([passed, time.timers], [["other"], 0]);
});

Deno.test("deadlines of many lists, set and cancelled at random, also by passing ones, pass when their own timer would fire", async () => {
  using time = new FakeTime();
  const random = seeded();
  const deadlines = new Deadlines();
  const passed: string[] = [];
  const expected: string[] = [];
  const waiting = new Map<number, { link: Deadline; after: number; timer: ReturnType<typeof setTimeout> }>();
  let steps = 0;
  const set = () => {
    const step = steps++;
    const after = 1 + below(random, 60);
    const note = (list: string[]) => list.push(`${step} at ${performance.now()}`);
    const timer = setTimeout(() => note(expected), after);
    const link = deadline(() => {
      note(passed);
      waiting.delete(step);
      if (below(random, 3) === 0) set();
    });
    deadlines.after(after).set(link);
    waiting.set(step, { link, after, timer });
  };
  for (let round = 0; round < 60; round++) {
    set();
    if (waiting.size > 0 && below(random, 3) === 0) {
      const [at, victim] = [...waiting][below(random, waiting.size)]!;
      deadlines.after(victim.after).cancel(victim.link);
      clearTimeout(victim.timer);
      waiting.delete(at);
    }
    if (below(random, 2) === 0) await time.advance(below(random, 20));
  }
  while (waiting.size > 0) await time.advance(60);
  assertEquals([passed.sort(), time.timers], [expected.sort(), 0]);
});

Deno.test("a timeout starts when it is created, calls back once, and waits beside other deadlines of its list", async () => {
  using time = new FakeTime();
  const list = new Deadlines().after(100);
  const passed: string[] = [];
  list.set(deadline(() => passed.push("link")));
  new Timeout(list, () => passed.push("timeout"));
  assertEquals(time.timers, 1);
  await time.advance(99);
  assertEquals(passed, []);
  await time.advance(1);
  assertEquals(passed, ["link", "timeout"]);
  await time.advance(1_000);
  assertEquals([passed, time.timers], [["link", "timeout"], 0]);
});

Deno.test("a cancelled timeout does not call back, and cancelling it again, or after its time, does not affect others", async () => {
  using time = new FakeTime();
  const list = new Deadlines().after(100);
  const passed: string[] = [];
  const first = new Timeout(list, () => passed.push("first"));
  const early = new Timeout(list, () => passed.push("early"));
  await time.advance(50);
  new Timeout(list, () => passed.push("last"));
  early.cancel();
  early.cancel();
  await time.advance(50);
  assertEquals(passed, ["first"]);
  first.cancel();
  early.cancel();
  await time.advance(50);
  assertEquals([passed, time.timers], [["first", "last"], 0]);
});

Deno.test("a timeout may cancel itself, create the next one, and cancel another from its callback", async () => {
  using time = new FakeTime();
  const list = new Deadlines().after(100);
  const passed: string[] = [];
  const timeouts: Timeout[] = [];
  timeouts[0] = new Timeout(list, () => {
    passed.push("first");
    timeouts[0]?.cancel();
    other.cancel();
    new Timeout(list, () => passed.push("next"));
  });
  const other = new Timeout(list, () => passed.push("other"));
  await time.advance(100);
  assertEquals([passed, time.timers], [["first"], 1]);
  await time.advance(100);
  assertEquals([passed, time.timers], [["first", "next"], 0]);
});

Deno.test("deadlines that pass soon after one another share a timer, and pass late by a 128th of their time at most", async () => {
  using time = new FakeTime();
  const list = new Deadlines().after(12_800);
  const passed: number[] = [];
  for (let at = 0; at < 100; at++) {
    list.set(deadline(() => passed.push(at)));
    await time.advance(1);
  }
  await time.advance(12_700); // the first one's is exact
  assertEquals(passed, [0]);
  await time.advance(99);
  assertEquals(passed, [0]);
  await time.advance(1);
  assertEquals([passed.length, time.timers], [100, 0]);
});

Deno.test("a deadline of a short list is not late because the timer waits for more of a long one", async () => {
  using time = new FakeTime();
  const deadlines = new Deadlines();
  const [long, short] = [deadlines.after(12_800), deadlines.after(10)];
  const passed: string[] = [];
  long.set(deadline(() => passed.push("long")));
  await time.advance(5);
  long.set(deadline(() => passed.push("long too")));
  await time.advance(12_795); // the timer waits from here for 100 ms
  short.set(deadline(() => passed.push("short")));
  await time.advance(10);
  assertEquals(passed, ["long", "long too", "short"]);
});

Deno.test("work for the end of the turn is called once, by one timer for all, and may be scheduled again", async () => {
  using time = new FakeTime();
  const ends = new TurnEnds();
  const called: string[] = [];
  const [again, both, other] = ["again", "both", "other"].map((name) => ({ turnEnded: () => void called.push(name) }));
  both!.turnEnded = () => {
    called.push("both");
    ends.add(again!);
  };
  for (const waiting of [both!, both!, other!]) ends.add(waiting);
  assertEquals([called, time.timers], [[], 1]);
  await time.advance(1);
  assertEquals([called, time.timers], [["both", "other", "again"], 0]);
});

Deno.test("work that is cancelled before the end of the turn is not called, and leaves no timer", async () => {
  using time = new FakeTime();
  const ends = new TurnEnds();
  const called: string[] = [];
  const [one, two] = ["one", "two"].map((name) => ({ turnEnded: () => void called.push(name) }));
  ends.add(one!);
  ends.delete(two!); // waits for nothing
  assertEquals(time.timers, 1);
  ends.delete(one!);
  assertEquals(time.timers, 0);
  ends.add(one!);
  ends.add(two!);
  ends.delete(one!);
  await time.advance(1);
  assertEquals([called, time.timers], [["two"], 0]);
});
