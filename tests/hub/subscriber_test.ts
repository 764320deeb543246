import { assertEquals, assertGreater, assertInstanceOf, assertLess, assertStrictEquals } from "@std/assert";
import { LimitError } from "../../lib/errors.ts";
import { MESSAGE_COST } from "../../lib/pipeline/messages/message.ts";
import { pattern } from "../../lib/hub/topic_pattern.ts";
import { MAX_HEADER_BYTES } from "../../lib/pipeline/frames/frame_layout.ts";
import { close } from "../_support/raw_peer.ts";
import { settle, until } from "../_support/wait.ts";
import { Faucet } from "../connection/_streamed.ts";
import { closed } from "../connection/_support.ts";
import { hubOf, join, joinSlowly, type Member } from "./_support.ts";

/** Texts of 98 bytes: frames of 100. */
const numbered = (number: number) => `${number}`.padEnd(98, ".");

/** The numbers at the front of the texts that a member gets, so many of them. */
const numbers = async (member: Member, count: number) => (await member.texts(count)).map((data) => parseInt(data));

/** Room for so many texts. */
const roomFor = (count: number) => ({ maxBacklogBytes: count * (MESSAGE_COST + 98) });

Deno.test("A6: a slow subscriber delays neither the publisher nor the others", async () => {
  for (const slowPolicy of ["wait", "drop-oldest", "latest-only", "disconnect"] as const) {
    await using hub = hubOf({ slowPolicy, ...roomFor(5) });
    await using slow = joinSlowly(hub);
    await using quick = join(hub);
    for (const { connection } of [slow, quick]) connection.subscribe("room");
    for (let number = 0; number < 20; number++) hub.publish("room", numbered(number));
    assertEquals(await numbers(quick, 20), Array.from({ length: 20 }, (_, number) => number), slowPolicy);
  }
});

Deno.test("A6: drop-oldest drops messages that do not fit, counts them, and reports them when the subscriber reads again", async () => {
  const told: unknown[] = [];
  await using hub = hubOf({
    slowPolicy: "drop-oldest",
    ...roomFor(3),
    onDropped(socket, messages) {
      told.push([socket === slow.connection, messages]);
      void socket.send(`${-messages}`);
    },
  });
  await using slow = joinSlowly(hub);
  slow.connection.subscribe("room");
  for (let number = 0; number < 10; number++) hub.publish("room", numbered(number));
  await settle();
  // One is in the queue, three wait, and six are gone.
  assertEquals([hub.dropped(slow.connection), hub.stats.dropped, told], [6, 6, []]);
  assertEquals(await numbers(slow, 5), [0, -6, 7, 8, 9]);
  assertEquals(told, [[true, 6]]);
  // Nothing was lost by the way back to ordinary delivery.
  await until(() => slow.connection.bufferedAmount === 0, "The end of the backlog");
  hub.publish("room", numbered(10));
  hub.publish("room", numbered(11));
  assertEquals(await numbers(slow, 2), [10, 11]);
  assertEquals([hub.dropped(slow.connection), told.length], [6, 1]);
});

Deno.test("A6: latest-only keeps the newest message of each topic", async () => {
  await using hub = hubOf({ slowPolicy: "latest-only" });
  await using slow = joinSlowly(hub);
  for (const topic of ["a", "b"]) slow.connection.subscribe(topic);
  for (let number = 0; number < 10; number++) hub.publish(number % 2 === 0 ? "a" : "b", numbered(number));
  assertEquals(await numbers(slow, 3), [0, 9, 8]);
  assertStrictEquals(hub.dropped(slow.connection), 7);
});

Deno.test("A6: latest-only also keeps a burst that fits the queue in one turn, because that is not a backlog", async () => {
  await using hub = hubOf({ slowPolicy: "latest-only" });
  await using quick = join(hub);
  quick.connection.subscribe("a");
  for (let number = 0; number < 100; number++) hub.publish("a", numbered(number));
  assertEquals(await numbers(quick, 100), Array.from({ length: 100 }, (_, number) => number));
});

