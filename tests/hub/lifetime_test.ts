import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConnectionError } from "../../lib/errors.ts";
import { Lifetime } from "../../lib/hub/lifetime.ts";
import { FakeTime } from "../_support/fake_time.ts";

const never = new Promise<never>(() => {});

Deno.test("a wait returns the promise's value, and leaves no timer", async () => {
  using time = new FakeTime();
  const life = new Lifetime();
  assertEquals(await life.wait(Promise.resolve(1), 100, "It"), 1);
  await assertRejects(() => life.wait(Promise.reject(new RangeError("no")), 100, "It"), RangeError, "no");
  assertEquals(time.timers, 0);
});

Deno.test("a wait times out with an error that names what did not happen", async () => {
  using time = new FakeTime();
  const late = assertRejects(
    () => new Lifetime().wait(never, 100, "The answer"),
    ConnectionError,
    "The answer took more than 100 ms",
  );
  await time.advance(100);
  await late;
});

Deno.test("waits and sleeps end with the lifetime, later ones at once, and a time of 0 means no limit", async () => {
  using time = new FakeTime();
  const life = new Lifetime();
  const ends = Promise.all([
    assertRejects(() => life.wait(never, 0, "It"), RangeError, "over"),
    assertRejects(() => life.wait(never, 500, "It"), RangeError, "over"),
    assertRejects(() => life.sleep(1_000), RangeError, "over"),
  ]);
  await time.advance(100);
  assert(!life.over);
  life.end(new RangeError("over"));
  life.end(new Error("again"));
  await ends;
  await assertRejects(() => life.sleep(1), RangeError, "over");
  assertEquals([life.over, String(await life.ended), time.timers], [true, "RangeError: over", 0]);
});

Deno.test("a sleep ends after its time", async () => {
  using time = new FakeTime();
  let awake = false;
  void new Lifetime().sleep(100).then(() => awake = true);
  await time.advance(99);
  assertEquals(awake, false);
  await time.advance(1);
  assertEquals(awake, true);
});

Deno.test("a finished wait is forgotten, whether it resolved, rejected or timed out", async () => {
  using time = new FakeTime();
  const life = new Lifetime();
  await life.wait(Promise.resolve(), 100, "It");
  await life.wait(Promise.reject(new Error("no")), 100, "It").catch(() => {});
  const late = life.wait(never, 100, "It").catch(() => {});
  assertEquals(life.waiting, 1);
  await time.advance(100);
  await late;
  assertEquals(life.waiting, 0);
});
