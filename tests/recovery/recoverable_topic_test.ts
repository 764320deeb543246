import { assertEquals, assertStringIncludes } from "@std/assert";
import type { LogEntry, Position } from "../../lib/recovery/log.ts";
import type { MemoryLogOptions } from "../../lib/recovery/memory_log.ts";
import { type Follower, RecoverableTopic, type TopicOwner } from "../../lib/recovery/recoverable_topic.ts";
import { fakeTime } from "../../lib/testing/fake_time.ts";
import { settle, until } from "../_support/wait.ts";
import { TestLog } from "./_support.ts";

/** A topic, and what its server hears of it. */
function topicOf(options: MemoryLogOptions & { catchUpBytes?: number } = {}) {
  const { catchUpBytes = 1_000_000, ...logOptions } = options;
  const log = new TestLog(logOptions);
  const delivered: string[] = [];
  const errors: unknown[] = [];
  const owner: TopicOwner = {
    log,
    budget: { held: 0, most: catchUpBytes },
    deliver: (_, { data }) => void delivered.push(String(data)),
    restarted: (_, { offset }, reason) => void delivered.push(`${reason} ${offset}`),
    onRead: () => {},
    report: (error) => void errors.push(error),
  };
  const topic = new RecoverableTopic("news", owner);
  const publish = async (from: number, to: number) => {
    let position: Position | undefined;
    for (let i = from; i <= to; i++) position = await log.append("news", `${i}`);
    return position!;
  };
  return {
    log,
    owner,
    topic,
    delivered,
    errors,
    publish,
    async [Symbol.asyncDispose]() {
      topic.stop();
      await log.close();
    },
  };
}

/** One that notes what it is given. */
function followerOf(give: (entry: LogEntry) => Promise<void> | undefined = () => undefined) {
  const heard: string[] = [];
  const follower: Follower & { active: boolean; heard: string[] } = {
    active: true,
    heard,
    begin: ({ offset }, recovered, reason) => void heard.push(["begin", offset, recovered, reason].join(" ").trim()),
    give: (entry) => {
      heard.push(String(entry.data));
      return give(entry);
    },
    join: () => void heard.push("join"),
  };
  return follower;
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);

Deno.test("a new subscriber begins at the head, and later messages are delivered to all", async () => {
  await using setting = topicOf();
  await setting.publish(1, 3);
  await setting.topic.refresh();
  const follower = followerOf();
  await setting.topic.catchUp(undefined, follower);
  await setting.publish(4, 5);
  assertEquals([follower.heard, setting.delivered.slice(-2)], [["begin 3", "join"], ["4", "5"]]);
});

Deno.test("a returning subscriber gets its missed messages, in order and once, and then is at the head", async () => {
  await using setting = topicOf();
  const { epoch } = await setting.publish(1, 700);
  const follower = followerOf();
  await setting.topic.catchUp({ epoch, offset: 400 }, follower);
  assertEquals(follower.heard, ["begin 400 true", ...numbers(401, 700), "join"]);
  const other = followerOf();
  await setting.topic.catchUp({ epoch, offset: 700 }, other);
  assertEquals(other.heard, ["begin 700 true", "join"]);
});

Deno.test("messages published while a subscriber catches up reach it in order, and once", async () => {
  await using setting = topicOf();
  const { epoch } = await setting.publish(1, 10);
  let published = 10;
  const follower = followerOf(async () => {
    if (published < 300) await setting.publish(++published, published);
  });
  await setting.topic.catchUp({ epoch, offset: 0 }, follower);
  assertEquals(follower.heard, ["begin 0 true", ...numbers(1, 300), "join"]);
});

Deno.test("a subscriber that is too far behind begins at the head, and gets the reason", async () => {
  await using setting = topicOf({ messages: 10 });
  const { epoch } = await setting.publish(1, 50);
  const follower = followerOf();
  await setting.topic.catchUp({ epoch, offset: 30 }, follower);
  assertEquals(follower.heard, ["begin 50 false too-far-behind", "join"]);
});

Deno.test("a subscriber that the log's deletion overtakes gets a notice in the middle", async () => {
  await using setting = topicOf({ messages: 400, catchUpBytes: 1 });
  const { epoch } = await setting.publish(1, 400);
  let published = 400;
  const follower = followerOf(async ({ offset }) => {
    if (offset === 256) await setting.publish(published + 1, published += 1_000);
  });
  await setting.topic.catchUp({ epoch, offset: 0 }, follower);
  assertEquals(follower.heard.at(-2), "begin 1400 false too-far-behind");
  assertEquals(follower.heard.at(-1), "join");
});

Deno.test("a position of another epoch, or of a number that does not exist, means a lost log", async () => {
  await using setting = topicOf();
  const { epoch } = await setting.publish(1, 3);
  for (const position of [{ epoch: "other", offset: 1 }, { epoch, offset: 4 }]) {
    const follower = followerOf();
    await setting.topic.catchUp(position, follower);
    assertEquals(follower.heard, ["begin 3 false epoch-changed", "join"]);
  }
});

