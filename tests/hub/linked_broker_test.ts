import { assert, assertEquals, assertThrows } from "@std/assert";
import { encodeEnvelope } from "../../lib/hub/envelope.ts";
import { type BrokerOptions, linkBroker } from "../../lib/hub/linked_broker.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { settle } from "../_support/wait.ts";
import { FakeServer, noted } from "./_brokers.ts";

/** Errors are noted: a test that expects none asserts that. */
function start(server: FakeServer, options: BrokerOptions = {}) {
  const errors: string[] = [];
  const broker = linkBroker(server.link(), {
    pingInterval: 0,
    onError: (error) => void errors.push(String(error)),
    ...options,
  });
  return { broker, errors };
}

const sent = (...data: string[]) => data.map((data) => ({ topic: "t", data }));

Deno.test("hubs receive messages of others on their subscribed topics, text as text and bytes as bytes", async () => {
  const server = new FakeServer();
  await using a = start(server).broker;
  await using b = start(server).broker;
  const heard = noted(b);
  noted(a);
  b.subscribe("t");
  await settle();
  assertEquals([a.state, b.state, heard.states], ["up", "up", ["up"]]);
  a.publish({ topic: "t", data: "text" });
  a.publish({ topic: "u", data: "unheard" });
  const bytes = new Uint8Array([1, 2]);
  a.publish({ topic: "t", data: bytes });
  bytes.fill(9);
  await settle();
  assertEquals(heard.messages, [{ topic: "t", data: "text" }, { topic: "t", data: new Uint8Array([1, 2]) }]);
  assertEquals([a.lost, b.lost, b.refused], [0, 0, 0]);
  assertEquals(server.commands.filter((command) => command.startsWith("publish")).length, 1, "one go, one batch");
});

Deno.test("A9: a hub does not receive its own messages, even if the broker sends them back", async () => {
  const server = new FakeServer();
  await using broker = start(server).broker;
  const { messages } = noted(broker);
  broker.subscribe("t");
  broker.subscribeAll();
  broker.publish({ topic: "t", data: "mine" });
  await settle();
  assertEquals([messages, broker.refused], [[], 0]);
});

Deno.test("A9: while subscriptions change from topics to all and back, every message comes once", async () => {
  const server = new FakeServer();
  await using a = start(server).broker;
  await using b = start(server).broker;
  noted(a);
  const { messages } = noted(b);
  b.subscribe("t");
  await settle();
  const expected: string[] = [];
  for (let round = 0; round < 20; round++) {
    if (round % 4 === 1) b.subscribeAll();
    if (round % 4 === 3) b.unsubscribeAll();
    a.publish({ topic: "t", data: `${round}` });
    expected.push(`${round}`);
    await settle();
  }
  assertEquals(messages, sent(...expected));
});

Deno.test("A9: while the broker is away messages wait; when it returns the topics are subscribed again, and the messages arrive in order", async () => {
  using time = new FakeTime();
  const server = new FakeServer();
  const reconnect = { first: 100, most: 100 };
  const { broker: b, errors } = start(server, { reconnect });
  // `a` must not reconnect first: its waiting messages would have no receiver.
  let kept = false;
  const { connect, nameOf } = server.link();
  const a = linkBroker({
    nameOf,
    connect: (receive) => kept ? Promise.reject(new Error("kept")) : connect(receive),
  }, { pingInterval: 0, reconnect, onError() {} });
  noted(a);
  const { messages, states } = noted(b);
  b.subscribe("t");
  b.subscribe("u");
  await time.advance(0);
  kept = true;
  server.stop();
  await time.advance(0);
  assertEquals([a.state, b.state, states], ["down", "down", ["up", "down"]]);
  b.unsubscribe("u");
  b.subscribe("v");
  for (const data of "123") a.publish({ topic: "t", data });
  await time.advance(2_000);
  assertEquals(errors, ["Error: lost", "Error: refused"], "one line for each reason, however often");
  server.running = true;
  server.commands.length = 0;
  await time.advance(100);
  assertEquals(b.state, "up");
  kept = false;
  await time.advance(100);
  assertEquals([messages, a.lost, a.state, states], [sent("1", "2", "3"), 0, "up", ["up", "down", "up"]]);
  assertEquals(server.commands.find((command) => command.startsWith("subscribe")), "subscribe name of t,name of v");
  const ends = Promise.all([a.close(), b.close()]);
  await time.advance(1_000);
  await ends;
  assertEquals([server.connected, time.timers, states.at(-1)], [0, 0, "closed"]);
});

