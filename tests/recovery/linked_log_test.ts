import { assertEquals, assertRejects } from "@std/assert";
import { LimitError } from "../../lib/errors.ts";
import { linkLog, retentionOf } from "../../lib/recovery/linked_log.ts";
import type { Append, LogLink, LogNews, LogSession } from "../../lib/recovery/log_link.ts";
import { memoryLog } from "../../lib/recovery/memory_log.ts";
import { fakeTime } from "../../lib/testing/fake_time.ts";
import { settle, until } from "../_support/wait.ts";

const ALL = { messages: 100, bytes: 10_000 };

/** A broker in memory, whose connections a test loses. */
function brokerOf() {
  const log = memoryLog();
  const sessions: { end(reason: unknown): void; hear: LogNews }[] = [];
  const appended: string[] = [];
  const followed: string[] = [];
  const state = { running: true, answers: true, refuses: undefined as unknown, pings: true };
  const never = new Promise<never>(() => {});
  const link: LogLink = {
    connect(hear) {
      if (!state.running) return Promise.reject(new Error("refused"));
      const { promise: ended, resolve: end } = Promise.withResolvers<unknown>();
      const leaving: (() => void)[] = [];
      sessions.push({ end, hear });
      const append = async ({ topic, data, id }: Append) => {
        appended.push(`${data}`);
        if (state.refuses !== undefined) return { refused: state.refuses };
        const position = await log.append(topic, data, { id });
        return state.answers ? position : await never;
      };
      const session: LogSession = {
        ended,
        append: (append_) => Promise.race([append(append_), ended.then((reason) => Promise.reject(reason))]),
        read: (...args) => state.answers ? log.read(...args) : never,
        follow: (topic) => {
          followed.push(topic);
          leaving.push(log.follow(topic, (news) => news && hear(topic, news)));
          return Promise.resolve();
        },
        unfollow: (topic) => Promise.resolve(void followed.push(`not ${topic}`)),
        taken: (session) => log.taken(session),
        take: (session, number) => log.take(session, number),
        ping: () => state.pings ? Promise.resolve() : never,
        close: () => Promise.resolve(leaving.forEach((leave) => leave())),
      };
      return Promise.resolve(session);
    },
  };
  return { link, log, sessions, appended, followed, state, lose: () => sessions.at(-1)?.end(new Error("lost")) };
}

const quick = { reconnect: { first: 1, most: 5 }, onError: () => {} };

Deno.test("messages that were unconfirmed on a lost connection are sent again, in order, and appended once", async () => {
  const broker = brokerOf();
  await using log = linkLog(broker.link, quick);
  await log.append("news", "a");
  broker.state.answers = false;
  const waiting = ["b", "c", "d"].map((data) => log.append("news", data));
  await until(() => broker.appended.length === 4, "The messages");
  assertEquals([log.waiting, log.connected], [3, true]);
  broker.state.answers = true;
  broker.lose();
  assertEquals((await Promise.all(waiting)).map(({ offset }) => offset), [2, 3, 4]);
  assertEquals(broker.appended, ["a", "b", "c", "d", "b", "c", "d"]);
  assertEquals((await log.read("news", 0, ALL)).entries.map(({ data }) => data), ["a", "b", "c", "d"]);
});

Deno.test("a message that the log refuses rejects with the reason, and is not sent again", async () => {
  const broker = brokerOf();
  await using log = linkLog(broker.link, quick);
  broker.state.refuses = new Error("disk full");
  const error = await assertRejects(() => log.append("news", "a"), Error, "The log refused the message");
  assertEquals([error.cause, broker.appended.length], [broker.state.refuses, 1]);
});

Deno.test("a message that waits for too long rejects, the oldest first", async () => {
  using time = fakeTime();
  const broker = brokerOf();
  broker.state.running = false;
  await using log = linkLog(broker.link, { ...quick, appendTimeout: 100 });
  const ends: string[] = [];
  const note = (name: string) => (error: unknown) => void ends.push(`${name} ${error}`);
  log.append("news", "a").catch(note("a"));
  await time.advance(50);
  log.append("news", "b").catch(note("b"));
  await time.advance(50);
  assertEquals(ends, ["a ConnectionError: The log did not take the message within 100 ms"]);
  await time.advance(50);
  assertEquals([ends.length, log.waiting], [2, 0]);
});