Deno.test("A6: disconnect closes with 1013 when maxBacklogBytes are queued, with a reason", async () => {
  await using hub = hubOf(roomFor(3));
  const slow = joinSlowly(hub);
  const { connection, peer } = slow;
  connection.subscribe("room");
  for (let number = 0; number < 20; number++) hub.publish("room", numbered(number));
  assertEquals([hub.stats.disconnected, hub.stats.dropped], [1, 0]);
  // In the queue a text has its 98 bytes and a header of 2. One that is to be queued counts what it costs besides.
  const sent = Math.floor((roomFor(3).maxBacklogBytes - roomFor(1).maxBacklogBytes) / 100) + 1;
  assertEquals(await numbers(slow, sent), Array.from({ length: sent }, (_, number) => number));
  const { opcode, payload } = await peer.readFrame();
  assertEquals([opcode, (payload[0]! << 8) + payload[1]!], [8, 1013]);
  await peer.send(close(1013));
  await peer.closeWrite();
  const { error } = await closed(connection);
  assertInstanceOf(error, LimitError);
  assertEquals([error.limit, error.closeCode], ["maxBacklogBytes", 1013]);
  peer.close();
});

Deno.test("A6: disconnect counts text as UTF-8 in the queue and behind a message from a source alike", async () => {
  await using hub = hubOf(roomFor(3));
  const { connection, peer } = join(hub, { highWaterMark: 1 });
  connection.subscribe("room");
  const source = new Faucet<string>();
  connection.send(source).catch(() => {}); // ends with the connection
  // Behind the source a text counts with its 98 bytes and the longest header.
  const { maxBacklogBytes: most } = roomFor(2);
  for (let bytes = 0; bytes <= most; bytes += 98 + MAX_HEADER_BYTES) {
    assertEquals([connection.bufferedAmount, hub.stats.disconnected], [bytes, 0]);
    hub.publish("room", "é".repeat(49));
  }
  assertEquals(hub.stats.disconnected, 0);
  hub.publish("room", "é".repeat(49));
  assertEquals(hub.stats.disconnected, 1);
  await peer.expectClose(1013);
  await peer.send(close(1013));
  await peer.closeWrite();
  const { error } = await closed(connection);
  assertInstanceOf(error, LimitError);
  assertEquals(error.limit, "maxBacklogBytes");
  peer.close();
});

Deno.test("A6: wait keeps everything in order with sent messages, until the connection's own maxQueuedBytes drops it", async () => {
  await using hub = hubOf({ slowPolicy: "wait", ...roomFor(1) });
  await using slow = joinSlowly(hub, { maxQueuedBytes: 2_000 });
  const { connection } = slow;
  connection.subscribe("room");
  for (let number = 0; number < 15; number++) {
    if (number === 7) void connection.send(numbered(7));
    else hub.publish("room", numbered(number));
  }
  assertEquals(await numbers(slow, 15), Array.from({ length: 15 }, (_, number) => number));
  for (let number = 0; number < 30; number++) hub.publish("room", numbered(number));
  const { error } = await closed(connection);
  assertInstanceOf(error, LimitError);
  assertEquals([error.limit, hub.count("room"), hub.stats.dropped], ["maxQueuedBytes", 0, 0]);
});

Deno.test("a publisher may wait for the subscribers with the policy wait, and for no others", async () => {
  await using hub = hubOf({ slowPolicy: "wait" });
  await using slow = joinSlowly(hub);
  await using slower = joinSlowly(hub);
  slow.connection.subscribe("room");
  slower.connection.subscribe("room", { slowPolicy: "drop-oldest" });
  await hub.drained("nobody's");
  for (let number = 0; number < 5; number++) hub.publish("room", numbered(number));
  let drained = false;
  const waiting = hub.drained("room").then(() => drained = true);
  await settle();
  assertStrictEquals(drained, false);
  assertEquals(await numbers(slow, 5), [0, 1, 2, 3, 4]);
  await waiting;
  for (let number = 5; number < 10; number++) hub.publish("room", numbered(number));
  const ended = hub.drained("room");
  slow.connection.abort();
  await ended;
});

