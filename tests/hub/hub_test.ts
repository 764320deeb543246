import { assert, assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import { LimitError, TopicError } from "../../lib/errors.ts";
import { createHub } from "../../lib/hub/hub.ts";
import { pattern } from "../../lib/hub/topic_pattern.ts";
import { frame, Opcode } from "../../lib/pipeline/frames/frame.ts";
import { open } from "../connection/_support.ts";
import { utf8 } from "../_support/frames.ts";
import { printed } from "../_support/printed.ts";
import { close, text } from "../_support/raw_peer.ts";
import { settle, until } from "../_support/wait.ts";
import { hubOf, join } from "./_support.ts";

Deno.test("every subscriber of a topic gets its messages, in order, and no other connection does", async () => {
  await using hub = hubOf();
  await using ada = join(hub);
  await using bob = join(hub);
  await using eve = join(hub);
  for (const { connection } of [ada, bob]) assert(connection.subscribe("room"));
  eve.connection.subscribe("other");
  assertEquals(["1", "2", "3"].map((data) => hub.publish("room", data)), [2, 2, 2]);
  assertStrictEquals(hub.publish("nobody's", "4"), 0);
  hub.publish("other", "5");
  for (const member of [ada, bob]) assertEquals(await member.texts(3), ["1", "2", "3"]);
  assertEquals(await eve.texts(1), ["5"]);
  assertEquals(hub.stats, { published: 5, received: 0, malformed: 0, delivered: 7, dropped: 0, disconnected: 0 });
});

Deno.test("A7: messages published in one call stack leave in one write for each subscriber, a large message as the same bytes", async () => {
  await using hub = hubOf();
  await using ada = join(hub, { highWaterMark: 1_000 });
  await using bob = join(hub, { highWaterMark: 1_000 });
  for (const { connection } of [ada, bob]) connection.subscribe("room");
  for (let i = 0; i < 10; i++) hub.publish("room", `${i}`);
  assertEquals(ada.conn.writes, []);
  for (const { conn } of [ada, bob]) {
    await until(() => conn.writes.length > 0, "A write");
    assertEquals(conn.writes.map(({ length }) => length), [30]);
  }
  hub.publish("room", new Uint8Array(2_000));
  for (const { conn } of [ada, bob]) await until(() => conn.writes.length > 1, "The second write");
  assertStrictEquals(ada.conn.writes[1], bob.conn.writes[1]);
});

Deno.test("published messages stay in order with sent ones, and leave before a close frame", async () => {
  await using hub = hubOf();
  await using ada = join(hub);
  ada.connection.subscribe("room");
  void ada.connection.send("1");
  hub.publish("room", "2");
  void ada.connection.send("3");
  hub.publish("room", "4");
  void ada.connection.close(1000);
  hub.publish("room", "5");
  await ada.peer.expect(text("1"), text("2"), text("3"), text("4"), close(1000));
  await ada.peer.send(close(1000));
  await ada.peer.expectEnd();
});

Deno.test("messages published while a source is sent wait behind it", async () => {
  await using hub = hubOf();
  await using ada = join(hub);
  await using bob = join(hub);
  for (const { connection } of [ada, bob]) connection.subscribe("room");
  const { readable, writable } = new TransformStream<string, string>();
  const sent = ada.connection.send(readable);
  const writer = writable.getWriter();
  await writer.write("1");
  await ada.peer.expect(frame(Opcode.TEXT, utf8("1"), { fin: false }));
  hub.publish("room", "2");
  await bob.peer.expect(text("2"));
  await writer.close();
  await sent;
  hub.publish("room", "3");
  await ada.peer.expect(frame(Opcode.CONTINUATION), text("2"), text("3"));
});

Deno.test("a published message does not change when its buffer changes later", async () => {
  await using hub = hubOf({ history: { messages: 1 } });
  await using ada = join(hub);
  ada.connection.subscribe("room");
  const buffer = Uint8Array.of(1, 2, 3);
  hub.publish("room", buffer.subarray(1));
  buffer.fill(9);
  assertEquals([...(await ada.peer.readFrame()).payload], [2, 3]);
  // It has no subscriber yet, so it is encoded later.
  hub.publish("later", buffer);
  buffer.fill(5);
  await using bob = join(hub);
  bob.connection.subscribe("later", { history: 1 });
  assertEquals([...(await bob.peer.readFrame()).payload], [9, 9, 9]);
  // @ts-expect-error: a number is no message
  assertThrows(() => hub.publish("room", 5), TypeError);
});

Deno.test("the publisher does not get its own message with socket.publish, or if it is excluded by name", async () => {
  await using hub = hubOf();
  await using ada = join(hub);
  await using bob = join(hub);
  for (const { connection } of [ada, bob]) connection.subscribe("room");
  assertStrictEquals(ada.connection.publish("room", "1"), 1);
  assertStrictEquals(hub.publish("room", "2", { except: bob.connection }), 1);
  hub.publish("room", "3");
  assertEquals([await ada.texts(2), await bob.texts(2)], [["2", "3"], ["1", "3"]]);
});

Deno.test("a second subscription has no effect, and an ended one may begin again", async () => {
  await using hub = hubOf();
  await using ada = join(hub);
  const { connection } = ada;
  assert(!connection.unsubscribe("room"));
  assertEquals([connection.subscribe("room"), connection.subscribe("room")], [true, false]);
  hub.publish("room", "1");
  assertEquals([connection.unsubscribe("room"), connection.unsubscribe("room")], [true, false]);
  hub.publish("room", "2");
  connection.subscribe("room");
  hub.publish("room", "3");
  assertEquals(await ada.texts(2), ["1", "3"]);
});

Deno.test("A8: a topic is any string and matches only itself: __proto__, a star, a prefix of another", async () => {
  await using hub = hubOf();
  await using ada = join(hub);
  const names = [
    "__proto__",
    "constructor",
    "toString",
    "",
    "*",
    "room/*",
    "**",
    "room",
    "room/",
    "Room",
    "room/1",
    "é",
    "e\u0301",
  ];
  for (const name of names) assert(ada.connection.subscribe(name), name);
  assertEquals([...hub.topics()], names);
  assertEquals(hub.topicsOf(ada.connection), names);
  for (const name of names) assertStrictEquals(hub.publish(name, name), 1);
  for (const name of ["hasOwnProperty", "room/2", "room/1/", " room", "roo", "%72oom"]) {
    assertEquals([hub.publish(name, ""), hub.count(name)], [0, 0], name);
  }
  assertEquals(await ada.texts(names.length), names);
});

Deno.test("A8: authorize sees exactly the string that is routed, and only true allows it", async () => {
  const seen: unknown[] = [];
  const answers: Record<string, unknown> = { mine: true, async: Promise.resolve(true), truthy: "yes" };
  await using hub = hubOf({
    authorize(socket, topic, action) {
      seen.push([socket === ada.connection, topic, action]);
      // deno-lint-ignore no-explicit-any -- what JavaScript may answer
      return answers[topic] as any;
    },
  });
  await using ada = join(hub);
  assert(ada.connection.subscribe("mine"));
  assertStrictEquals(ada.connection.publish("mine", "1"), 0);
  for (const topic of ["async", "truthy", "mine/", "MINE", "mine/../mine", "/meta/subscribe/x"]) {
    for (const act of [() => ada.connection.subscribe(topic), () => ada.connection.publish(topic, "")]) {
      assertStrictEquals(assertThrows(act, TopicError).topic, topic);
    }
  }
  assertEquals(seen.slice(0, 4), [
    [true, "mine", "subscribe"],
    [true, "mine", "publish"],
    [true, "async", "subscribe"],
    [true, "async", "publish"],
  ]);
  assertEquals(hub.topicsOf(ada.connection), ["mine"]);
  // What the server itself publishes, and its patterns, are its own affair.
  assertStrictEquals(hub.publish("truthy", ""), 0);
  assert(hub.subscribe(ada.connection, pattern`truthy/*`));
});

Deno.test("A8: each connection's topics are limited in length and number, and are well-formed Unicode", async () => {
  await using hub = hubOf({ maxTopicBytes: 6, maxTopicsPerConnection: 2 });
  await using ada = join(hub);
  const { connection } = ada;
  for (const topic of ["1234567", "€€1", "x".repeat(10_000)]) {
    for (const act of [() => connection.subscribe(topic), () => hub.publish(topic, "")]) {
      assertStrictEquals(assertThrows(act, LimitError).limit, "maxTopicBytes", topic);
    }
  }
  for (const topic of ["\ud800", "a\udc00b"]) assertThrows(() => connection.subscribe(topic), TopicError);
  connection.subscribe("€€");
  hub.subscribe(connection, pattern`**`);
  const third = [() => connection.subscribe("3"), () => hub.subscribe(connection, pattern`*`)];
  for (const [at, act] of third.entries()) {
    const error = assertThrows(act, LimitError, `maxTopicsPerConnection 2 topics already: topic "${["3", "*"][at]}"`);
    assertEquals([error.limit, error.reason.includes('topic "')], ["maxTopicsPerConnection", false]);
  }
  assert(!connection.subscribe("€€"));
  hub.unsubscribe(connection, pattern`**`);
  assert(connection.subscribe("3"));
});

Deno.test("a pattern receives every topic that it matches, and a message that several subscriptions match comes once", async () => {
  await using hub = hubOf();
  await using ada = join(hub);
  await using bob = join(hub);
  hub.subscribe(ada.connection, pattern`room/*`);
  hub.subscribe(ada.connection, pattern`**`);
  ada.connection.subscribe("room/1");
  hub.subscribe(bob.connection, pattern`room/*`);
  assert(!hub.subscribe(bob.connection, pattern`room/*`));
  assertEquals(["room/1", "room/2", "other"].map((topic) => hub.publish(topic, topic)), [2, 2, 1]);
  assertStrictEquals(hub.publish("room/1", "but not bob", { except: bob.connection }), 1);
  assertEquals(await ada.texts(4), ["room/1", "room/2", "other", "but not bob"]);
  assert(hub.unsubscribe(bob.connection, pattern`room/*`));
  assert(!hub.unsubscribe(bob.connection, pattern`room/*`));
  assertStrictEquals(hub.publish("room/2", "ada's"), 1);
  assertEquals(await bob.texts(2), ["room/1", "room/2"]);
  assertEquals([hub.count("room/1"), hub.count("room/2")], [1, 0]);
});

Deno.test("history comes first, in order, and later messages follow without a gap", async () => {
  await using hub = hubOf({ history: { messages: 3 } });
  for (const data of ["1", "2", "3", "4"]) hub.publish("room", data);
  await using ada = join(hub);
  ada.connection.subscribe("room", { history: 2 });
  hub.publish("room", "5");
  assert(!ada.connection.subscribe("room", { history: 2 }));
  hub.publish("room", "6");
  assertEquals(await ada.texts(4), ["3", "4", "5", "6"]);
  await using bob = join(hub);
  bob.connection.subscribe("room");
  hub.publish("room", "7");
  assertEquals(await bob.texts(1), ["7"]);
});

Deno.test("history does not repeat messages that a pattern has already delivered", async () => {
  await using hub = hubOf({ history: { messages: 10 } });
  await using ada = join(hub);
  hub.publish("room/1", "1");
  hub.subscribe(ada.connection, pattern`room/*`);
  hub.publish("room/1", "2");
  ada.connection.subscribe("room/1", { history: 10 });
  hub.publish("room/1", "3");
  assertEquals(await ada.texts(3), ["2", "1", "3"]);
});

Deno.test("history does not repeat messages that a pattern, subscribed twice, has already delivered", async () => {
  await using hub = hubOf({ history: { messages: 10 } });
  await using ada = join(hub);
  hub.subscribe(ada.connection, pattern`room/*`);
  hub.publish("room/1", "1");
  hub.subscribe(ada.connection, pattern`room/*`, { slowPolicy: "drop-oldest" });
  ada.connection.subscribe("room/1", { history: 10 });
  hub.publish("room/1", "2");
  assertEquals(await ada.texts(2), ["1", "2"]);
});

Deno.test("presence: count and topics list the subscribers, and onTopic reports the first and the last", async () => {
  const events: unknown[] = [];
  await using hub = hubOf({ onTopic: (...event) => void events.push(event) });
  await using ada = join(hub);
  await using bob = join(hub);
  ada.connection.subscribe("a");
  bob.connection.subscribe("a");
  bob.connection.subscribe("b");
  assertEquals([hub.count("a"), hub.count("b"), hub.count("c"), [...hub.topics()]], [2, 1, 0, ["a", "b"]]);
  ada.connection.unsubscribe("a");
  bob.connection.abort();
  assertEquals([hub.count("a"), hub.count("b"), [...hub.topics()]], [0, 0, []]);
  await settle();
  assertEquals(events, [["a", true], ["b", true], ["a", false], ["b", false]]);
});

Deno.test("an error of a hook is reported, and hooks may use the hub", async () => {
  const reports: unknown[] = [];
  const oops = new Error("oops");
  await using hub = hubOf({
    onError: (error) => void reports.push(error),
    onTopic(topic, active) {
      if (topic === "a" && active) hub.publish("a", "welcome");
      else throw oops;
    },
  });
  await using ada = join(hub);
  ada.connection.subscribe("a");
  ada.connection.subscribe("b");
  assertEquals(await ada.texts(1), ["welcome"]);
  assertEquals(reports, [oops]);
});

Deno.test("a hook may return anything: a rejection of its promise is reported", async () => {
  const reports: unknown[] = [];
  await using hub = hubOf({
    onError: (error) => reports.push(error),
    onTopic: (topic) => Promise.reject(`onTopic ${topic}`),
    // As code without types may.
    authorize: (_, topic) => topic === "a" || JSON.parse("0") || Promise.reject("authorize"),
  });
  await using ada = join(hub);
  ada.connection.subscribe("a");
  assertThrows(() => ada.connection.subscribe("b"), TopicError);
  await settle();
  assertEquals(reports.toSorted(), ["authorize", "onTopic a"]);
});

Deno.test("an onError that throws or rejects ends nothing: its error is printed to the console", async () => {
  for (const onError of [() => Promise.reject("rejected"), () => fail("thrown")]) {
    const lines = await printed(async () => {
      await using hub = createHub({ onError, onTopic: () => fail("hook") });
      await using ada = join(hub);
      ada.connection.subscribe("a");
      await settle();
      hub.publish("a", "still here");
      assertEquals(await ada.texts(1), ["still here"]);
    });
    assertMatch(String(lines[0]), /^(rejected|Error: failed: thrown)$/);
  }
});

function fail(reason: unknown): never {
  throw new Error(`failed: ${reason}`);
}

Deno.test("a connection whose server has no hub throws, and a hub accepts it anyway", async () => {
  await using hub = hubOf();
  const { connection, peer } = join(hub);
  const { connection: other } = open();
  for (const act of [() => other.subscribe("a"), () => other.unsubscribe("a"), () => other.publish("a", "")]) {
    assertStrictEquals(assertThrows(act, DOMException, "the server was given no hub").name, "InvalidStateError");
  }
  assert(hub.subscribe(other, "room"));
  assertStrictEquals(connection.publish("room", ""), 1);
  other.abort();
  connection.abort();
  peer.close();
});