Deno.test("waiting messages are limited in number and in bytes, and so is each message", async () => {
  const broker = brokerOf();
  broker.state.running = false;
  const bounds = { maxQueuedMessages: 2, maxQueuedBytes: 500, maxMessageBytes: 300 };
  await using log = linkLog(broker.link, { ...quick, ...bounds });
  await assertRejects(() => log.append("news", "x".repeat(301)), LimitError, "maxMessageBytes 300");
  log.append("news", "x".repeat(100));
  await assertRejects(() => log.append("news", "x".repeat(200)), LimitError, "maxQueuedBytes 500");
  log.append("news", "a");
  await assertRejects(() => log.append("news", "b"), LimitError, "maxQueuedMessages 2");
});

Deno.test("topics are followed over each connection, and followers check each", async () => {
  const broker = brokerOf();
  await using log = linkLog(broker.link, quick);
  const heard: unknown[] = [];
  const leave = log.follow("news", (news) => heard.push(news?.entry.data));
  await until(() => heard.length === 1, "The first connection");
  await log.append("news", "a");
  broker.lose();
  await until(() => broker.followed.length === 2 && heard.length === 3, "The second connection");
  const late: unknown[] = [];
  log.follow("news", (news) => late.push(news?.entry.data))();
  leave();
  await settle();
  assertEquals([heard, broker.followed], [[undefined, "a", undefined], ["news", "news", "not news"]]);
});

Deno.test("queries wait for a connection, and are repeated over the next one", async () => {
  const broker = brokerOf();
  broker.state.running = false;
  await using log = linkLog(broker.link, quick);
  const taking = log.take("s", 5);
  broker.state.running = true;
  await taking;
  assertEquals(await log.taken("s"), 5);
});

Deno.test("queries without a response are dropped", async () => {
  using time = fakeTime();
  const broker = brokerOf();
  broker.state.running = false;
  await using log = linkLog(broker.link, { ...quick, appendTimeout: 100 });
  const reading = assertRejects(() => log.read("news", 0, ALL), Error, "took more than");
  await time.advance(200);
  await reading;
});

Deno.test("a connection that does not answer pings is lost, and the reason is reported once", async () => {
  using time = fakeTime();
  const broker = brokerOf();
  const errors: string[] = [];
  const report = { reconnect: { first: 1, most: 1 }, onError: (error: unknown) => void errors.push(String(error)) };
  await using log = linkLog(broker.link, { ...report, pingInterval: 100, pongTimeout: 50 });
  await time.advance(10);
  assertEquals(log.connected, true);
  broker.state.pings = false;
  await time.advance(1_000);
  assertEquals([broker.sessions.length > 2, new Set(errors)], [
    true,
    new Set(["ConnectionError: The log's answer to a ping took more than 50 ms"]),
  ]);
});

Deno.test("close rejects waiting messages, and ends pending queries", async () => {
  const broker = brokerOf();
  broker.state.running = false;
  const log = linkLog(broker.link, quick);
  const appending = assertRejects(() => log.append("news", "a"), Error, "The log is closed");
  const reading = assertRejects(() => log.read("news", 0, ALL), Error, "The log is closed");
  await log.close();
  await Promise.all([appending, reading]);
  await assertRejects(() => log.append("news", "b"), Error, "The log is closed");
});

Deno.test("a message that is sent again is remembered for as long as it may wait, whatever resumeTimeout is", () => {
  assertEquals(retentionOf({}), { messages: 1_000, age: 86_400_000, resumeTimeout: 120_000 });
  assertEquals(retentionOf({ resumeTimeout: 100, appendTimeout: 5_000 }).resumeTimeout, 10_000);
  assertEquals(retentionOf({ resumeTimeout: 100 }).resumeTimeout, 20_000);
  assertEquals(retentionOf({ age: 0 }).age, Infinity);
});
