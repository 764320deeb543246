import { assert, assertEquals } from "@std/assert";
import { broadcastBroker } from "../../lib/hub/broadcast_broker.ts";
import { createHub } from "../../lib/hub/hub.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { settle, until } from "../_support/wait.ts";
import { join, type Member } from "../hub/_support.ts";
import { Bus, presenceOf } from "./_support.ts";

const hub = createHub();
const guest = (): Member => join(hub);

async function end({ connection }: Member): Promise<void> {
  connection.abort();
  await connection.closed;
  await settle();
}

const types = (carried: string[]) => carried.splice(0).map((text): unknown => JSON.parse(text).type);

Deno.test("members of one server are members on the other, and changes arrive as they happen", async () => {
  using time = new FakeTime();
  const bus = new Bus();
  await using one = presenceOf({ broker: bus.broker() });
  await using other = presenceOf({ broker: bus.broker() });
  await time.advance(100);
  await using ada = guest();
  one.join(ada.connection, "room", { id: "ada", data: 1 });
  assertEquals(await other.changes(), ["room +ada:1"]);
  one.update(ada.connection, "room", 2);
  assertEquals(await other.changes(), ["room ~ada:2"]);
  assertEquals(other.members("room"), new Map([["ada", 2]]));
  assertEquals(other.send("room", "hello"), 0);
  one.leave(ada.connection, "room");
  assertEquals(await other.changes(), ["room -ada"]);
});

Deno.test("a member that joins again with the same data causes no message to other servers", async () => {
  using time = new FakeTime();
  const bus = new Bus();
  await using one = presenceOf({ broker: bus.broker() });
  await using other = presenceOf({ broker: bus.broker() });
  const [before, after] = [guest(), guest()];
  one.join(before.connection, "room", { id: "ada", data: 1 });
  await time.advance(100);
  assertEquals(await other.changes(), ["room +ada:1"]);
  bus.carried.length = 0;
  await end(before);
  one.join(after.connection, "room", { id: "ada", data: 1 });
  one.update(after.connection, "room", 1);
  await settle();
  assertEquals(bus.carried, []);
  await end(after);
});

Deno.test("a server that starts gets the others' members, and servers that start together end with one list", async () => {
  using time = new FakeTime();
  const bus = new Bus();
  await using one = presenceOf({ broker: bus.broker() });
  await using ada = guest();
  one.join(ada.connection, "room", { id: "ada", data: 1 });
  await time.advance(100);
  await using other = presenceOf({ broker: bus.broker() });
  await using third = presenceOf({ broker: bus.broker() });
  await time.advance(100);
  for (const server of [other, third]) assertEquals(await server.changes(), ["room +ada:1"]);
  const lists = bus.carried.map((text) => JSON.parse(text)).filter(({ type, version }) =>
    type === "list" && version > 0
  );
  assertEquals(lists.length, 2); // one list, to two servers
});

Deno.test("a page that reloads on another server neither leaves nor joins", async () => {
  using time = new FakeTime();
  const bus = new Bus();
  await using one = presenceOf({ broker: bus.broker() });
  await using other = presenceOf({ broker: bus.broker() });
  const [before, after] = [guest(), guest()];
  one.join(before.connection, "room", { id: "ada", data: 1 });
  await time.advance(100);
  await Promise.all([one.changes(), other.changes()]);
  await end(before);
  await time.advance(1_000);
  other.join(after.connection, "room", { id: "ada", data: 1 });
  await time.advance(60_000);
  assertEquals([await one.changes(), await other.changes()], [[], []]);
  await end(after);
  await time.advance(6_000);
  assertEquals([await one.changes(), await other.changes()], [["room -ada"], ["room -ada"]]);
});

