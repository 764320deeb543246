import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import type { LogSession } from "../../lib/recovery/log_link.ts";
import type { LinkedLog } from "../../lib/recovery/linked_log.ts";
import { redisLog } from "../../lib/recovery/redis.ts";
import { type RedisLogClient, redisLogLink } from "../../lib/recovery/redis_log_link.ts";

/** Clients that answer what a test says, and note what they are asked. */
function clientsOf(answer: () => unknown = () => Buffer.from("e 1")) {
  const asked: unknown[][] = [];
  const listeners: ((message: Buffer, channel: Buffer) => void)[] = [];
  const ends: (() => void)[] = [];
  const state = { connects: true, config: { appendonly: "yes", appendfsync: "everysec" } };
  let open = 0;
  const client: RedisLogClient = {
    connect: () => state.connects ? Promise.resolve(open++) : Promise.reject(new Error("refused")),
    withTypeMapping: () => client,
    scriptLoad: (script) => Promise.resolve(`sha ${script.length}`),
    evalSha: (name, options) => {
      asked.push([name, options.keys, options.arguments.map(String)]);
      try {
        return Promise.resolve(answer());
      } catch (error) {
        return Promise.reject(error);
      }
    },
    info: () => Promise.resolve("# Server\r\nredis_version:7\r\nrun_id:abc\r\n"),
    configGet: () => Promise.resolve(state.config),
    get: () => Promise.resolve("7"),
    subscribe: (_, listener) => Promise.resolve(listeners.push(listener)),
    unsubscribe: () => Promise.resolve(),
    ping: () => Promise.resolve(),
    on: (event, listener) => event === "end" ? ends.push(listener) : undefined,
    destroy: () => {
      open--;
    },
  };
  return { client, asked, listeners, ends, state, opened: () => open };
}

const retention = { messages: 10, age: 1_000, resumeTimeout: 2_000 };
const append = { topic: "news", data: "a", id: "7", known: 2_000 };

Deno.test("a topic's keys are in one slot of a cluster, after the prefix", async () => {
  const clients = clientsOf();
  const session = await redisLogLink("chat:", retention, () => clients.client).connect(() => {});
  assertEquals(await session.append(append), { epoch: "e", offset: 1 });
  assertEquals(clients.asked[0]![1], ["chat:{news}:meta", "chat:{news}:log", "chat:{news}:id:7"]);
  await session.close();
});

Deno.test("an error reply of Redis is a refusal, and a connection error is not", async () => {
  let error = new Error("OOM command not allowed when used memory > 'maxmemory'.");
  const clients = clientsOf(() => {
    throw error;
  });
  const link = redisLogLink("", retention, () => clients.client);
  assertEquals(await (await link.connect(() => {})).append(append), { refused: error });
  // The next connection loads the scripts again if Redis has lost them.
  for (const lost of ["The client is closed", "NOSCRIPT No matching script", "LOADING Redis is loading the dataset"]) {
    error = new Error(lost);
    for (
      const ask of [
        (session: LogSession) => session.append(append),
        (session: LogSession) => session.read("news", 0, { messages: 1, bytes: 1 }),
        (session: LogSession) => session.take("s", 1),
      ]
    ) {
      const session = await link.connect(() => {});
      await assertRejects(() => ask(session), Error, lost);
      assertEquals(await session.ended, error);
    }
  }
});

Deno.test("a log without a limit of messages has the largest number as its limit", async () => {
  const clients = clientsOf();
  const unlimited = { ...retention, messages: Infinity, age: Infinity };
  const session = await redisLogLink("", unlimited, () => clients.client).connect(() => {});
  await session.append(append);
  assertEquals(clients.asked.flat(2).slice(-3), [`${Number.MAX_SAFE_INTEGER}`, "0", "2000"]);
});

Deno.test("the run of a server has its name, unless it writes everything to its disk first", async () => {
  for (const [appendfsync, run] of [["everysec", "abc"], ["always", "always"]] as const) {
    const clients = clientsOf();
    clients.state.config = { appendonly: "yes", appendfsync };
    const session = await redisLogLink("", retention, () => clients.client).connect(() => {});
    await session.append(append);
    assertEquals(Array(clients.asked[0]![2]).flat()[0], run);
  }
});

Deno.test("a page is parsed as it was written, text and bytes", async () => {
  const page = ["e", "3", "1", "2", "t", "ä\n", "3", "b", Buffer.from([0, 255])].map((item) =>
    typeof item === "string" ? Buffer.from(item) : item
  );
  const clients = clientsOf(() => page);
  const session = await redisLogLink("", retention, () => clients.client).connect(() => {});
  assertEquals(await session.read("news", 1, { messages: 10, bytes: 1_000 }), {
    epoch: "e",
    head: 3,
    from: 1,
    entries: [
      { offset: 2, previous: 1, data: "ä\n" },
      { offset: 3, previous: 2, data: new Uint8Array([0, 255]) },
    ],
  });
});

Deno.test("a message on a channel is a notice, and a foreign one only says that there are new messages", async () => {
  const clients = clientsOf();
  const heard: unknown[] = [];
  const session = await redisLogLink("", retention, () => clients.client).connect((...news) => heard.push(news));
  await session.follow("news");
  for (const message of ["e 5 t a b", "e 6 b \u0001", "garbage", ""]) {
    clients.listeners[0]!(Buffer.from(message), Buffer.from(""));
  }
  assertEquals(heard, [
    ["news", { epoch: "e", entry: { offset: 5, previous: 4, data: "a b" } }],
    ["news", { epoch: "e", entry: { offset: 6, previous: 5, data: new Uint8Array([1]) } }],
    ["news", undefined],
    ["news", undefined],
  ]);
});

Deno.test("a connection that fails closes both clients, and one that ends reports it", async () => {
  const clients = clientsOf();
  clients.state.connects = false;
  await assertRejects(() => redisLogLink("", retention, () => clients.client).connect(() => {}), Error, "refused");
  clients.state.connects = true;
  const session = await redisLogLink("", retention, () => clients.client).connect(() => {});
  clients.ends.at(-1)!();
  assertEquals(String(await session.ended), "ConnectionError: The connection to Redis is closed");
});

Deno.test("retention that is `undefined` has its default", async () => {
  const { client, asked } = clientsOf();
  const options = { create: () => client, messages: undefined, age: undefined, resumeTimeout: undefined };
  await using log = Reflect.apply<undefined, [object], LinkedLog>(redisLog, undefined, [options]);
  await log.append("news", "a");
  const values = asked.flatMap(([, , values]) => values);
  assertEquals(values.includes("undefined") || values.includes("NaN"), false);
  assertEquals(JSON.stringify(values).includes('"1000"'), true);
});

Deno.test("no time is 0 that Redis would refuse", () => {
  for (const options of [{ resumeTimeout: 0 }, { appendTimeout: 0 }]) {
    assertThrows(() => redisLog(options), RangeError, "it must be a whole number from 1 to");
  }
});