Deno.test("an unknown position is looked up in the log before it is judged", async () => {
  await using setting = topicOf();
  await setting.publish(1, 1);
  await setting.topic.refresh();
  setting.log.quiet = true; // another server hears of it first
  const position = await setting.publish(2, 3);
  const follower = followerOf();
  await setting.topic.catchUp(position, follower);
  assertEquals([follower.heard, setting.delivered], [["begin 3 true", "join"], ["2", "3"]]);
});

Deno.test("ten thousand returning subscribers read the log once, whatever their positions", async () => {
  await using setting = topicOf();
  const { epoch } = await setting.publish(1, 500);
  await setting.topic.refresh();
  const before = setting.log.reads.length;
  const followers = Array.from({ length: 10_000 }, () => followerOf());
  await Promise.all(followers.map((follower, i) => setting.topic.catchUp({ epoch, offset: i % 500 }, follower)));
  assertEquals(followers.every(({ heard }, i) => heard.length === 502 - i % 500 && heard.at(-1) === "join"), true);
  assertEquals(setting.log.reads.length - before, 1);
  // Those who come a little later do not read it either, and it holds each message once.
  const late = followerOf();
  await setting.topic.catchUp({ epoch, offset: 17 }, late);
  assertEquals([setting.log.reads.length - before, late.heard.length], [1, 485]);
  assertEquals(setting.owner.budget.held, setting.topic.bytes);
  assertEquals(setting.topic.bytes < 500 * 300, true);
});

Deno.test("cached messages are released some time after the last subscriber has caught up", async () => {
  using time = fakeTime();
  await using setting = topicOf();
  const { epoch } = await setting.publish(1, 10);
  await setting.topic.catchUp({ epoch, offset: 0 }, followerOf());
  assertEquals(setting.owner.budget.held > 0, true);
  await time.advance(5_000);
  assertEquals([setting.owner.budget.held, setting.topic.bytes], [0, 0]);
  await setting.publish(11, 12);
  assertEquals(setting.owner.budget.held, 0);
});

Deno.test("without room for a cache, every subscriber still gets every message", async () => {
  await using setting = topicOf({ catchUpBytes: 1 });
  const { epoch } = await setting.publish(1, 900);
  const followers = Array.from({ length: 20 }, () => followerOf());
  await Promise.all(followers.map((follower, i) => setting.topic.catchUp({ epoch, offset: 10 * i }, follower)));
  followers.forEach(({ heard }, i) => assertEquals(heard.length, 902 - 10 * i));
  assertEquals(setting.owner.budget.held, 0);
});

Deno.test("a slow subscriber is waited for before its next message, and the others are not delayed", async () => {
  await using setting = topicOf();
  const { epoch } = await setting.publish(1, 10);
  const { promise, resolve } = Promise.withResolvers<void>();
  const slow = followerOf(({ offset }) => offset === 4 ? promise : undefined);
  const fast = followerOf();
  const catching = setting.topic.catchUp({ epoch, offset: 0 }, slow);
  await setting.topic.catchUp({ epoch, offset: 0 }, fast);
  assertEquals([slow.heard.at(-1), fast.heard.at(-1)], ["4", "join"]);
  resolve();
  await catching;
  assertEquals(slow.heard, fast.heard);
});

Deno.test("a subscriber that leaves meanwhile gets nothing more", async () => {
  await using setting = topicOf();
  const { epoch } = await setting.publish(1, 10);
  const follower = followerOf(() => {
    follower.active = false;
    return Promise.resolve();
  });
  await setting.topic.catchUp({ epoch, offset: 0 }, follower);
  assertEquals(follower.heard, ["begin 0 true", "1"]);
});

Deno.test("a lost log makes every subscriber continue from the new epoch, also one that is catching up", async () => {
  await using setting = topicOf();
  const { epoch } = await setting.publish(1, 300);
  await setting.topic.refresh();
  const follower = followerOf(async ({ offset }) => {
    if (offset !== 256) return;
    await setting.log.wipe();
    await setting.publish(1, 2);
    await setting.topic.refresh();
  });
  await setting.topic.catchUp({ epoch, offset: 0 }, follower);
  assertEquals(follower.heard.slice(-2), ["begin 2 false epoch-changed", "join"]);
  assertEquals(setting.delivered.filter((line) => line.includes(" ")).length, 1);
  await setting.publish(3, 3);
  assertEquals(setting.delivered.at(-1), "3");
});

Deno.test("a follower that missed a notice reads the missing messages, once for all of them", async () => {
  await using setting = topicOf();
  await setting.publish(1, 2);
  await setting.topic.refresh();
  setting.log.quiet = true;
  await setting.publish(3, 9);
  setting.log.quiet = false;
  const before = setting.log.reads.length;
  await setting.publish(10, 10); // its number does not follow
  await setting.topic.refresh();
  assertEquals(setting.delivered.slice(-8), numbers(3, 10));
  assertEquals(setting.log.reads.length - before <= 2, true);
});

