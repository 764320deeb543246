/**
 * What the tests of logs play against the real brokers, in a process of its own: their packages are not those of the tests.
 *
 *   deno run … _log_play.ts KIND PLAY FOLDER   prints what happened, as JSON
 *
 * @module
 */
// deno-lint-ignore-file no-console -- it prints its result
import { until } from "../../lib/testing/wait.ts";
import type { Log } from "../../lib/recovery/log.ts";
import { createRecoverableHub } from "../../lib/recovery/recoverable_hub.ts";
import { RecoverableTopic } from "../../lib/recovery/recoverable_topic.ts";
import type { RecoverableHub } from "../../lib/recovery/recoverable_options.ts";
import { type Server, startServer } from "../hub/_servers.ts";
import { EDGES } from "./_log_edges_play.ts";
import { ALL, errors, folder, isRedis, listen, load, onError, open, play, start, texts } from "./_log_play_support.ts";

/**
 * Turns the wall clock of Redis by milliseconds, as far as its data can tell: the time of each message, and of each key's end, is
 * earlier by as much.
 */
const TURN_CLOCK = `
local by = tonumber(ARGV[1])
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if redis.call('TYPE', key).ok == 'stream' then
    local entries = redis.call('XRANGE', key, '-', '+')
    redis.call('DEL', key)
    for _, entry in ipairs(entries) do
      entry[2][6] = entry[2][6] - by
      redis.call('XADD', key, entry[1], unpack(entry[2]))
    end
  end
  if left >= 0 and left <= by then redis.call('DEL', key) elseif left >= 0 then redis.call('PEXPIRE', key, left - by) end
end
return 'OK'`;

