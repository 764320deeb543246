import { assert, assertEquals } from "@std/assert";
import { broadcastBroker } from "../../lib/hub/broadcast_broker.ts";
import { settle, until } from "../_support/wait.ts";
import { noted } from "./_brokers.ts";

const name = () => `test ${crypto.randomUUID()}`;

/** Two brokers of one channel, the second of which has asked for the topic t. */
async function pair() {
  const channel = name();
  const [a, b] = [broadcastBroker(channel), broadcastBroker(channel)];
  noted(a);
  const { messages } = noted(b);
  b.subscribe("t");
  await settle();
  return {
    channel,
    a,
    b,
    /** What the second was told. */
    messages,
    async [Symbol.asyncDispose]() {
      await a[Symbol.asyncDispose]();
      await b[Symbol.asyncDispose]();
    },
  };
}

Deno.test("brokers with the same name hear each other and not themselves; they need nothing and are up at once", async () => {
  const channel = name();
  await using a = broadcastBroker(channel);
  await using b = broadcastBroker(channel);
  await using c = broadcastBroker(name());
  const [atA, atB, atC] = [noted(a), noted(b), noted(c)];
  for (const broker of [a, b, c]) broker.subscribeAll();
  await settle();
  assertEquals([a.state, b.state, c.state], ["up", "up", "up"]);
  a.publish({ topic: "t", data: "from a" });
  b.publish({ topic: "__proto__", data: new Uint8Array([1]) });
  await until(() => atA.messages.length + atB.messages.length === 2, "The messages");
  assertEquals(atA.messages, [{ topic: "__proto__", data: new Uint8Array([1]) }]);
  assertEquals(atB.messages, [{ topic: "t", data: "from a" }]);
  assertEquals(atC.messages, []);
});

Deno.test("only subscribed topics are received", async () => {
  await using brokers = await pair();
  const { a, messages } = brokers;
  for (const topic of ["u", "t"]) a.publish({ topic, data: topic });
  await until(() => messages.length > 0, "The message");
  assertEquals(messages, [{ topic: "t", data: "t" }]);
});

Deno.test("20 000 messages at once all arrive, in order: a bare BroadcastChannel keeps 256 for a receiver", async () => {
  await using brokers = await pair();
  const { a, messages } = brokers;
  for (let i = 0; i < 20_000; i++) a.publish({ topic: "t", data: `${i}` });
  await until(() => messages.length === 20_000, "Every message");
  assert(messages.every(({ data }, i) => data === `${i}`));
  assertEquals(a.lost, 0);
});

Deno.test("A9: a broker that does not answer is waited for a second, and then not until it answers again", async () => {
  await using brokers = await pair();
  const { a, channel, messages } = brokers;
  // One who says hello and then nothing, as a worker that hangs.
  const hung = new BroadcastChannel(channel);
  await settle();
  hung.postMessage({ kind: "hello", from: "hung" });
  await settle();
  const start = performance.now();
  a.publish({ topic: "t", data: "1" });
  await settle();
  a.publish({ topic: "t", data: "2" });
  await until(() => messages.length === 2, "The second message");
  const waited = performance.now() - start;
  assert(waited > 900, `${waited} ms`);
  for (const data of "345") {
    a.publish({ topic: "t", data });
    await settle();
  }
  await until(() => messages.length === 5, "The others");
  assert(performance.now() - start < waited + 900);
  hung.close();
});

Deno.test("A10: foreign messages on the channel do no harm", async () => {
  await using brokers = await pair();
  const { a, b, channel, messages } = brokers;
  const other = new BroadcastChannel(channel);
  for (
    const garbage of [
      null,
      1,
      "hello",
      {},
      { kind: "hello" },
      { kind: "hello", from: 1 },
      { kind: "batch", from: "x" },
      { kind: "batch", from: "x", number: 1 },
      { kind: "batch", from: "x", number: 1, batch: [1, ["t"], ["t", 1], [1, new Uint8Array()]] },
      { kind: "batch", from: "x", number: 1, batch: [["t", new Uint8Array([1])]] },
      { kind: "seen", from: "x", number: 1 },
      { kind: "else", from: "x", number: 1 },
      { kind: "bye", from: "x" },
    ]
  ) other.postMessage(garbage);
  await until(() => b.refused === 1, "The one that looks like a message");
  a.publish({ topic: "t", data: "after" });
  await until(() => messages.length === 1, "The message");
  other.close();
});

Deno.test("a broker that is created right after another was closed sends and receives", async () => {
  for (let round = 0; round < 5; round++) {
    const before = broadcastBroker(name());
    noted(before);
    await until(() => before.state === "up", "The first");
    await before.close();
    await using brokers = await pair();
    const { a, b, messages } = brokers;
    await until(() => a.state === "up" && b.state === "up", "The others");
    a.publish({ topic: "t", data: "1" });
    await until(() => messages.length === 1, "The message");
  }
});

Deno.test("a channel that can no longer post is reopened", async () => {
  const channel = name();
  const errors: unknown[] = [];
  await using broker = broadcastBroker(channel, {
    reconnect: { first: 1, most: 1 },
    onError: (error) => errors.push(error),
  });
  const { states } = noted(broker);
  await until(() => broker.state === "up", "The channel");
  const { postMessage } = BroadcastChannel.prototype;
  BroadcastChannel.prototype.postMessage = () => {
    throw new TypeError("no source");
  };
  try {
    broker.publish({ topic: "t", data: "1" });
    await until(() => broker.state === "down", "The loss");
  } finally {
    BroadcastChannel.prototype.postMessage = postMessage;
  }
  await until(() => broker.state === "up", "The next channel");
  assertEquals([states, String(errors[0])], [["up", "down", "up"], "TypeError: no source"]);
});
