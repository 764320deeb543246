import { assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { memoryLog } from "../../lib/recovery/memory_log.ts";
import { fakeTime } from "../../lib/testing/fake_time.ts";
import type { Log } from "../../lib/recovery/log.ts";

const ALL = { messages: 1_000, bytes: 1_000_000 };

async function read(log: Log, topic: string, after: number) {
  const { head, from, entries } = await log.read(topic, after, ALL);
  return { head, from, data: entries.map(({ data }) => data) };
}

Deno.test("each topic has numbers that increase by one, and the messages after a number are read in order", async () => {
  await using log = memoryLog();
  for (const data of ["a", "b", "c"]) await log.append("news", data);
  assertEquals((await log.append("other", "x")).offset, 1);
  assertEquals(await read(log, "news", 1), { head: 3, from: 0, data: ["b", "c"] });
  assertEquals(await read(log, "news", Infinity), { head: 3, from: 0, data: [] });
  assertEquals(await read(log, "empty", 0), { head: 0, from: 0, data: [] });
});

Deno.test("a topic keeps a number of messages, and reports after which number it is complete", async () => {
  await using log = memoryLog({ messages: 2 });
  for (const data of ["a", "b", "c", "d"]) await log.append("news", data);
  assertEquals(await read(log, "news", 0), { head: 4, from: 2, data: ["c", "d"] });
});

Deno.test("an expired message is no longer read", async () => {
  using time = fakeTime();
  await using log = memoryLog({ age: 100 });
  await log.append("news", "a");
  await time.advance(60);
  await log.append("news", "b");
  await time.advance(60);
  assertEquals(await read(log, "news", 0), { head: 2, from: 1, data: ["b"] });
});

Deno.test("all topics share the bytes: quiet ones lose messages first, and no number is used twice", async () => {
  await using log = memoryLog({ bytes: 4_000 });
  for (let i = 0; i < 5; i++) await log.append("quiet", "x");
  for (let i = 0; i < 20; i++) await log.append("busy", "x".repeat(100));
  const quiet = await read(log, "quiet", 5);
  assertEquals([quiet.data, quiet.head], [[], 5]);
  const { offset } = await log.append("quiet", "again");
  assertEquals(await read(log, "quiet", 5), { head: offset, from: 5, data: ["again"] });
  // One that missed a message, which is gone with its topic, is not led to believe that it has everything.
  assertEquals((await log.read("quiet", 3, ALL)).from > 3, true);
});

Deno.test("a message larger than all of the log is not kept, and the next one is", async () => {
  await using log = memoryLog({ bytes: 1_000 });
  assertEquals((await log.append("news", "x".repeat(2_000))).offset, 1);
  assertEquals((await log.append("news", "small")).offset, 2);
  assertEquals(await read(log, "news", 0), { head: 2, from: 1, data: ["small"] });
});

Deno.test("a message with a known id is appended once, until the id is forgotten", async () => {
  using time = fakeTime();
  await using log = memoryLog({ resumeTimeout: 100 });
  const first = await log.append("news", "a", { id: "1" });
  assertEquals(await log.append("news", "a", { id: "1" }), first);
  await time.advance(100);
  assertNotEquals(await log.append("news", "a", { id: "1" }), first);
});

Deno.test("the ids of two topics are different ids", async () => {
  await using log = memoryLog();
  await log.append("news", "a", { id: "1" });
  await log.append("other", "a", { id: "1" });
  assertEquals((await read(log, "other", 0)).data, ["a"]);
});

Deno.test("a topic with followers continues its numbers when the memory of its messages is used for others", async () => {
  await using log = memoryLog({ bytes: 4_000 });
  const heard: unknown[] = [];
  for (const topic of ["quiet", "empty"]) {
    log.follow(topic, (news) => void (news && heard.push([topic, news.entry.previous, news.entry.offset])));
  }
  await log.append("quiet", "a");
  for (const topic of ["busy", "busier"]) {
    for (let i = 0; i < 20; i++) await log.append(topic, "x".repeat(100));
  }
  assertEquals(await read(log, "quiet", 0), { head: 1, from: 1, data: [] });
  for (const topic of ["quiet", "empty"]) await log.append(topic, "b");
  assertEquals(heard, [["quiet", 0, 1], ["quiet", 1, 2], ["empty", 0, 1]]);
  assertEquals(await read(log, "quiet", 1), { head: 2, from: 1, data: ["b"] });
});

Deno.test("followers get every message with the previous number, until they leave", async () => {
  await using log = memoryLog();
  const heard: unknown[] = [];
  const leave = log.follow("news", (news) => {
    heard.push(news && [news.entry.previous, news.entry.offset, news.entry.data]);
  });
  await log.append("news", "a");
  await log.append("other", "x");
  await log.append("news", "b");
  leave();
  await log.append("news", "c");
  assertEquals(heard, [undefined, [0, 1, "a"], [1, 2, "b"]]);
});

Deno.test("the acknowledged number of a session only grows", async () => {
  await using log = memoryLog();
  assertEquals(await log.taken("s"), 0);
  await log.take("s", 5);
  await log.take("s", 3);
  assertEquals([await log.taken("s"), await log.taken("other")], [5, 0]);
});

Deno.test("another log has another epoch, and a closed one accepts and returns nothing", async () => {
  const log = memoryLog();
  await using other = memoryLog();
  assertNotEquals((await log.append("news", "a")).epoch, (await other.append("news", "a")).epoch);
  await log.close();
  await assertRejects(() => log.append("news", "b"), Error, "The log is closed");
  await assertRejects(() => log.read("news", 0, ALL), Error, "The log is closed");
});

Deno.test("invalid options throw at the call", () => {
  assertThrows(() => memoryLog({ messages: 0 }), RangeError);
  assertThrows(() => memoryLog({ age: -1 }), RangeError);
  assertThrows(() => memoryLog({ resumeTimeout: 0 }), RangeError, "a whole number from 1 to");
});
