/**
 * Plays brokers against a real server, as a process of its own: `tests/hub/_broker_play.ts nats faults`. It is run without the lock
 * file, and loads its broker where Deno does not look: `deno task serve` would first download whatever the lock file names.
 *
 * It prints what came of it as one line of JSON.
 *
 * @module
 */
import type { BrokerOptions, LinkedBroker } from "../../lib/hub/linked_broker.ts";
import { until as waitUntil } from "../_support/wait.ts";
import { noted } from "./_brokers.ts";
import { startServer } from "./_servers.ts";

const [kind = "", play = "", port = "0"] = Deno.args;

const BROKERS: Record<string, (port: number, options: BrokerOptions & { prefix?: string }) => Promise<LinkedBroker>> = {
  nats: async (port, options) =>
    (await load("../../lib/hub/nats.ts")).natsBroker({ servers: `127.0.0.1:${port}`, ...options }),
  redis: async (port, options) =>
    (await load("../../lib/hub/redis.ts")).redisBroker({ url: `redis://127.0.0.1:${port}`, ...options }),
};

// deno-lint-ignore no-explicit-any -- a module that is named at run time has no types
function load(path: string): Promise<any> {
  return import(new URL(path, import.meta.url).href);
}

const sleep = (time: number) => new Promise((resolve) => setTimeout(resolve, time));

/** A broker is a program of its own. */
const until = (condition: () => boolean | Promise<boolean>, what: string) => waitUntil(condition, what, 20_000);

/** Two brokers; `b` has been told `topic` by the server. */
async function pair(port: number, topics: readonly string[], options: BrokerOptions & { prefix?: string } = {}) {
  const errors: string[] = [];
  const make = () =>
    BROKERS[kind]!(port, {
      reconnect: { first: 100, most: 200 },
      onError: (error) => void errors.push(String(error)),
      ...options,
    });
  const [a, b] = [await make(), await make()];
  const [atA, atB] = [noted(a), noted(b)];
  for (const topic of topics) b.subscribe(topic);
  await until(() => a.state === "up" && b.state === "up", "Both to be up");
  const close = () => Promise.all([a.close(), b.close()]);
  return { a, b, atA, atB, errors, close };
}

/** Publishes until `to` hears of it: no event announces that the server has taken a subscription. Notes nothing of that. */
async function reach(
  from: Awaited<ReturnType<typeof pair>>["a"],
  to: { messages: { data: unknown }[] },
  topic: string,
) {
  let probe = 0;
  await until(async () => {
    from.publish({ topic, data: `probe ${++probe}` });
    await sleep(10);
    return to.messages.at(-1)?.data === `probe ${probe}`;
  }, `The subscription to ${topic}`);
  to.messages.length = 0;
}

/** Topics that look like wildcards, spaces, paths and commands. */
const TOPICS = ["plain", "a/b.c", "*", ">", "a b\r\nPUB x", "__proto__", "", "é\0🙂", "x".repeat(1_024)];

