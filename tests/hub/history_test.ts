import { bag } from "../../lib/options.ts";
import { assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import { History, HISTORY_OPTION_KINDS } from "../../lib/hub/history.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { denoOutput } from "../_support/child.ts";
import { message } from "./_support.ts";

const MIB = 1024 * 1024;

/** The last messages of a topic. */
const last = (history: History, topic: string, count = Infinity) => history.last(topic, count).map(({ data }) => data);

Deno.test("a history keeps a number of messages of each topic, and returns the last of them, the oldest first", () => {
  const history = new History({ messages: 3 });
  for (let id = 1; id <= 5; id++) history.add(message(id, "a", `${id}`));
  history.add(message(6, "__proto__", "6"));
  assertEquals(last(history, "a"), ["3", "4", "5"]);
  assertEquals(last(history, "a", 2), ["4", "5"]);
  assertEquals(last(history, "__proto__"), ["6"]);
});

Deno.test("an invalid number returns no messages, and an unknown topic has none", () => {
  const history = new History({ messages: 3 });
  history.add(message(1, "a", "1"));
  for (const count of [0, -1, NaN]) assertEquals(last(history, "a", count), []);
  for (const topic of ["b", "constructor"]) assertEquals(last(history, topic), []);
});

/** What a history counts for one message, alone in its topic. */
function cost(topic: string, data: Message): number {
  const history = new History({ messages: 1 });
  history.add(message(1, topic, data));
  return history.bytes;
}

Deno.test("all topics share the bytes, and the topic that was quiet for longest loses its messages first", () => {
  // Two topics of two messages; then a topic of one more takes the place of one message, and its own is free again.
  const history = new History({ messages: 10, bytes: 4 * cost("a", "1") - 1 });
  for (const [id, topic] of ["a", "b", "a", "b"].entries()) history.add(message(id, topic, `${id}`));
  assertEquals([last(history, "a"), last(history, "b")], [["0", "2"], ["1", "3"]]);
  history.add(message(4, "c", "4"));
  assertEquals([last(history, "a"), last(history, "b"), last(history, "c")], [["2"], ["1", "3"], ["4"]]);
  history.add(message(5, "a", "5"));
  assertEquals([last(history, "a"), last(history, "b"), last(history, "c")], [["2", "5"], ["3"], ["4"]]);
});

Deno.test("A8: endless topics, each with an empty message, stay below the bound", () => {
  const history = new History({ messages: 10, bytes: 10_000 });
  for (let id = 1; id <= 1_000; id++) history.add(message(id, `topic ${id}`, ""));
  assertLessOrEqual(history.bytes, 10_000);
  assertEquals(last(history, "topic 1"), []);
  assertEquals(last(history, "topic 1000"), [""]);
});

Deno.test("a message larger than the bound is not kept, and leaves room for the next", () => {
  const history = new History({ messages: 10, bytes: 1_000 });
  history.add(message(1, "a", "x".repeat(1_000)));
  assertEquals([history.bytes, last(history, "a")], [0, []]);
  history.add(message(2, "a", "2"));
  assertEquals(last(history, "a"), ["2"]);
});

Deno.test("dropped messages are no longer counted, topics included", () => {
  const history = new History({ messages: 1, bytes: 2 * cost("a", "1") });
  for (let id = 1; id <= 100; id++) history.add(message(id, `${id % 10}`, "x"));
  assertLessOrEqual(history.bytes, 2 * cost("a", "1"));
  assertEquals([last(history, "8"), last(history, "9"), last(history, "0")], [[], ["x"], ["x"]]);
});

for (const shape of ["text", "binary", "encoded", "topics"]) {
  Deno.test(`a history takes no more memory than its bytes count: ${shape}`, async () => {
    const { code, stdout, stderr } = await denoOutput(
      "run",
      "--no-check",
      "--v8-flags=--expose-gc",
      "tests/hub/_history_memory.ts",
      shape,
    );
    assertEquals(code, 0, stderr);
    assertLessOrEqual(Number(stdout), 17 * MIB); // the collector is not exact
  });
}

Deno.test("a history of no messages or no bytes is an error", () => {
  const { check } = bag(HISTORY_OPTION_KINDS);
  for (const value of [0, -1, 1.5, NaN, Infinity]) {
    assertThrows(() => check({ messages: value }, "history"), RangeError, `history.messages ${value}`);
    assertThrows(() => check({ messages: 1, bytes: value }, "history"), RangeError, `history.bytes ${value}`);
  }
});