Deno.test("A9: reconnect delays are random over a range that doubles", async () => {
  using time = new FakeTime();
  const server = new FakeServer();
  server.running = false;
  const { broker } = start(server, { reconnect: { first: 1_000, most: 8_000 } });
  noted(broker);
  await time.advance(400_000);
  const attempts = server.commands.length;
  assert(attempts > 60 && attempts < 200, `${attempts} attempts in 400 s, where a wait is 4 s on average`);
  await broker.close();
});

Deno.test("A9: the queue is limited by count and by bytes; the oldest messages are dropped and counted", async () => {
  using time = new FakeTime();
  for (const limits of [{ maxQueuedMessages: 2 }, { maxQueuedBytes: 2 * 30 }]) {
    const server = new FakeServer();
    server.running = false;
    const { broker: a } = start(server, limits);
    const { broker: b } = start(server);
    noted(a);
    const { messages } = noted(b);
    b.subscribe("t");
    for (const data of "12345") a.publish({ topic: "t", data });
    assertEquals(a.lost, 3);
    await time.advance(0);
    a.publish({ topic: "t", data: "6" });
    assertEquals(a.lost, 4);
    server.running = true;
    await time.advance(3_000);
    assert(messages.length === 0 || messages.length === 2, "whether b was back first is chance");
    assertEquals(a.lost, 4);
    await Promise.all([a.close(), b.close()]);
  }
});

Deno.test("A9: a broker that does not answer is dropped after pongTimeout: at the start, to messages, to a topic, to a ping", async () => {
  using time = new FakeTime();
  const server = new FakeServer();
  const options = { pongTimeout: 50, reconnect: { first: 1, most: 1 } };

  server.answers = false;
  const slow = start(server, options);
  noted(slow.broker);
  await time.advance(49);
  assertEquals(slow.broker.state, "connecting");
  await time.advance(1);
  assertEquals(slow.broker.state, "down");
  server.answers = true;
  await time.advance(10);
  assertEquals(slow.broker.state, "up");

  server.answers = false;
  slow.broker.publish({ topic: "t", data: "in flight" });
  await settle();
  slow.broker.publish({ topic: "t", data: "waits" });
  await time.advance(49);
  assertEquals([slow.broker.state, slow.broker.lost], ["up", 0]);
  await time.advance(1);
  assertEquals([slow.broker.state, slow.broker.lost], ["down", 1]);
  server.answers = true;
  await time.advance(10);
  assertEquals(
    server.commands.at(-1),
    "publish name of t",
    "what waited is sent, what was in flight is not sent again",
  );
  await slow.broker.close();

  const topic = start(server, options);
  noted(topic.broker);
  await time.advance(0);
  server.answers = false;
  topic.broker.subscribe("t");
  await time.advance(50);
  assertEquals(topic.broker.state, "down");
  await topic.broker.close();

  server.answers = true;
  const idle = start(server, { ...options, pingInterval: 200 });
  noted(idle.broker);
  await time.advance(1_000);
  assertEquals(server.commands.filter((command) => command === "ping ").length, 5);
  server.answers = false;
  await time.advance(250);
  assertEquals(idle.broker.state, "down");
  await idle.broker.close();
  assertEquals(slow.errors.concat(topic.errors, idle.errors).map((error) => error.replace(/^ConnectionError: /, "")), [
    "The connection to the broker took more than 50 ms",
    "The broker's answer to messages took more than 50 ms",
    "The broker's answer to a subscription took more than 50 ms",
    "The broker's answer to a ping took more than 50 ms",
  ]);
  assertEquals(server.connected, 0);
});

