import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { faultyLog } from "../../lib/testing/faulty_log.ts";

const ALL = { messages: 10, bytes: 1_000 };

Deno.test("a faulty log works like a log in memory until a test makes it fail", async () => {
  await using log = faultyLog({ messages: 2 });
  for (const data of ["a", "b", "c"]) await log.append("news", data);
  assertEquals((await log.read("news", 0, ALL)).entries.map(({ data }) => data), ["b", "c"]);
  await log.take("s", 3);
  assertEquals([await log.taken("s"), log.reads], [3, [0]]);
});

Deno.test("while it has an error it accepts and returns nothing", async () => {
  await using log = faultyLog();
  log.error = new Error("disk full");
  await assertRejects(() => log.append("news", "a"), Error, "disk full");
  await assertRejects(() => log.read("news", 0, ALL), Error, "disk full");
  await assertRejects(() => log.take("s", 1), Error, "disk full");
  await assertRejects(() => log.taken("s"), Error, "disk full");
  log.error = undefined;
  assertEquals([(await log.append("news", "b")).offset, await log.taken("s")], [1, 0]);
});

Deno.test("while it is quiet its followers get nothing, and a hint makes them look", async () => {
  await using log = faultyLog();
  const heard: unknown[] = [];
  const leave = log.follow("news", (news) => heard.push(news?.entry.data));
  log.quiet = true;
  await log.append("news", "a");
  log.quiet = false;
  log.hint();
  await log.append("news", "b");
  leave();
  log.hint();
  assertEquals(heard, [undefined, undefined, "b"]);
});

Deno.test("a lost log has a new epoch, and its followers continue with it", async () => {
  await using log = faultyLog();
  const heard: unknown[] = [];
  log.follow("news", (news) => heard.push(news?.entry.data));
  const before = await log.append("news", "a");
  await log.wipe();
  const after = await log.append("news", "b");
  assertNotEquals(before.epoch, after.epoch);
  assertEquals([after.offset, heard], [1, [undefined, "a", undefined, "b"]]);
});