const PLAYS: Record<string, (port: number) => Promise<unknown>> = {
  /** Every kind of topic and data, both ways, by topic and by all topics. */
  async exchange(port) {
    const prefix = `test-${crypto.randomUUID()}`;
    const { a, b, atA, atB, close, errors } = await pair(port, TOPICS, { prefix });
    const other = await pair(port, TOPICS, { prefix: `${prefix}x` });
    for (const topic of TOPICS) a.publish({ topic, data: `on ${topic}` });
    a.publish({ topic: "plain", data: new Uint8Array([0, 255]) });
    a.publish({ topic: "plain", data: "x".repeat(1_000_000) });
    a.publish({ topic: "unheard", data: "" });
    await until(() => atB.messages.length >= TOPICS.length + 2, "The messages");
    const byTopic = atB.messages.slice(0, TOPICS.length);
    const [bytes, large] = atB.messages.slice(TOPICS.length);
    a.subscribeAll();
    a.publish({ topic: "own", data: "not heard by a" });
    await reach(b, atA, "probe");
    for (const topic of TOPICS) b.publish({ topic, data: topic });
    await until(() => atA.messages.length >= TOPICS.length, "All topics");
    await Promise.all([close(), other.close()]);
    return {
      byTopic: byTopic.every(({ topic, data }, i) => topic === TOPICS[i] && data === `on ${topic}`),
      bytes: bytes?.data.toString(),
      large: large?.data.length,
      all: atA.messages.every(({ topic, data }, i) => topic === TOPICS[i] && data === topic),
      counts: [atA.messages.length, atB.messages.length, other.atA.messages.length + other.atB.messages.length],
      refused: a.refused + b.refused,
      lost: a.lost + b.lost,
      errors,
    };
  },

  /** What others put on our subjects: garbage. */
  async garbage(port) {
    const { a, b, atB, close } = await pair(port, ["plain"], { prefix: "test" });
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const send = kind === "nats"
      ? 'CONNECT {"verbose":false}\r\nPUB test.plain 3\r\nabc\r\n'
      : "PUBLISH testplain abc\r\n";
    await conn.write(new TextEncoder().encode(send));
    await until(() => b.refused === 1, "The garbage");
    conn.close();
    a.publish({ topic: "plain", data: "after" });
    await until(() => atB.messages.length === 1, "The message");
    await close();
    return { refused: b.refused, state: b.state };
  },

  /** Numbered messages without a pause while the server is killed, is away for a second, and is started again. */
  async faults() {
    const server = await startServer(kind);
    const { a, b, atA, atB, errors, close } = await pair(server.port, ["load"], { maxQueuedMessages: 1_000 });
    a.subscribe("answers");
    await reach(b, atA, "answers");
    let sent = 0;
    let then = () => {};
    const load = setInterval(() => {
      for (let i = 0; i < 20; i++) a.publish({ topic: "load", data: `${sent++}` });
      b.publish({ topic: "answers", data: `${sent}` });
      then();
    }, 5);
    const rounds: { heard: number; atKill: number; back: number }[] = [];
    for (let round = 0; round < 2; round++) {
      await sleep(500);
      // With what was published just now under way.
      await new Promise<void>((resolve) => then = resolve);
      then = () => {};
      const heard = Number(atB.messages.at(-1)?.data);
      const atKill = sent;
      await server.kill();
      await until(() => a.state === "down" && b.state === "down", "Both to be down");
      await sleep(1_000);
      await server.start();
      await until(() => a.state === "up" && b.state === "up", "Both to be up again");
      rounds.push({ heard, atKill, back: sent });
    }
    await sleep(500);
    clearInterval(load);
    a.publish({ topic: "load", data: `${sent++}` });
    await until(() => atB.messages.at(-1)?.data === `${sent - 1}`, "The last message");
    const numbers = atB.messages.map(({ data }) => Number(data));
    const seen = new Set(numbers);
    const missing = Array.from({ length: sent }, (_, number) => number).filter((number) => !seen.has(number));
    await close();
    await server[Symbol.asyncDispose]();
    return {
      sent,
      received: numbers.length,
      missing: missing.length,
      lost: a.lost,
      duplicates: numbers.length - seen.size,
      disorder: numbers.filter((number, i) => i > 0 && number < numbers[i - 1]!).length,
      outside: missing.filter((number) => !rounds.some(({ heard, back }) => number > heard && number < back)).length,
      inFlight: rounds.map(({ heard, atKill }) => atKill - 1 - heard),
      away: rounds.map(({ atKill, back }) => back - atKill),
      answers: atA.messages.length,
      states: atB.states,
      errors,
    };
  },

  /** A server that stands still for a while and then goes on. */
  async stall() {
    const server = await startServer(kind);
    const options = { maxQueuedMessages: 100, pongTimeout: 5_000 };
    const { a, b, atB, close } = await pair(server.port, ["load"], options);
    server.signal("SIGSTOP");
    a.publish({ topic: "load", data: "0" });
    await sleep(50); // it is in flight now
    for (let i = 1; i <= 1_000; i++) a.publish({ topic: "load", data: `${i}` });
    const lost = a.lost;
    const during = [a.state, b.state];
    server.signal("SIGCONT");
    await until(() => atB.messages.at(-1)?.data === "1000", "The last message");
    const received = atB.messages.map(({ data }) => Number(data));
    await close();

    const given = await pair(server.port, ["load"], { ...options, pongTimeout: 300, pingInterval: 300 });
    server.signal("SIGSTOP");
    await until(() => given.a.state === "down" && given.b.state === "down", "Both to give up");
    server.signal("SIGCONT");
    await until(() => given.a.state === "up" && given.b.state === "up", "Both to be up again");
    given.a.publish({ topic: "load", data: "after" });
    await until(() => given.atB.messages.at(-1)?.data === "after", "The message after");
    await given.close();
    await server[Symbol.asyncDispose]();
    return { during, lost, received, states: given.atB.states };
  },
};

if (port === "0" && play !== "faults" && play !== "stall") {
  await using server = await startServer(kind);
  print(await PLAYS[play]!(server.port));
} else print(await PLAYS[play]!(Number(port)));

function print(result: unknown): void {
  // deno-lint-ignore no-console -- the test reads it
  console.log(JSON.stringify(result));
}
