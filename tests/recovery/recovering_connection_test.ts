import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { serve } from "../../lib/server/serve.ts";
import { memoryLog } from "../../lib/recovery/memory_log.ts";
import { recovering as recoveringInBrowser } from "../../lib/browser/recovering.ts";
import { recovering as recoveringHere } from "../../lib/recovery/recovering.ts";
import type { RecoveryEvent } from "../../lib/recovery/recovering_connection.ts";
import type { RecoverableCallbacks, RecoverableHubOptions } from "../../lib/recovery/recoverable_options.ts";
import { until } from "../_support/wait.ts";
import { recoverableHub, TestLog } from "./_support.ts";

/** Both clients with recovery, and the code with which a server that does not speak the protocol is left. */
const CLIENTS = [
  ["over TCP", recoveringHere, 1007],
  ["over the browser's WebSocket", recoveringInBrowser, 4007],
] as const;

/** A server on loopback. */
function serving(options: Partial<RecoverableHubOptions> = {}, callbacks: RecoverableCallbacks = {}) {
  const hub = recoverableHub({ log: memoryLog(), ...options });
  const server = serve({ port: 0, hostname: "127.0.0.1", protocols: "sluice.v1" }, hub.handlers(callbacks));
  return {
    hub,
    server,
    url: server.url,
    drop: () => server.connections.forEach((socket) => socket.abort()),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await hub.close();
    },
  };
}

const delay = { first: 5, most: 20 };

/** Reads events until one of them is wanted. */
async function readUntil(events: AsyncIterator<RecoveryEvent>, wanted: (event: RecoveryEvent) => boolean) {
  for (;;) {
    const { value, done } = await events.next();
    if (done) throw new Error("The client has ended");
    if (wanted(value)) return value;
  }
}

