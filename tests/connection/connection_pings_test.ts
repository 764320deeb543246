import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { ConnectionError, LimitError } from "../../lib/errors.ts";
import { Opcode } from "../../lib/pipeline/frames/frame.ts";
import { counting } from "../_support/bytes.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { utf8 } from "../_support/frames.ts";
import { binary, close, ping, pong, text } from "../_support/raw_peer.ts";
import { settle, soon, until } from "../_support/wait.ts";
import { closed, inEveryLane, open } from "./_support.ts";

// Pings, pongs and keepalive: RFC 6455 §5.5.2 and §5.5.3.

for (const role of ["server", "client"] as const) {
  Deno.test(`a ${role}'s ping resolves to the round trip when its pong comes`, async () => {
    using time = new FakeTime();
    const { connection, peer } = open({ role });
    assertEquals(connection.roundTripTime, undefined);
    const roundTrip = connection.ping("there?");
    await peer.expect(ping("there?"));
    await time.advance(25);
    await peer.send(pong("there?"));
    assertEquals(await soon(roundTrip, "The pong"), 25);
    assertEquals(connection.roundTripTime, 25);
    connection.abort();
  });
}

Deno.test("several pings may wait; each pong answers its own ping and all earlier ones", async () => {
  const { connection, peer } = open();
  const pings = ["1", "2", "3"].map((payload) => connection.ping(payload));
  await peer.expect(ping("1"), ping("2"), ping("3"));
  await peer.send(pong("2"));
  await soon(Promise.all(pings.slice(0, 2)), "Two round trips");
  await peer.send(pong("3"));
  await soon(Promise.all(pings), "The last round trip");
  connection.abort();
});

Deno.test("pings without a payload get distinct ones", async () => {
  const { connection, peer } = open();
  const pings = [connection.ping(), connection.ping()];
  const [first, second] = [await peer.readFrame(), await peer.readFrame()];
  assertEquals([first.opcode, second.opcode], [Opcode.PING, Opcode.PING]);
  assert(first.payload.join() !== second.payload.join());
  await peer.send({ ...second, opcode: Opcode.PONG });
  await soon(Promise.all(pings), "The round trips");
  assertGreaterOrEqual(connection.roundTripTime ?? -1, 0);
  connection.abort();
});

Deno.test("F13: unsolicited pongs are ignored, before the first ping and after", async () => {
  const { connection, peer } = open();
  await peer.send(pong(), pong("what"));
  const roundTrip = connection.ping("1");
  await peer.expect(ping("1"));
  await peer.send(pong("other"), pong("1"), pong("1"));
  await soon(roundTrip, "The round trip");
  await peer.send(text("fine"));
  assertEquals((await connection[Symbol.asyncIterator]().next()).value, "fine");
  connection.abort();
});

Deno.test("a ping of more than 125 bytes throws RangeError, and is not sent", async () => {
  const { connection, peer } = open();
  assertThrows(() => connection.ping(new Uint8Array(126)), RangeError, "126 bytes");
  const roundTrip = connection.ping(counting(125));
  assertEquals((await peer.readFrame()).payload, counting(125));
  connection.abort();
  await assertRejects(() => roundTrip);
});

Deno.test("a waiting ping rejects with the cause when the connection ends, and may be ignored", async () => {
  const { connection, far } = open();
  const roundTrip = connection.ping();
  void connection.ping(); // ignored: an unhandled rejection would fail this test
  far.reset();
  const error = await assertRejects(() => roundTrip, ConnectionError);
  assertStrictEquals((await closed(connection)).error, error);

  const { connection: clean, peer } = open();
  const unanswered = clean.ping("1");
  void clean.close();
  await peer.expect(ping("1"), close(1000));
  await peer.send(close(1000));
  await peer.closeWrite();
  assertEquals((await assertRejects(() => unanswered, DOMException)).name, "InvalidStateError");
});

inEveryLane("F11: a ping is answered with its payload, also between the fragments of a message", async (lane) => {
  const { connection, peer } = open();
  const reading = lane.read(connection);
  await peer.send(ping(), ping("x".repeat(125)), "01 81 00000000 61", ping("inside"), "80 81 00000000 62");
  const frames = [await peer.readFrame()];
  while (frames.at(-1)!.payload.length !== 6) frames.push(await peer.readFrame());
  assert(frames.every(({ opcode }) => opcode === Opcode.PONG));
  assertEquals(frames.at(-1)!.payload, utf8("inside"));
  await reading.received(1);
  assertEquals(reading.messages, ["ab"]);
  connection.abort();
  await reading.ended;
});

