import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { LimitError } from "../../lib/errors.ts";
import { createHub } from "../../lib/hub/hub.ts";
import type { Hub } from "../../lib/hub/hub_options.ts";
import { pattern } from "../../lib/hub/topic_pattern.ts";
import { closed } from "../connection/_support.ts";
import { close, text } from "../_support/raw_peer.ts";
import { hubOf, join } from "./_support.ts";

Deno.test("A12: a connection that ended has left all topics before any callback sees the end, and gets nothing more", async () => {
  await using hub = hubOf();
  const ended: [string, number][] = [];
  for (const end of ["peer", "us", "lost", "abort"]) {
    const { connection, peer, far } = join(hub);
    // Heard as soon as anybody can, whether it is before or after the subscription.
    const before = connection.closed.then(() => ended.push([end, hub.count("room")]));
    connection.subscribe("room");
    hub.subscribe(connection, pattern`**`);
    if (end === "us") void connection.close().then(() => hub.publish("room", "late"));
    if (end === "us" || end === "peer") {
      await peer.send(close(1000));
      await peer.expect(close(1000));
      await peer.closeWrite();
    } else if (end === "lost") {
      far.reset();
    } else {
      connection.abort();
    }
    await closed(connection);
    await before;
    assertStrictEquals(hub.publish("room", "late"), 0);
    assertEquals([connection.subscribe("room"), hub.subscribe(connection, pattern`**`), hub.count("room")], [
      false,
      false,
      0,
    ]);
    peer.close();
  }
  assertEquals(ended, ["peer", "us", "lost", "abort"].map((end) => [end, 0]));
});

Deno.test("A12: a subscriber that ends during a publish does not affect the others", async () => {
  await using hub = hubOf();
  await using ada = join(hub, { maxQueuedBytes: 10, highWaterMark: 1_000, capacity: 1 });
  await using bob = join(hub);
  for (const { connection } of [ada, bob]) connection.subscribe("room");
  const { connection } = ada;
  // The queue is over its bound by the second message, and the connection is dropped in the middle of the third's round.
  for (const data of ["0123456789", "1", "2"]) hub.publish("room", data);
  assertStrictEquals(hub.count("room"), 1);
  assertEquals(await bob.texts(3), ["0123456789", "1", "2"]);
  assertInstanceOf((await closed(connection)).error, LimitError);
});

Deno.test("A12: a connection that ends during a topic's history is not a subscriber", async () => {
  for (const slowPolicy of ["disconnect", "wait", "drop-oldest", "latest-only"] as const) {
    await using hub = hubOf({ slowPolicy, history: { messages: 3 } });
    for (const data of ["0123456789", "1", "2"]) hub.publish("room", data);
    const { connection, peer } = join(hub, { maxQueuedBytes: 10, highWaterMark: 1_000, capacity: 1 });
    assertStrictEquals(hub.subscribe(connection, "room", { history: 3 }), false);
    assertEquals([hub.count("room"), [...hub.topics()], hub.publish("room", "late")], [0, [], 0]);
    assertInstanceOf((await closed(connection)).error, LimitError);
    peer.close();
  }
});

Deno.test("a hub that is closed inside its own authorize adds no subscription", async () => {
  const hub: Hub = hubOf({ authorize: () => void hub.close() === undefined });
  await using ada = join(hub);
  assertStrictEquals(ada.connection.subscribe("room"), false);
  assertEquals([hub.count("room"), hub.publish("room", "late")], [0, 0]);
});

Deno.test("A12: a connection with its own encoding that is about to close gets no more messages, and publishing never throws", async () => {
  await using hub = hubOf();
  const { connection, peer } = join(hub, { role: "client" });
  hub.subscribe(connection, "room");
  hub.publish("room", "1");
  void connection.close();
  hub.publish("room", "2");
  await peer.expect(text("1"), close(1000));
  await peer.send(close(1000));
  await peer.closeWrite();
  await closed(connection);
  peer.close();
});

Deno.test("one connection may be in two hubs, and its end removes it from both", async () => {
  await using one = hubOf();
  await using two = hubOf();
  await using ada = join(one);
  one.subscribe(ada.connection, "room");
  two.subscribe(ada.connection, "room");
  one.publish("room", "1");
  two.publish("room", "2");
  assertEquals(await ada.texts(2), ["1", "2"]);
  ada.connection.abort();
  assertEquals([one.count("room"), two.count("room")], [0, 0]);
});

Deno.test("a closed hub has no subscribers and accepts none; connections stay open", async () => {
  const hub = createHub();
  await using ada = join(hub);
  ada.connection.subscribe("room");
  hub.subscribe(ada.connection, pattern`**`);
  await hub.close();
  assertEquals([hub.count("room"), hub.publish("room", "1"), ada.connection.readyState], [0, 0, 1]);
  assert(!ada.connection.subscribe("room"));
  assert(!ada.connection.unsubscribe("room"));
});

Deno.test("A11: subscribing and unsubscribing leave nothing behind", async () => {
  await using hub = hubOf();
  await using ada = join(hub);
  for (let round = 0; round < 1_000; round++) {
    const topic = `topic ${round}`;
    ada.connection.subscribe(topic);
    ada.connection.unsubscribe(topic);
  }
  for (let round = 0; round < 50; round++) {
    const { connection } = join(hub);
    for (let i = 0; i < 20; i++) connection.subscribe(`topic ${i}`);
    connection.abort();
  }
  assertEquals([[...hub.topics()], hub.topicsOf(ada.connection)], [[], []]);
});