Deno.test("changes that the broker lost are repaired within a heartbeat, and with the next change", async () => {
  using time = new FakeTime();
  const bus = new Bus();
  await using one = presenceOf({ broker: bus.broker() });
  await using other = presenceOf({ broker: bus.broker() });
  await using ada = guest();
  await using bob = guest();
  await time.advance(100);
  bus.loses = () => true;
  one.join(ada.connection, "room", { id: "ada", data: 1 });
  await time.advance(100);
  bus.loses = () => false;
  assertEquals(await other.changes(), []);
  await time.advance(10_200);
  assertEquals(await other.changes(), ["room +ada:1"]);

  bus.loses = () => true;
  one.leave(ada.connection, "room");
  await settle();
  bus.loses = () => false;
  bus.carried.length = 0;
  for (let i = 0; i < 20; i++) one.join(bob.connection, "room", { id: "bob", data: i });
  await time.advance(60);
  assertEquals(await other.changes(), ["room +bob:19", "room -ada"]);
  const asked = types(bus.carried).filter((type) => type === "ask");
  assertEquals(asked.length, 1); // and not for each change
});

Deno.test("an incomplete list is ignored, and requested again", async () => {
  using time = new FakeTime();
  const bus = new Bus();
  await using one = presenceOf({ broker: bus.broker() });
  await using ada = guest();
  const topics = Array.from({ length: 60 }, (_, i) => `room ${i}`);
  for (const topic of topics) one.join(ada.connection, topic, { id: "ada", data: "x".repeat(4_000) });
  await time.advance(100);
  bus.loses = ({ data }) => String(data).includes(`"part":1,`);
  await using other = presenceOf({ broker: bus.broker() });
  await time.advance(1_000);
  assertEquals(await other.changes(), []);
  bus.loses = () => false;
  await time.advance(10_200);
  assertEquals((await other.changes()).length, topics.length);
});

Deno.test("members of a crashed server leave after three heartbeats, and those that moved to another server stay", async () => {
  using time = new FakeTime();
  const bus = new Bus();
  const broker = bus.broker();
  await using crashed = presenceOf({ broker });
  await using other = presenceOf({ broker: bus.broker() });
  await using ada = guest();
  await using bob = guest();
  await using adaAgain = guest();
  crashed.join(ada.connection, "room", { id: "ada", data: 1 });
  crashed.join(bob.connection, "room", { id: "bob", data: 1 });
  await time.advance(10_100);
  await other.changes();
  bus.brokers.delete(broker); // nothing arrives, and nothing comes from it
  bus.loses = () => true;
  other.join(adaAgain.connection, "room", { id: "ada", data: 1 });
  await time.advance(29_000);
  assertEquals(await other.changes(), []);
  await time.advance(11_000);
  assertEquals(await other.changes(), ["room -bob"]);

  // It had only stood still.
  bus.brokers.add(broker);
  bus.loses = () => false;
  await time.advance(10_200);
  assertEquals(await other.changes(), ["room +bob:1"]);
});

Deno.test("while the broker is down the members of other servers stay, and later changes are repaired", async () => {
  using time = new FakeTime();
  const bus = new Bus();
  const brokers = [bus.broker(), bus.broker()];
  await using one = presenceOf({ broker: brokers[0]! });
  await using other = presenceOf({ broker: brokers[1]! });
  await using ada = guest();
  await using bob = guest();
  one.join(ada.connection, "room", { id: "ada", data: 1 });
  await time.advance(100);
  await other.changes();
  for (const broker of brokers) broker.turn("down");
  one.join(bob.connection, "room", { id: "bob", data: 1 });
  await time.advance(299_890);
  assertEquals(await other.changes(), []);
  for (const broker of brokers) broker.turn("up"); // 10 ms before the next heartbeat
  await time.advance(100);
  assertEquals(await other.changes(), ["room +bob:1"]);
  await time.advance(60_000);
  assertEquals(await other.changes(), []);
});