Deno.test("if the log is lost while it is read for a subscriber, that subscriber gets nothing of the new epoch", async () => {
  await using setting = topicOf();
  const { epoch } = await setting.publish(1, 5);
  await setting.topic.refresh();
  const { promise, resolve } = Promise.withResolvers<void>();
  setting.log.gate = promise;
  const follower = followerOf();
  const catching = setting.topic.catchUp({ epoch, offset: 1 }, follower);
  await settle();
  setting.log.gate = undefined;
  await setting.log.wipe();
  await setting.publish(1, 4);
  await setting.topic.refresh(); // the new epoch is known before the page comes
  resolve();
  await catching;
  assertEquals(follower.heard, ["begin 4 false epoch-changed", "join"]);
});

Deno.test("messages read for a subscriber may be ahead of the log's notices: that does not count as a loss", async () => {
  await using setting = topicOf();
  const { epoch } = await setting.publish(1, 3);
  await setting.topic.refresh();
  setting.log.quiet = true;
  await setting.publish(4, 6);
  const follower = followerOf();
  await setting.topic.catchUp({ epoch, offset: 1 }, follower);
  assertEquals(follower.heard, ["begin 1 true", ...numbers(2, 6), "join"]);
});

Deno.test("messages that arrive while the log is read do not count as a loss of the log", async () => {
  await using setting = topicOf();
  await setting.publish(1, 2);
  await setting.topic.refresh();
  const { promise, resolve } = Promise.withResolvers<void>();
  const { log } = setting;
  const { head, ...page } = await log.read("news", Infinity, { messages: 1, bytes: 1 });
  log.answer = promise.then(() => ({ ...page, head }));
  const refreshing = setting.topic.refresh();
  log.answer = undefined;
  await setting.publish(3, 4);
  resolve();
  await refreshing;
  assertEquals(setting.delivered.slice(-2), ["3", "4"]);
});

Deno.test("if more messages than the log keeps were published during an outage, all continue from the head", async () => {
  await using setting = topicOf({ messages: 5 });
  await setting.publish(1, 2);
  await setting.topic.refresh();
  setting.log.quiet = true;
  await setting.publish(3, 20);
  await setting.topic.refresh();
  assertEquals(setting.delivered.at(-1), "too-far-behind 20");
});

Deno.test("an unreachable log is tried again, and returning subscribers wait for it", async () => {
  using time = fakeTime();
  await using setting = topicOf();
  const { epoch } = await setting.publish(1, 3);
  await setting.topic.refresh();
  setting.log.error = new Error("away");
  const follower = followerOf();
  const catching = setting.topic.catchUp({ epoch, offset: 1 }, follower);
  await until(() => setting.errors.length > 0, "An error");
  setting.log.error = undefined;
  await time.advance(5_000);
  await catching;
  assertEquals(follower.heard, ["begin 1 true", "2", "3", "join"]);
});

Deno.test("an invalid page is reported and read again: no message of it is skipped", async () => {
  using time = fakeTime();
  await using setting = topicOf();
  const { epoch } = await setting.publish(1, 5);
  await setting.topic.refresh();
  const page = await setting.log.read("news", 0, { messages: 100, bytes: 10_000 });
  for (const entries of [page.entries.toReversed(), page.entries.filter((_, i) => i !== 2), []]) {
    setting.log.answer = Promise.resolve({ ...page, entries });
    const follower = followerOf();
    const before = setting.errors.length;
    const catching = setting.topic.catchUp({ epoch, offset: 1 }, follower);
    await until(() => setting.errors.length > before, "An error");
    setting.log.answer = undefined;
    await time.advance(5_000);
    await catching;
    assertEquals(follower.heard, ["begin 1 true", "2", "3", "4", "5", "join"]);
    await time.advance(5_000); // nothing of it is kept for the next one
  }
  assertStringIncludes(String(setting.errors[0]), 'The log returned an invalid page of the topic "news": message ');
});

Deno.test("a log that can be read at the head and not before is read again after a delay, not at once", async () => {
  using time = fakeTime();
  await using setting = topicOf();
  const { epoch } = await setting.publish(1, 5);
  await setting.topic.refresh();
  const { log } = setting;
  log.failsBefore = 5;
  const follower = followerOf();
  const catching = setting.topic.catchUp({ epoch, offset: 1 }, follower);
  await settle();
  await settle();
  assertEquals([setting.errors.length, log.reads.length < 10], [1, true]);
  log.failsBefore = 0;
  await time.advance(5_000);
  await catching;
  assertEquals(follower.heard, ["begin 1 true", "2", "3", "4", "5", "join"]);
});

Deno.test("a stopped topic reads nothing and releases every subscriber", async () => {
  const setting = topicOf();
  setting.log.gate = new Promise(() => {}); // the first read does not end
  const follower = followerOf();
  const catching = setting.topic.catchUp(undefined, follower);
  await setting[Symbol.asyncDispose]();
  await catching;
  assertEquals(follower.heard, []);
});
