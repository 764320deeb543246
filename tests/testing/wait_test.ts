import { assert, assertEquals, assertRejects } from "@std/assert";
import { ExpectationError, settle, soon, turn, until } from "../../lib/testing/wait.ts";
import { fakeTime } from "../../lib/testing/fake_time.ts";

Deno.test("soon gives what a promise gives, and passes on what it throws", async () => {
  assertEquals(await soon(Promise.resolve(1), "The number"), 1);
  await assertRejects(() => soon(Promise.reject(new RangeError("no")), "The number"), RangeError, "no");
});

Deno.test("soon names what did not happen, under a clock that stands still too", async () => {
  using _ = fakeTime();
  const hanging = () => soon(new Promise(() => {}), "The answer", 5);
  await assertRejects(hanging, ExpectationError, "The answer took more than 5 ms");
});

Deno.test("a turn lets everything run that waits for a turn or a microtask", async () => {
  const events: string[] = [];
  setTimeout(() => events.push("timer"), 0);
  queueMicrotask(() => events.push("microtask"));
  await turn();
  assertEquals(events, ["microtask", "timer"]);
});

Deno.test("settle waits for turns that lead to turns", async () => {
  let turns = 0;
  const next = () => void (++turns < 4 && setTimeout(next, 0));
  setTimeout(next, 0);
  await settle();
  assertEquals(turns, 4);
});

Deno.test("until waits for a condition, and names one that does not come true", async () => {
  let looked = 0;
  await until(() => ++looked === 3, "The third look");
  assertEquals(looked, 3);
  await assertRejects(
    () => until(() => false, "The impossible", 5),
    ExpectationError,
    "The impossible took more than 5",
  );
});

Deno.test("an ExpectationError is an Error with a name of its own", () => {
  const error = new ExpectationError("Got frame ping, not pong");
  assert(error instanceof Error);
  assertEquals(String(error), "ExpectationError: Got frame ping, not pong");
});
