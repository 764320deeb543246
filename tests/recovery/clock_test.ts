import { assert, assertEquals } from "@std/assert";
import type { Log, Position } from "../../lib/recovery/log.ts";
import { memoryLog } from "../../lib/recovery/memory_log.ts";
import { recovering } from "../../lib/recovery/recovering.ts";
import { serve } from "../../lib/server/serve.ts";
import { until } from "../_support/wait.ts";
import { recoverableHub } from "./_support.ts";

const MINUTE = 60_000;

/** Makes a clock jump by milliseconds, until it is disposed of. */
function turnable(clock: { now(): number }) {
  const { now } = clock;
  let ahead = 0;
  clock.now = () => now.call(clock) + ahead;
  return {
    turn: (by: number) => void (ahead += by),
    [Symbol.dispose]: () => void (clock.now = now),
  };
}

/** A server with a log in memory, and a client of the topic `news` that notes everything. */
async function listening(log: Log, position?: Position) {
  const hub = recoverableHub({ log });
  const server = serve({ port: 0, hostname: "127.0.0.1", protocols: "sluice.v1" }, hub.handlers());
  const client = recovering(server.url, { topics: { news: position }, delay: { first: 5, most: 20 } });
  const heard: string[] = [];
  const facts: (string | undefined)[] = [];
  const reading = (async () => {
    for await (const event of client) {
      if (event.type === "message") heard.push(String(event.data));
      if (event.type === "subscribed") facts.push(event.recovered === false ? event.reason : `${event.recovered}`);
    }
  })();
  await until(() => facts.length === 1, "The subscription");
  return {
    hub,
    heard,
    facts,
    drop: () => server.connections.forEach((socket) => socket.abort()),
    publish: (text: string) => hub.publish("news", text, { durable: true, id: text.replaceAll(" ", "-") }),
    async [Symbol.asyncDispose]() {
      await client.close();
      await reading;
      await server[Symbol.asyncDispose]();
      await hub.close();
    },
  };
}

for (const [name, clock] of [["the wall clock", Date], ["the monotonic clock", performance]] as const) {
  Deno.test(`${name} may jump forwards and backwards: a client that is dropped gets every message once and in order`, async () => {
    await using world = await listening(memoryLog({ age: 60 * MINUTE }));
    using turned = turnable(clock);
    const said: string[] = [];
    for (const minutes of [50, -80, 55, -1_000, 45]) {
      turned.turn(minutes * MINUTE);
      world.drop();
      for (let i = 0; i < 20; i++) {
        said.push(`${minutes} ${i}`);
        await world.publish(`${minutes} ${i}`);
        await world.publish(`${minutes} ${i}`); // a message that is published again is not appended again
      }
      await until(() => world.heard.length >= said.length, "The messages");
    }
    assertEquals(world.heard, said);
    assertEquals(new Set(world.facts), new Set(["undefined", "true"]));
    assert(world.hub.stats.reads < 50, `the log was read ${world.hub.stats.reads} times`);
  });
}

Deno.test("the monotonic clock may jump by more than the age of messages: connected clients lose none, and the others learn of it", async () => {
  const log = memoryLog({ age: 60 * MINUTE });
  await using world = await listening(log);
  using turned = turnable(performance);
  const position = await world.publish("first");
  await world.publish("missed");
  turned.turn(61 * MINUTE);
  await world.publish("after");
  await until(() => world.heard.length === 3, "All messages");
  assertEquals([world.heard, world.facts], [["first", "missed", "after"], ["undefined"]]);

  await using returned = await listening(log, position);
  assertEquals(returned.facts, ["too-far-behind"]);
  await world.publish("last");
  await until(() => returned.heard.length === 1, "The last message");
  assertEquals(returned.heard, ["last"]);
});

Deno.test("the monotonic clock may jump backwards: a log in memory keeps messages for longer, and not more of them", async () => {
  using turned = turnable(performance);
  await using log = memoryLog({ age: 60 * MINUTE, messages: 3 });
  await log.append("news", "0");
  turned.turn(-1_000 * MINUTE);
  for (let i = 1; i < 3; i++) await log.append("news", `${i}`);
  const limit = { messages: 10, bytes: 10_000 };
  const read = async () => (await log.read("news", 0, limit)).entries.map(({ data }) => data);
  assertEquals(await read(), ["0", "1", "2"]);
  for (let i = 3; i < 5; i++) await log.append("news", `${i}`);
  assertEquals(await read(), ["2", "3", "4"]);
  turned.turn(61 * MINUTE);
  assertEquals(await read(), []);
  const page = await log.read("news", 0, limit);
  assertEquals([page.from, page.head], [5, 5]);
});

Deno.test("the wall clock does not age a log in memory: messages, numbers of sessions and ids are kept for their time", async () => {
  using turned = turnable(Date);
  await using log = memoryLog({ age: 60 * MINUTE });
  const first = await log.append("news", "first", { id: "1" });
  await log.take("session", 7);
  for (const days of [365, -800]) {
    turned.turn(days * 24 * 60 * MINUTE);
    assertEquals(await log.append("news", "again", { id: "1" }), first);
    assertEquals(await log.taken("session"), 7);
    assertEquals((await log.read("news", 0, { messages: 10, bytes: 10_000 })).entries.length, 1);
  }
});
