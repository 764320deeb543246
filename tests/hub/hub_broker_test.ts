import { assertEquals, assertStrictEquals } from "@std/assert";
import { pattern } from "../../lib/hub/topic_pattern.ts";
import { settle, until } from "../_support/wait.ts";
import { FakeBroker, hubOf, join } from "./_support.ts";

Deno.test("A9: a published message reaches local subscribers at once and the broker, whatever its state", async () => {
  const states: string[] = [];
  const broker = new FakeBroker();
  await using hub = hubOf({ broker, onBrokerState: (state) => void states.push(state) });
  await using ada = join(hub);
  ada.connection.subscribe("room");
  assertStrictEquals(hub.publish("room", "1"), 1);
  broker.turn("down");
  assertStrictEquals(hub.brokerState, "down");
  assertStrictEquals(hub.publish("room", "2"), 1);
  broker.turn("up");
  hub.publish("nobody's here", "3");
  assertEquals(await ada.texts(2), ["1", "2"]);
  assertEquals(broker.published, [{ topic: "room", data: "1" }, { topic: "nobody's here", data: "3" }]);
  assertEquals([broker.lost, states], [1, ["down", "up"]]);
});

Deno.test("A9: messages from the broker go to local subscribers, and never back to it", async () => {
  const broker = new FakeBroker();
  await using hub = hubOf({ broker, history: { messages: 10 } });
  await using ada = join(hub);
  ada.connection.subscribe("room");
  broker.bring({ topic: "room", data: "1" });
  broker.bring({ topic: "room", data: Uint8Array.of(2) });
  assertEquals(await ada.texts(1), ["1"]);
  assertEquals([...(await ada.peer.readFrame()).payload], [2]);
  await using bob = join(hub);
  bob.connection.subscribe("room", { history: 2 });
  assertEquals(await bob.texts(1), ["1"]);
  assertEquals([broker.published, hub.stats.received, hub.stats.published], [[], 2, 0]);
});

Deno.test("A10: invalid messages are counted and dropped", async () => {
  const broker = new FakeBroker();
  await using hub = hubOf({ broker });
  await using ada = join(hub);
  hub.subscribe(ada.connection, pattern`**`);
  const bad: unknown[] = [
    {},
    { topic: 1, data: "" },
    { topic: "a".repeat(2_000), data: "" },
    { topic: "\udfff", data: "" },
    { topic: "a" },
    { topic: "a", data: null },
    { topic: "a", data: [1] },
  ];
  // deno-lint-ignore no-explicit-any -- whatever comes over the network
  for (const message of bad) broker.bring(message as any);
  broker.bring({ topic: "a", data: "good" });
  assertEquals(await ada.texts(1), ["good"]);
  assertEquals([hub.stats.malformed, hub.stats.received], [bad.length, 1]);
});

Deno.test("A11: the broker is subscribed with the first subscriber of a topic, and not with the others", async () => {
  const broker = new FakeBroker();
  await using hub = hubOf({ broker, unsubscribeDelay: 0 });
  await using ada = join(hub);
  await using bob = join(hub);
  for (const { connection } of [ada, bob]) {
    connection.subscribe("room");
    hub.subscribe(connection, pattern`a/*`);
    hub.subscribe(connection, pattern`b/*`);
  }
  assertEquals(broker.told, ["+room", "+all"]);
  ada.connection.unsubscribe("room");
  ada.connection.abort();
  await settle();
  assertEquals(broker.told, ["+room", "+all"]);
  bob.connection.abort();
  await until(() => broker.told.length === 4, "The end of both subscriptions");
  assertEquals(broker.told, ["+room", "+all", "-room", "-all"]);
});