Deno.test("A9: a connection that comes too late is closed", async () => {
  using time = new FakeTime();
  const server = new FakeServer();
  const { connect, ...rest } = server.link();
  const late = Promise.withResolvers<void>();
  const broker = linkBroker({ ...rest, connect: (receive) => late.promise.then(() => connect(receive)) }, {
    onError() {},
  });
  noted(broker);
  const closed = broker.close();
  await time.advance(0);
  await closed;
  late.resolve();
  await settle();
  assertEquals([server.commands, server.connected], [["connect"], 0]);
});

Deno.test("a broker that is closed at any moment of connecting ends and leaves no connection", async () => {
  for (let turns = 0; turns < 20; turns++) {
    const server = new FakeServer();
    const { broker, errors } = start(server);
    const { states } = noted(broker);
    broker.subscribe("t");
    for (let turn = 0; turn < turns; turn++) await undefined;
    await broker.close();
    assertEquals([server.connected, states.at(-1), errors], [0, "closed", []], `after ${turns} turns`);
  }
});

Deno.test("A9: messages without room are lost and counted: too large for us, too large for the broker, a topic too long", async () => {
  const server = new FakeServer();
  server.maxBytes = 50;
  await using broker = start(server, { maxMessageBytes: 100 }).broker;
  noted(broker);
  await settle();
  for (
    const [topic, data, lost] of [
      ["t", "x".repeat(100 - 28), 1],
      ["t", "x".repeat(50 - 28), 2],
      ["t", "x".repeat(50 - 28 - 1), 2],
      ["x".repeat(2_000), "", 3],
      ["\ud800", "", 4],
    ] as const
  ) {
    broker.publish({ topic, data });
    await settle();
    assertEquals(broker.lost, lost);
  }
});

Deno.test("A10: messages that are malformed, too large or for another topic are refused and counted, and do no harm", async () => {
  const server = new FakeServer();
  await using broker = start(server, { maxMessageBytes: 100 }).broker;
  const { messages } = noted(broker);
  broker.subscribe("t");
  broker.subscribe("other");
  await settle();
  const envelope = { sender: "00".repeat(16), sequence: 1, topic: "t", data: "x" };
  server.send("name of t", new Uint8Array([1, 2, 3]));
  server.send("name of t", encodeEnvelope({ ...envelope, data: "x".repeat(100) })!);
  server.send("name of other", encodeEnvelope(envelope)!);
  assertEquals([broker.refused, messages], [3, []]);
  server.send("name of t", encodeEnvelope(envelope)!);
  assertEquals([broker.refused, messages, broker.state], [3, sent("x"), "up"]);
});

Deno.test("A10: thousands of senders are forgotten, the oldest first", async () => {
  const server = new FakeServer();
  await using broker = start(server).broker;
  const { messages } = noted(broker);
  broker.subscribe("t");
  await settle();
  const from = (sender: number) =>
    encodeEnvelope({ sender: sender.toString(16).padStart(32, "0"), sequence: 1, topic: "t", data: `${sender}` })!;
  for (let sender = 0; sender < 1_025; sender++) server.send("name of t", from(sender));
  server.send("name of t", from(1_024)); // known: a duplicate
  server.send("name of t", from(0)); // forgotten
  assertEquals(messages.map(({ data }) => data).slice(1_023), ["1023", "1024", "0"]);
});

Deno.test("A11: topics that change while the broker is busy are sent together, and unchanged ones are not sent", async () => {
  const server = new FakeServer();
  await using broker = start(server).broker;
  noted(broker);
  await settle();
  server.commands.length = 0;
  for (const topic of "abcd") broker.subscribe(topic);
  broker.unsubscribe("a");
  broker.unsubscribe("b");
  broker.unsubscribe("c");
  broker.subscribe("c");
  await settle();
  assertEquals(server.commands, ["subscribe name of a", "subscribe name of c,name of d", "unsubscribe name of a"]);
});

