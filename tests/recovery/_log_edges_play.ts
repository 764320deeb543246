/**
 * Plays of logs at the edges of what they keep and take.
 *
 * @module
 */
import { until } from "../../lib/testing/wait.ts";
import { createRecoverableHub } from "../../lib/recovery/recoverable_hub.ts";
import type { Server } from "../hub/_servers.ts";
import { ALL, errors, listen, load, onError, open, texts } from "./_log_play_support.ts";

/** The plays. */
export const EDGES: Record<string, (server: Server) => Promise<unknown>> = {
  /** How much it keeps: exactly so many messages, and no fewer after it was opened with another number. */
  async retention(server) {
    await using log = await open(server, { messages: 5 });
    await log.append("older", "x");
    const offsets: number[] = [];
    const append = async (count: number) => {
      for (let i = 0; i < count; i++) offsets.push((await log.append("news", `${offsets.length}`)).offset);
    };
    await append(5);
    const all = await log.read("news", 0, ALL);
    await append(15);
    const kept = await log.read("news", offsets[14]!, ALL);
    await using larger = await open(server, { messages: 1_000 });
    const missed = async (offset: number) => (await larger.read("news", offset, ALL)).from > offset;
    return {
      all: all.from < offsets[0]! && texts(all.entries),
      complete: kept.from <= offsets[14]!,
      kept: texts(kept.entries),
      missed: [await missed(offsets[14]!), await missed(offsets[13]!), await missed(offsets[10]!)],
    };
  },

  /** A log without limits, and the ids of two topics. */
  async unlimited(server) {
    await using log = await open(server, { messages: Infinity, age: Infinity });
    for (const topic of ["news", "other", "news"]) await log.append(topic, topic, { id: "1" });
    return {
      news: texts((await log.read("news", 0, ALL)).entries),
      other: texts((await log.read("other", 0, ALL)).entries),
    };
  },

  /** Topics whose messages have all expired, or which had none: connected clients get the next one. */
  async quiet(server) {
    await using log = await open(server, { age: 200 });
    await using hub = createRecoverableHub({ log, onError });
    const expired = async (topic: string) => (await log.read(topic, 0, ALL)).entries.length === 0;
    const publishOther = async () => {
      await hub.publish("other", "x", { durable: true });
      await until(() => expired("other"), "The end of the messages", 10_000);
    };
    await publishOther();
    await using news = await listen(hub, "news");
    await using empty = await listen(hub, "empty");
    await hub.publish("news", "before", { durable: true });
    await publishOther();
    for (const topic of ["news", "empty", "news"]) await hub.publish(topic, "after", { durable: true });
    await until(
      () => news.heard.length + news.facts.length >= 4 && empty.heard.length + empty.facts.length >= 2,
      "The news",
      10_000,
    );
    return { news: news.heard, empty: empty.heard, facts: [...news.facts, ...empty.facts], errors };
  },

  /** What Redis knows of its scripts is lost. */
  async scripts(server) {
    const { createClient } = await load("npm:redis@^6.3.1");
    const redis = createClient({ url: `redis://127.0.0.1:${server.port}` });
    await redis.connect();
    await using log = await open(server, { appendTimeout: 5_000 });
    await log.append("news", "a");
    await redis.scriptFlush();
    await log.append("news", "b");
    await redis.scriptFlush();
    const { entries } = await log.read("news", 0, ALL);
    await redis.scriptFlush();
    await log.take("s", 7);
    await redis.close();
    return { entries: texts(entries), taken: await log.taken("s") };
  },

  /** Names that NATS cannot have, and times that JetStream does not take. */
  async nats(server) {
    await using log = await open(server, { appendTimeout: 1_000 });
    log.follow("x".repeat(65_536), () => {});
    const [long, short] = await Promise.allSettled(
      ["x".repeat(65_536), "short"].map((topic) => log.append(topic, "a")),
    );
    const wrong: string[] = [];
    for (const times of [{ resumeTimeout: 99 }, { age: 99 }]) {
      await open(server, times).then((log) => log.close(), (error) => wrong.push(error.message));
    }
    return { long: long?.status === "rejected" && String(long.reason.cause), short: short?.status, wrong, errors };
  },
};