const PLAYS: Record<string, (server: Server) => Promise<unknown>> = {
  ...EDGES,

  /** What every log does. */
  async contract(server) {
    await using one = await open(server);
    await using other = await open(server);
    const news: unknown[] = [];
    const unfollow = other.follow("a/b {c}", (said) => news.push(said && texts([said.entry])[0]));
    await until(() => news.length > 0, "The beginning", 10_000);
    const first = await one.append("a/b {c}", "ä\u{1f600}");
    const second = await one.append("a/b {c}", new Uint8Array([0, 255, 10, 32]));
    await one.append("other", "x");
    const third = await one.append("a/b {c}", "", { id: "7" });
    const again = await other.append("a/b {c}", "", { id: "7" });
    await until(() => news.length > 3, "The news", 10_000);
    unfollow();
    const page = await other.read("a/b {c}", first.offset, ALL);
    const head = await other.read("a/b {c}", Infinity, ALL);
    const few = await other.read("a/b {c}", 0, { messages: 1, bytes: 1 });
    const empty = await other.read("nothing", 0, ALL);
    await one.take("s", 5);
    await other.take("s", 7);
    return {
      news,
      read: texts(page.entries),
      grows: first.offset < second.offset && second.offset < third.offset,
      heads: [page.head, head.head].every((number) => number === third.offset),
      complete: page.from <= first.offset,
      none: head.entries.length,
      few: texts(few.entries),
      empty: [empty.entries.length, empty.head === empty.from],
      same: JSON.stringify(third) === JSON.stringify(again),
      epochs: new Set([first.epoch, second.epoch, page.epoch, head.epoch]).size,
      taken: [await one.taken("s"), await one.taken("nobody")],
      errors,
    };
  },

  /** What a page of many messages is, and one that goes on behind it. */
  async pages(server) {
    await using log = await open(server, { messages: 2_000 });
    await Promise.all(Array.from({ length: 1_500 }, (_, i) => log.append("news", `${i}`)));
    let [after, read] = [0, 0];
    const pages: number[] = [];
    for (;;) {
      const { entries } = await log.read("news", after, { messages: 1_000, bytes: 10_000_000 });
      if (entries.length === 0) break;
      for (const { data } of entries) if (data === `${read}`) read++;
      pages.push(entries.length);
      after = entries.at(-1)!.offset;
    }
    return { read, pages };
  },

  /** All data is lost: the epoch changes, and every client hears of it. */
  async wiped(server) {
    await using hub = createRecoverableHub({ log: await open(server), onError });
    await using client = await listen(hub, "news");
    const before = await hub.publish("news", "before", { durable: true });
    await until(() => client.heard.length === 1, "The first message", 10_000);
    await server.kill();
    for (const { name } of Deno.readDirSync(folder)) await Deno.remove(`${folder}/${name}`, { recursive: true });
    await server.start();
    const after = await hub.publish("news", "after", { durable: true });
    await until(() => client.facts.length === 2, "The new epoch", 10_000);
    const last = await hub.publish("news", "last", { durable: true });
    await until(() => client.heard.at(-1) === "last", "The last message", 10_000);
    return { epochs: [before.epoch !== after.epoch, after.epoch === last.epoch], facts: client.facts.slice(1) };
  },

  /** Redis was started again, and may have lost something: it does not pretend to have everything. */
  async unsure() {
    await using unsafe = await startServer(
      "redis",
      "--dir",
      folder,
      "--appendonly",
      "yes",
      "--appendfsync",
      "everysec",
    );
    await using log = await open(unsafe);
    const before = await log.append("news", "before");
    await unsafe.kill();
    await unsafe.start();
    const after = await log.append("news", "after");
    return { anotherEpoch: before.epoch !== after.epoch, kept: texts((await log.read("news", 0, ALL)).entries) };
  },

  /** The wall clock of Redis goes to and fro, and then by more than the age of the messages. */
  async clock(server) {
    const { createClient } = await load("npm:redis@^6.3.1");
    const redis = createClient({ url: `redis://127.0.0.1:${server.port}` });
    await redis.connect();
    await using log = await open(server, { age: 60_000 });
    await using hub = createRecoverableHub({ log, onError });
    await using client = await listen(hub, "news");
    const said: string[] = [];
    for (const seconds of [0, 30, -50, 45, -86_400]) {
      await redis.eval(TURN_CLOCK, { arguments: [`${1_000 * seconds}`] });
      for (let i = 0; i < 5; i++) {
        const text = `${seconds}: ${i}`;
        said.push(text);
        // What is sent again is not appended again, even if the clock was turned.
        for (const id of [said.length, Math.max(1, said.length - 5)]) {
          await hub.publish("news", text, { durable: true, id: `id${id}` });
        }
      }
    }
    await until(() => client.heard.length >= said.length, "All messages", 10_000);
    const kept = texts((await log.read("news", 0, ALL)).entries);
    await redis.eval(TURN_CLOCK, { arguments: [`${1_000 * 2 * 86_400}`] });
    const { head, from, entries } = await log.read("news", 0, ALL);
    const { offset } = await log.append("news", "after");
    await until(() => client.heard.at(-1) === "after", "The next message", 10_000);
    await redis.close();
    return {
      heard: JSON.stringify(client.heard) === JSON.stringify([...said, "after"]),
      kept: JSON.stringify(kept) === JSON.stringify(said),
      later: { missed: from === head, entries: entries.length, next: offset === head + 1 },
      facts: client.facts,
      errors,
    };
  },

  /** The log is full: the publisher hears of it, and nothing is pretended. */
  async refused(server) {
    const config = `${folder}/full.conf`;
    if (!isRedis) {
      await server.kill();
      await Deno.writeTextFile(config, `jetstream: { store_dir: "${folder}/small", max_file_store: 65536 }`);
    }
    await using full = isRedis
      ? await startServer("redis", "--maxmemory", "3mb", "--maxmemory-policy", "noeviction")
      : await startServer("nats", "-c", config);
    const log = await open(full, { appendTimeout: 5_000, messages: 100_000 });
    await using hub = createRecoverableHub({ log, onError });
    const taken: number[] = [];
    let refusal = "";
    for (let i = 0; i < 1_000 && refusal === ""; i++) {
      try {
        taken.push((await hub.publish("news", `${i} ${"x".repeat(10_000)}`, { durable: true })).offset);
      } catch (error) {
        refusal = error instanceof Error ? error.message : String(error);
      }
    }
    const { entries, head } = await log.read("news", 0, { messages: 10_000, bytes: 1e9 });
    return {
      refusal,
      some: taken.length > 0,
      kept: entries.length === taken.length && head === taken.at(-1),
      stats: hub.stats.refused,
    };
  },

  /** The log is unreachable: a waiting publisher gets an error in time, unless the log returns before. */
  async away(server) {
    await using log = await open(server, { appendTimeout: 1_000, maxQueuedMessages: 3 });
    await log.append("news", "a");
    await server.kill();
    const waiting = ["b", "c", "d", "e"].map((data) => log.append("news", data).then(() => "appended", String));
    const late = await Promise.all(waiting);
    await using patient = await open(server, { appendTimeout: 20_000 });
    const kept = patient.append("news", "f");
    await server.start();
    const { offset } = await kept;
    const { entries } = await patient.read("news", 0, ALL);
    return { late, kept: texts(entries), last: entries.at(-1)?.offset === offset };
  },

  /** Killed and stalled under load: nothing is lost, nothing comes twice, and all stays in order. */
  async killed(server) {
    const hubs = [
      createRecoverableHub({ log: await open(server, { pongTimeout: 1_000, appendTimeout: 30_000 }), onError }),
      createRecoverableHub({ log: await open(server, { pongTimeout: 1_000, appendTimeout: 30_000 }), onError }),
    ];
    const clients = await Promise.all([...hubs, ...hubs].map((hub) => listen(hub, "news")));
    const published: Promise<unknown>[] = [];
    let number = 0;
    let over = false;
    const publish = async (hub: RecoverableHub, name: string) => {
      for (let i = 0; !over; i++) {
        const position = hub.publish("news", `${name} ${i}`, { durable: true });
        published.push(position);
        number++;
        await Promise.race([position, new Promise((resolve) => setTimeout(resolve, 5))]);
      }
    };
    const publishing = hubs.map((hub, i) => publish(hub, `hub${i}`));
    const some = async () => {
      const target = number + 100;
      await until(() => number >= target, "Some messages", 20_000);
    };
    await some();
    await server.kill();
    await some();
    await server.start();
    await some();
    server.signal("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    server.signal("SIGCONT");
    await some();
    over = true;
    await Promise.all(publishing);
    await Promise.all(published);
    await until(() => clients.every(({ heard }) => heard.length >= number), "All messages", 20_000);
    const inOrder = clients.every(({ heard }) =>
      ["hub0", "hub1"].every((name) =>
        heard.filter((text) => text.startsWith(name)).every((text, i) => text === `${name} ${i}`)
      )
    );
    const result = {
      lost: clients.map(({ heard }) => number - new Set(heard).size),
      twice: clients.map(({ heard }) => heard.length - new Set(heard).size),
      inOrder,
      same: new Set(clients.map(({ heard }) => heard.join())).size,
      unrecovered: clients.flatMap(({ facts }) => facts.slice(1)),
    };
    for (const client of clients) await client[Symbol.asyncDispose]();
    for (const hub of hubs) await hub.close();
    return result;
  },

  /** Ten thousand subscriptions that come back at once. */
  async many(server) {
    const log = await open(server, { messages: 10_000 });
    let reads = 0;
    const counted: Log = {
      append: (...args) => log.append(...args),
      follow: (...args) => log.follow(...args),
      taken: (session) => log.taken(session),
      take: (...args) => log.take(...args),
      read: (...args) => (reads++, log.read(...args)),
      close: () => log.close(),
      [Symbol.asyncDispose]: () => log.close(),
    };
    const { epoch, offset } = await log.append("news", "first");
    await Promise.all(Array.from({ length: 200 }, (_, i) => log.append("news", `${i}`)));
    const budget = { held: 0, most: 10_000_000 };
    const topic = new RecoverableTopic("news", {
      log: counted,
      budget,
      deliver: () => {},
      restarted: () => {},
      onRead: () => {},
      report: () => {},
    });
    await topic.refresh();
    const before = reads;
    let [given, joined] = [0, 0];
    await Promise.all(Array.from({ length: 10_000 }, () =>
      topic.catchUp({ epoch, offset }, {
        active: true,
        begin: () => {},
        give: () => void given++,
        join: () => void joined++,
      })));
    const result = { given, joined, reads: reads - before, bounded: budget.held < 200 * 300 };
    topic.stop();
    await log.close();
    return result;
  },
};

const server = await start();
try {
  console.log(JSON.stringify(await PLAYS[play]!(server)));
} finally {
  await server.kill();
}
Deno.exit(0);