Deno.test("each ping that arrives alone gets its pong at once", async () => {
  const { connection, peer, conn } = open();
  for (const payload of ["1", "", "3", "1"]) {
    await peer.send(ping(payload));
    await peer.expect(pong(payload));
  }
  assertEquals(conn.writes.length, 4);
  connection.abort();
});

Deno.test("F12: of the pings that arrive while the transport is blocked only the latest is answered", async () => {
  const { connection, peer } = open({ capacity: 50 });
  void connection.send(counting(200));
  await settle();
  const blocked = connection.bufferedAmount;
  for (let i = 0; i < 100; i++) await peer.send(ping(`${i}`));
  await until(() => connection.bufferedAmount <= blocked, "The queue not to grow");
  await settle();
  assertEquals(connection.bufferedAmount, blocked);
  await peer.expect(binary(counting(200)), pong("99"));
  connection.abort();
});

inEveryLane(
  "F12: more than maxPingsPerSecond fail with 1008, and as many are fine second after second",
  async (lane) => {
    using time = new FakeTime();
    const { connection, peer } = open({ maxPingsPerSecond: 10 });
    const reading = lane.read(connection);
    for (let second = 0; second < 3; second++) {
      await peer.send(...Array.from({ length: 10 }, () => ping("p")), text(`${second}`));
      await reading.received(second + 1);
      await time.advance(1_000);
    }
    await peer.send(...Array.from({ length: 11 }, () => ping("p")), text("behind"));
    await peer.closeWrite();
    const error = await reading.ended;
    assertInstanceOf(error, LimitError);
    assertEquals([error.limit, error.max, error.actual, error.closeCode], ["maxPingsPerSecond", 10, 11, 1008]);
    assertEquals(reading.messages, ["0", "1", "2"]);
  },
);

Deno.test("T1: keepalive pings a silent peer, and drops it without a close frame if no answer comes", async () => {
  using time = new FakeTime();
  const { connection, peer, conn } = open({ pingInterval: 20_000, pongTimeout: 10_000 });
  await time.advance(20_000);
  assertEquals((await peer.readFrame()).opcode, Opcode.PING);
  await time.advance(9_999);
  assertEquals(connection.readyState, 1);
  await time.advance(1);
  const { error, ...info } = await closed(connection);
  assertEquals(info, { closeCode: 1006, reason: "", wasClean: false });
  assertInstanceOf(error, ConnectionError);
  assertEquals(error.message, "The peer was silent for 10000 ms after a ping");
  await peer.expectEnd();
  assertEquals([conn.closes, time.timers], [1, 0]);
});

for (const [what, bytes] of Object.entries({ "a pong": undefined, "a message": text("x"), "part of a frame": "81" })) {
  Deno.test(`${what} after the ping is a sign of life`, async () => {
    using time = new FakeTime();
    const { connection, peer } = open({ pingInterval: 20_000, pongTimeout: 10_000, messageTimeout: 0 });
    await time.advance(20_000);
    const asked = await peer.readFrame();
    await time.advance(5_000);
    await peer.send(bytes ?? { ...asked, opcode: Opcode.PONG });
    await time.advance(24_999);
    assertEquals(connection.readyState, 1);
    assertEquals(connection.roundTripTime, bytes === undefined ? 5_000 : undefined);
    connection.abort();
    assertEquals(time.timers, 0);
  });
}

Deno.test("a peer that sends is not pinged", async () => {
  using time = new FakeTime();
  const { connection, peer, conn } = open({ pingInterval: 20_000, pongTimeout: 10_000 });
  for (let i = 0; i < 20; i++) {
    await peer.send(pong());
    await time.advance(10_000);
  }
  assertEquals([conn.writes.length, connection.readyState], [0, 1]);
  connection.abort();
});

Deno.test("keepalive does not judge a peer while the application does not read", async () => {
  using time = new FakeTime();
  const { connection, peer } = open({ pingInterval: 20_000, pongTimeout: 10_000, highWaterMark: 10 });
  await peer.send(text("more than highWaterMark"));
  await time.advance(300_000);
  assertEquals(connection.readyState, 1);
  const messages = connection[Symbol.asyncIterator]();
  await messages.next();
  const next = assertRejects(() => messages.next(), ConnectionError, "silent");
  await time.advance(50_000);
  await next;
  assertEquals(time.timers, 0);
});

Deno.test("a connection that closes sends no keepalive pings, and leaves no timer", async () => {
  using time = new FakeTime();
  const { connection, peer } = open({ pingInterval: 1_000, pongTimeout: 1_000, closeTimeout: 10_000 });
  void connection.close();
  await time.advance(9_000);
  await peer.expect(close(1000));
  await peer.send(close(1000));
  await peer.closeWrite();
  await peer.expectEnd();
  assertEquals((await closed(connection)).wasClean, true);
  assertEquals(time.timers, 0);
});
