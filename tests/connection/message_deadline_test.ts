import { assertEquals, assertThrows } from "@std/assert";
import { Deadlines } from "../../lib/deadlines.ts";
import { LimitError } from "../../lib/errors.ts";
import { MessageDeadline } from "../../lib/connection/liveness.ts";
import { FakeTime } from "../_support/fake_time.ts";

/** A deadline of 50 ms, and the faults that it found. */
function timed(deadlines = new Deadlines()): { deadline: MessageDeadline; faults: LimitError[] } {
  const faults: LimitError[] = [];
  const owner = {
    limits: { messageTimeout: 50 },
    deadlines,
    fault: (error: LimitError) => void faults.push(error),
  };
  return { deadline: new MessageDeadline(owner), faults };
}

Deno.test("T7: a message that is not finished within messageTimeout is one fault, with the limit", async () => {
  using time = new FakeTime();
  const { deadline, faults } = timed();
  assertEquals(time.timers, 0, "no message is under way");
  deadline.start();
  await time.advance(49);
  assertEquals(faults, []);
  await time.advance(1);
  await time.advance(1_000);
  assertEquals([faults.length, time.timers], [1, 0]);
  const error = assertThrows(
    () => {
      throw faults[0];
    },
    LimitError,
    "Message is incomplete after messageTimeout 50 ms",
  );
  const { limit, max, actual, closeCode } = error;
  assertEquals({ limit, max, actual, closeCode }, { limit: "messageTimeout", max: 50, actual: 50, closeCode: 1008 });
});

Deno.test("T7: received bytes do not extend it: the time runs from the start of the message", async () => {
  using time = new FakeTime();
  const { deadline, faults } = timed();
  for (let at = 0; at < 50; at += 10) {
    deadline.start();
    await time.advance(10);
  }
  assertEquals(faults.length, 1);
});

Deno.test("the end of a message stops the time, and the next message has all of it", async () => {
  using time = new FakeTime();
  const { deadline, faults } = timed();
  deadline.stop(); // nothing is under way
  for (let message = 0; message < 3; message++) {
    deadline.start();
    await time.advance(40);
    deadline.stop();
    deadline.stop();
    assertEquals(time.timers, 0);
  }
  deadline.start();
  await time.advance(49);
  assertEquals(faults, []);
  deadline.stop();
});

Deno.test("connections share a timer, and stopping one after its fault does not affect the others", async () => {
  using time = new FakeTime();
  const deadlines = new Deadlines();
  const first = timed(deadlines);
  const second = timed(deadlines);
  first.deadline.start();
  await time.advance(20);
  second.deadline.start();
  assertEquals(time.timers, 1);
  await time.advance(30);
  first.deadline.stop();
  assertEquals([first.faults.length, second.faults.length], [1, 0]);
  await time.advance(20);
  assertEquals([first.faults.length, second.faults.length, time.timers], [1, 1, 0]);
});