Deno.test("an error of the hub is reported, and the broker goes on", async () => {
  const server = new FakeServer();
  const { broker, errors } = start(server);
  broker.attach({
    receive() {
      throw new Error("receive");
    },
    state(state) {
      throw new Error(state);
    },
  });
  broker.subscribe("t");
  await settle();
  server.send("name of t", encodeEnvelope({ sender: "00".repeat(16), sequence: 1, topic: "t", data: "x" })!);
  assertEquals([errors, broker.state], [["Error: up", "Error: receive"], "up"]);
  await broker.close();
});

Deno.test("close first sends waiting messages, if the broker takes them within a second; later ones are lost", async () => {
  using time = new FakeTime();
  const server = new FakeServer();
  const { broker: a } = start(server);
  const { broker: b } = start(server);
  noted(a);
  const { messages } = noted(b);
  b.subscribe("t");
  await time.advance(0);
  a.publish({ topic: "t", data: "last" });
  const closed = a.close();
  a.publish({ topic: "t", data: "too late" });
  await time.advance(0);
  await closed;
  assertEquals([messages, a.lost, a.state], [sent("last"), 1, "closed"]);

  server.answers = false;
  b.publish({ topic: "t", data: "in flight" });
  await settle();
  b.publish({ topic: "t", data: "waits" });
  const slow = b.close();
  await time.advance(1_000);
  await slow;
  assertEquals([b.lost, b.state, time.timers], [2, "closed", 0]);
});

Deno.test("a broker takes one hub, and none once it is closed; it may be closed without one", async () => {
  const { broker } = start(new FakeServer());
  noted(broker);
  assertThrows(() => noted(broker), DOMException, "Cannot attach: the broker has a hub");
  await broker.close();
  const unused = start(new FakeServer()).broker;
  unused.publish({ topic: "t", data: "waits" });
  await unused.close();
  assertEquals([unused.state, unused.lost], ["closed", 1]);
  assertThrows(() => noted(unused), DOMException, "Cannot attach: the broker is closed");
});

Deno.test("limits are checked", () => {
  assertThrows(() => start(new FakeServer(), { maxQueuedMessages: 0 }), RangeError, "maxQueuedMessages 0");
});

Deno.test("a client that throws or rejects at its end is replaced, and closes", async () => {
  using time = new FakeTime();
  for (const close of [() => Promise.reject(new Error("close")), throwing]) {
    const ends: ((reason: unknown) => void)[] = [];
    const errors: unknown[] = [];
    const broker = linkBroker({
      nameOf: (topic) => topic,
      connect: () =>
        Promise.resolve({
          ended: new Promise((_, reject) => ends.push(reject)),
          publish: () => Promise.resolve(0),
          subscribe: () => Promise.resolve(),
          unsubscribe: () => Promise.resolve(),
          ping: () => Promise.resolve(),
          close,
        }),
    }, { pingInterval: 0, reconnect: { first: 1, most: 1 }, onError: (error) => errors.push(error) });
    const { states } = noted(broker);
    await settle();
    ends[0]?.("lost");
    await time.advance(10);
    assertEquals([states, errors], [["up", "down", "up"], ["lost"]]);
    const closing = broker.close();
    await time.advance(1_000);
    await closing;
    assertEquals(broker.state, "closed");
  }
});

function throwing(): never {
  throw new Error("thrown");
}

Deno.test("an error of the hub for a message or a state is reported, and the broker goes on", async () => {
  const server = new FakeServer();
  const errors: unknown[] = [];
  await using broker = linkBroker(server.link(), { pingInterval: 0, onError: (error) => errors.push(error) });
  await using other = start(server).broker;
  noted(other);
  broker.attach({ receive: () => Promise.reject("receive"), state: throwing });
  broker.subscribe("t");
  await settle();
  other.publish({ topic: "t", data: "1" });
  await settle();
  assertEquals(errors.map((error) => error instanceof Error ? error.message : error), ["thrown", "receive"]);
  assertEquals(broker.state, "up");
});