for (const [name, recovering, code] of CLIENTS) {
  Deno.test(`a client whose connections are dropped again and again hears every message, in order and once, ${name}`, async () => {
    await using serverSide = serving();
    await using client = recovering(serverSide.url, { topics: { news: undefined }, delay });
    const events = client[Symbol.asyncIterator]();
    await readUntil(events, ({ type }) => type === "subscribed");
    const heard: number[] = [];
    let published = 0;
    while (heard.length < 200) {
      for (let i = 0; i < 10; i++) await serverSide.hub.publish("news", `${published++}`, { durable: true });
      if (published % 50 === 0) serverSide.drop();
      while (heard.length < published) {
        const event = await readUntil(events, ({ type }) => type === "message");
        if (event.type === "message") heard.push(Number(event.data));
      }
    }
    assertEquals(heard, Array.from({ length: 200 }, (_, i) => i));
    assertEquals(client.position("news")?.offset, 200);
  });

  Deno.test(`it goes on where a page that was loaded before has been, ${name}`, async () => {
    await using serverSide = serving();
    const position = await serverSide.hub.publish("news", "a", { durable: true });
    await serverSide.hub.publish("news", new Uint8Array([7]), { durable: true });
    await using client = recovering(serverSide.url, { topics: { news: position }, delay });
    const events = client[Symbol.asyncIterator]();
    const begun = await readUntil(events, () => true);
    assertEquals(begun.type === "subscribed" && begun.recovered, true);
    const event = await readUntil(events, () => true);
    assertEquals(event, {
      type: "message",
      topic: "news",
      data: new Uint8Array([7]),
      position: { ...position, offset: position.offset + 1 },
    });
  });

  Deno.test(`a log that was lost meanwhile is said, and it goes on from there, ${name}`, async () => {
    const log = new TestLog();
    await using serverSide = serving({ log });
    await using client = recovering(serverSide.url, { topics: { news: { epoch: "old", offset: 7 } }, delay });
    const events = client[Symbol.asyncIterator]();
    const begun = await readUntil(events, () => true);
    assertEquals(begun.type === "subscribed" && [begun.recovered, begun.reason], [false, "epoch-changed"]);
    await serverSide.hub.publish("news", "a", { durable: true });
    const event = await readUntil(events, () => true);
    assertEquals(event.type === "message" && event.data, "a");
  });

  Deno.test(`it subscribes and unsubscribes while it is connected, and asks for its topics again when it comes back, ${name}`, async () => {
    await using serverSide = serving();
    await using client = recovering(serverSide.url, { delay });
    const events = client[Symbol.asyncIterator]();
    client.subscribe("a");
    client.subscribe("b");
    await readUntil(events, (event) => event.type === "subscribed" && event.topic === "b");
    client.unsubscribe("a");
    await until(() => serverSide.hub.count("a") === 0, "The end of a subscription");
    serverSide.drop();
    await readUntil(events, (event) => event.type === "subscribed" && event.topic === "b");
    assertEquals([serverSide.hub.count("a"), client.position("a")], [0, undefined]);
  });

  Deno.test(`it subscribes again from an earlier position, and what it has not read yet does not come in between, ${name}`, async () => {
    await using serverSide = serving();
    const position = await serverSide.hub.publish("news", "0", { durable: true });
    await using client = recovering(serverSide.url, { topics: { news: position, other: undefined }, delay });
    const events = client[Symbol.asyncIterator]();
    await readUntil(events, (event) => event.type === "subscribed" && event.topic === "other");
    for (const data of ["1", "2", "3"]) await serverSide.hub.publish("news", data, { durable: true });
    await serverSide.hub.publish("other", "here", { durable: true });
    client.subscribe("news", position);
    client.subscribe("news", { ...position, offset: position.offset + 1 }); // the last call counts
    const heard: unknown[] = [];
    for await (const event of { [Symbol.asyncIterator]: () => events }) {
      if (event.type === "message" && event.topic === "news") heard.push(event.data);
      if (event.type === "subscribed") heard.push(event.position.offset);
      if (event.type === "message" && event.data === "3") break;
    }
    assertEquals(heard, [2, "2", "3"]);
  });

  Deno.test(`it takes positions only, ${name}`, async () => {
    const open = (topics: unknown) => () => void Reflect.apply(recovering, undefined, ["ws://127.0.0.1:1", { topics }]);
    for (const topics of [["news"], null, "news"]) {
      assertThrows(open(topics), TypeError, "it must be an object of topics and their positions");
    }
    for (const position of [null, 5, { epoch: "e" }, { epoch: "e", offset: -1 }]) {
      assertThrows(open({ news: position }), TypeError, 'Cannot use topics["news"]');
    }
    await using serverSide = serving();
    await using client = recovering(serverSide.url, { delay });
    const subscribe = (...values: unknown[]) => () => Reflect.apply(client.subscribe, client, values);
    assertThrows(subscribe("news", 5), TypeError, "a position: { epoch, offset }");
    assertThrows(subscribe(5), TypeError, "Cannot use topic 5: it must be a string");
  });

  Deno.test(`a topic that is refused is not asked for again, ${name}`, async () => {
    let asked = 0;
    await using serverSide = serving({ authorize: () => ++asked > 9 });
    await using client = recovering(serverSide.url, { topics: { secret: undefined }, delay });
    const events = client[Symbol.asyncIterator]();
    assertEquals(await readUntil(events, () => true), { type: "refused", topic: "secret", reason: "not-allowed" });
    client.subscribe("again");
    serverSide.drop();
    await readUntil(events, ({ type }) => type === "refused");
    assertEquals(asked <= 3, true);
  });

  Deno.test(`what it sends is acknowledged, though connections are dropped: the application takes it once and in order, ${name}`, async () => {
    const taken: string[] = [];
    await using serverSide = serving({}, { message: (_, data) => void taken.push(String(data)) });
    await using client = recovering(serverSide.url, { acknowledge: true, delay });
    const reading = (async () => {
      for await (const _ of client);
    })();
    const sent: Promise<void>[] = [];
    for (let i = 0; i < 100; i++) {
      sent.push(client.send(`${i}`));
      if (i % 20 !== 10) continue;
      await until(() => taken.length > i - 8, "Some messages");
      serverSide.drop();
    }
    await Promise.all(sent);
    assertEquals(taken, Array.from({ length: 100 }, (_, i) => `${i}`));
    assertEquals(client.unacknowledged, 0);
    await client.close();
    await reading;
  });

  Deno.test(`without acknowledge what it sends reaches the application, and what the application answers is direct, ${name}`, async () => {
    await using serverSide = serving({}, {
      message: (socket, data, { id }) => serverSide.hub.send(socket, `${data} ${id}`),
    });
    await using client = recovering(serverSide.url, { delay });
    await client.send("hello");
    const event = await readUntil(client[Symbol.asyncIterator](), () => true);
    assertEquals(event, { type: "direct", data: "hello undefined" });
  });

  Deno.test(`a server that does not speak the protocol ends it, ${name}`, async () => {
    await using server = serve({ port: 0, hostname: "127.0.0.1", protocols: "sluice.v1" }, {
      open: (socket) => void socket.send("hello"),
    });
    const client = recovering(server.url, { delay, acknowledge: true });
    const waiting = client.send("lost");
    for await (const _ of client);
    assertEquals((await client.closed).closeCode, code);
    await assertRejects(() => waiting, DOMException);
  });

  Deno.test(`onConnect is called with each connection, behind the topics, ${name}`, async () => {
    const heard: string[] = [];
    await using serverSide = serving({}, { message: (_, data) => void heard.push(String(data)) });
    await using _client = recovering(serverSide.url, {
      delay,
      onConnect: (socket) => socket.send('{"type":"message","data":"here"}'),
    });
    await until(() => heard.length === 1, "A connection");
    serverSide.drop();
    await until(() => heard.length === 2, "Another one");
    assertEquals(heard, ["here", "here"]);
  });
}