Deno.test("each subscription may have its own policy, patterns too, and it may be changed", async () => {
  await using hub = hubOf({ slowPolicy: "wait" });
  await using slow = joinSlowly(hub);
  const { connection } = slow;
  hub.subscribe(connection, pattern`price/*`, { slowPolicy: "latest-only" });
  connection.subscribe("chat");
  connection.subscribe("log");
  connection.subscribe("log", { slowPolicy: "drop-oldest" });
  hub.publish("chat", numbered(0));
  for (let number = 1; number < 4; number++) {
    hub.publish("price/1", numbered(number));
    hub.publish("chat", numbered(10 + number));
    hub.publish("log", numbered(20 + number));
  }
  // What waits is in the queue already; the rest follows when there is room.
  assertEquals(await numbers(slow, 8), [0, 11, 12, 13, 3, 21, 22, 23]);
  assertStrictEquals(hub.dropped(connection), 2);
});

Deno.test("A6: a subscriber that ends with a backlog leaves nothing behind, and dropped messages are reported", async () => {
  const told: number[] = [];
  await using hub = hubOf({
    slowPolicy: "drop-oldest",
    ...roomFor(3),
    onDropped: (_, messages) => void told.push(messages),
  });
  const { connection, peer } = joinSlowly(hub);
  connection.subscribe("room");
  for (let number = 0; number < 10; number++) hub.publish("room", numbered(number));
  connection.abort();
  await settle();
  assertEquals([told, hub.count("room"), hub.stats.dropped], [[6], 0, 6]);
  peer.close();
});

Deno.test("A6: the memory of a backlog is limited, whatever the messages' size", async () => {
  await using hub = hubOf({ slowPolicy: "drop-oldest", maxBacklogBytes: 10_000 });
  await using slow = joinSlowly(hub);
  slow.connection.subscribe("room");
  for (let i = 0; i < 1_000; i++) hub.publish("room", "");
  const kept = 1_000 - hub.dropped(slow.connection);
  assertGreater(kept, 100);
  assertLess(kept, 100 + 10_000 / MESSAGE_COST);
});

Deno.test("history for a slow subscriber follows its policy like live messages", async () => {
  await using hub = hubOf({ slowPolicy: "latest-only", history: { messages: 20 } });
  for (let number = 0; number < 20; number++) hub.publish("room", numbered(number));
  await using slow = joinSlowly(hub);
  slow.connection.subscribe("room", { history: 20 });
  hub.publish("room", numbered(20));
  assertEquals(await numbers(slow, 2), [0, 20]);
  assertStrictEquals(hub.dropped(slow.connection), 19);
});

Deno.test("messages published when the queue has room again come after the waiting ones", async () => {
  await using hub = hubOf({ slowPolicy: "drop-oldest" });
  await using slow = joinSlowly(hub);
  const { connection } = slow;
  connection.subscribe("room");
  let next = 5;
  connection.ondrain = () => void (next < 10 && hub.publish("room", numbered(next++)));
  for (let number = 0; number < 5; number++) hub.publish("room", numbered(number));
  assertEquals(await numbers(slow, 10), Array.from({ length: 10 }, (_, number) => number));
});

Deno.test("the end of a hub loses no waiting messages", async () => {
  const hub = hubOf({ slowPolicy: "drop-oldest" });
  await using slow = joinSlowly(hub);
  slow.connection.subscribe("room");
  for (let number = 0; number < 5; number++) hub.publish("room", numbered(number));
  await hub.close();
  assertEquals(await numbers(slow, 5), [0, 1, 2, 3, 4]);
});