Deno.test("members of a server that is closed have leaveDelay to join another one", async () => {
  using time = new FakeTime();
  const bus = new Bus();
  const one = presenceOf({ broker: bus.broker() });
  await using other = presenceOf({ broker: bus.broker() });
  await using ada = guest();
  await using bob = guest();
  await using adaAgain = guest();
  one.join(ada.connection, "room", { id: "ada", data: 1 });
  one.join(bob.connection, "room", { id: "bob", data: 1 });
  await time.advance(100);
  await other.changes();
  await one.close();
  await time.advance(2_000);
  other.join(adaAgain.connection, "room", { id: "ada", data: 1 });
  await time.advance(2_900);
  assertEquals(await other.changes(), []);
  await time.advance(200);
  assertEquals(await other.changes(), ["room -bob"]);
});

Deno.test("maxMembers counts the members of all servers", async () => {
  using time = new FakeTime();
  const bus = new Bus();
  await using one = presenceOf({ broker: bus.broker(), maxMembers: 1 });
  await using other = presenceOf({ broker: bus.broker(), maxMembers: 1 });
  await using ada = guest();
  await using bob = guest();
  one.join(ada.connection, "room", { id: "ada", data: 1 });
  await time.advance(100);
  let thrown: unknown;
  try {
    other.join(bob.connection, "room", { id: "bob", data: 1 });
  } catch (error) {
    thrown = error;
  }
  assert(thrown instanceof Error && thrown.message.includes("maxMembers 1"));
});

Deno.test("messages that are invalid or for another topic are ignored, and close ends every timer", async () => {
  using time = new FakeTime();
  const bus = new Bus();
  const broker = bus.broker();
  const presence = presenceOf({ broker: bus.broker() });
  broker.attach({ receive() {} });
  await time.advance(0);
  broker.publish({ topic: "sluice.presence.v1", data: "nonsense" });
  broker.publish({
    topic: "sluice.presence.v1",
    data: `{"type":"list","from":"a","version":1,"part":1,"last":true,"members":[]}`,
  });
  const change = `{"type":"change","from":"a","version":1,"member":["room","ada",1,1]}`;
  broker.publish({ topic: "another", data: change });
  assertEquals(await presence.changes(), []);
  broker.publish({ topic: "sluice.presence.v1", data: change });
  assertEquals(await presence.changes(), ["room +ada:1"]);
  broker.publish({ topic: "sluice.presence.v1", data: `{"type":"ask","from":"a"}` });
  broker.publish({ topic: "sluice.presence.v1", data: `{"type":"bye","from":"a"}` });
  await settle();
  assert(time.timers > 0);
  await presence.close();
  assertEquals(time.timers, 0);
  broker.publish({ topic: "sluice.presence.v1", data: change });
  assertEquals(await presence.changes(), []);
});

Deno.test("over a real broker, servers know each other's members", async () => {
  await using one = presenceOf({ broker: broadcastBroker("presence_test") });
  await using ada = guest();
  one.join(ada.connection, "room", { id: "ada", data: 1 });
  await using other = presenceOf({ broker: broadcastBroker("presence_test") });
  await until(() => other.members("room").has("ada"), "The list");
  one.leave(ada.connection, "room");
  await until(() => !other.members("room").has("ada"), "The change");
});

Deno.test("of a member on two servers the last data counts, even if a server's clock is behind or the data was its own before", async () => {
  using time = new FakeTime();
  const bus = new Bus();
  await using one = presenceOf({ broker: bus.broker() });
  await using other = presenceOf({ broker: bus.broker() });
  await time.advance(100);
  await using here = guest();
  await using there = guest();
  one.join(here.connection, "room", { id: "ada", data: 1 });
  await settle();
  const { now } = Date;
  Date.now = () => now() - 3_600_000;
  try {
    other.join(there.connection, "room", { id: "ada", data: 2 });
    await settle();
    assertEquals([one.members("room").get("ada"), other.members("room").get("ada")], [2, 2]);
  } finally {
    Date.now = now;
  }
  one.update(here.connection, "room", 1);
  await settle();
  assertEquals([one.members("room").get("ada"), other.members("room").get("ada")], [1, 1]);
});
