import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ConnectionError, LimitError, ProtocolError } from "../../lib/errors.ts";
import { createHub } from "../../lib/hub/hub.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { streamPair } from "../_support/pair.ts";
import { binary, close, ping, text } from "../_support/raw_peer.ts";
import { counting } from "../_support/bytes.ts";
import { settle, soon, until } from "../_support/wait.ts";
import { closed, connectionOver, inEveryLane, open } from "./_support.ts";

// The closing handshake of a connection: RFC 6455 §5.5.1 and §7.

const CLEAN = { closeCode: 1000, reason: "", wasClean: true };

Deno.test("a server that closes sends its code and reason, ends its side on the reply, and closes on the client's end", async () => {
  const { connection, peer, conn } = open();
  const ended = connection.close(4001, "bye");
  assertEquals(connection.readyState, 2);
  await peer.expect(close(4001, "bye"));
  await settle();
  assertEquals(connection.readyState, 2, "it waits for the reply");
  await peer.send(close(4001));
  await peer.expectEnd();
  assertEquals(conn.closes, 0, "it waits for the client's end");
  await peer.closeWrite();
  assertEquals(await soon(ended, "The end"), { closeCode: 4001, reason: "", wasClean: true });
  assertEquals([connection.readyState, conn.closes], [3, 1]);
});

Deno.test("§7.1.1: a client that closes waits for the server to end the transport first", async () => {
  const { connection, peer, conn } = open({ role: "client" });
  void connection.close();
  await peer.expect(close(1000));
  await peer.send(close(1000));
  const nothing = new Uint8Array(1);
  let ended = false;
  const reading = peer.conn.read(nothing).then((count) => ended = count === null);
  await settle();
  assertEquals([ended, conn.closes], [false, 0]);
  await peer.closeWrite();
  assertEquals(await closed(connection), CLEAN);
  await reading;
  assertEquals(ended, true);
});

for (const role of ["server", "client"] as const) {
  Deno.test(`a ${role} echoes the peer's close code without its reason, and reports code and reason`, async () => {
    const { connection, peer } = open({ role });
    await peer.send(close(4002, "gründlich"));
    await peer.expect(close(4002));
    await peer.closeWrite();
    assertEquals(await closed(connection), { closeCode: 4002, reason: "gründlich", wasClean: true });
  });

  Deno.test(`F15: a ${role} answers an empty close frame with an empty one and reports 1005`, async () => {
    const { connection, peer } = open({ role });
    await peer.send(close());
    await peer.expect(close());
    await peer.closeWrite();
    assertEquals(await closed(connection), { closeCode: 1005, reason: "", wasClean: true });
  });

  Deno.test(`F18: if a ${role} and its peer close at the same time, each frame answers the other`, async () => {
    const { connection, peer, conn } = open({ role });
    void connection.close(4001, "mine");
    await peer.send(close(4002, "yours"));
    await peer.expect(close(4001, "mine"));
    await peer.closeWrite();
    assertEquals(await closed(connection), { closeCode: 4002, reason: "yours", wasClean: true });
    await peer.expectEnd();
    assertEquals(conn.writes.length, 1);
  });

  Deno.test(`F17: a ${role} whose peer does not answer drops the connection after closeTimeout`, async () => {
    using time = new FakeTime();
    const { connection, conn, peer } = open({ role, closeTimeout: 3_000 });
    void connection.close();
    await time.advance(2_999);
    assertEquals(connection.readyState, 2);
    await time.advance(1);
    const { error, ...info } = await closed(connection);
    assertEquals(info, { closeCode: 1006, reason: "", wasClean: false });
    assertInstanceOf(error, ConnectionError);
    assertEquals(error.message, "The closing handshake took more than 3000 ms");
    assertEquals([conn.closes, time.timers], [1, 0]);
    await peer.expect(close(1000));
    await peer.expectEnd();
  });

  Deno.test(`a ${role} whose peer does not end the transport closes it after closeTimeout, and the end is still clean`, async () => {
    using time = new FakeTime();
    const { connection, conn, peer } = open({ role, closeTimeout: 3_000 });
    await peer.send(close(1000));
    await time.advance(2_999);
    assertEquals(conn.closes, 0);
    await time.advance(1);
    assertEquals(await closed(connection), CLEAN);
    assertEquals([conn.closes, time.timers], [1, 0]);
  });

  Deno.test(`a ${role} whose peer does not even read the close frame drops the connection after closeTimeout`, async () => {
    using time = new FakeTime();
    const { connection, conn } = open({ role, closeTimeout: 3_000, capacity: 0 });
    void connection.send(counting(100));
    void connection.close();
    await time.advance(3_000);
    assertEquals((await closed(connection)).wasClean, false);
    assertEquals([conn.closes, time.timers], [1, 0]);
  });

  Deno.test(`a ${role} whose peer ends the transport without a close frame did not end cleanly`, async () => {
    const { connection, peer } = open({ role });
    const reading = Array.fromAsync(connection);
    void connection.close();
    await peer.expect(close(1000));
    await peer.closeWrite();
    const { error, ...info } = await closed(connection);
    assertEquals(info, { closeCode: 1006, reason: "", wasClean: false });
    assertInstanceOf(error, ConnectionError);
    assertStrictEquals(await assertRejects(() => reading), error);
  });
}

inEveryLane("F16: bytes after the peer's close frame are discarded", async (lane) => {
  const { connection, peer } = open();
  const reading = lane.read(connection);
  await peer.send(text("before"), close(1000), text("behind"), ping("p"), close(4000));
  await peer.send(text("later"), "ff ff ff");
  await peer.expect(close(1000));
  await peer.closeWrite();
  await peer.expectEnd();
  assertEquals(await closed(connection), CLEAN);
  assertEquals(await reading.ended, undefined);
  assertEquals(reading.messages, ["before"]);
});

inEveryLane("messages after our close frame are discarded, and pings are not answered", async (lane) => {
  const { connection, peer } = open();
  const reading = lane.read(connection);
  await peer.send(text("before"));
  await reading.received(1);
  void connection.close();
  await peer.send(text("after"), ping("p"), close(1000));
  await peer.expect(close(1000));
  await peer.expectEnd();
  await peer.closeWrite();
  assertEquals(await closed(connection), CLEAN);
  assertEquals(await reading.ended, undefined);
  assertEquals(reading.messages, ["before"]);
});

Deno.test("F17: a flood after our close frame is discarded, and does not delay the end", async () => {
  using time = new FakeTime();
  const { connection, peer } = open({ closeTimeout: 1_000, highWaterMark: 100, capacity: 1_000 });
  void connection.close();
  let sent = 0;
  const flood = assertRejects(async () => {
    for (;; sent++) {
      await peer.send(text("x".repeat(500)));
      await time.advance(10);
    }
  });
  assertEquals((await closed(connection)).wasClean, false);
  await soon(flood, "The end of the flood");
  assertEquals(sent >= 99, true, `${sent} messages were buffered without a reader`);
});

Deno.test("unread messages can still be read after the end", async () => {
  const { connection, peer } = open({ highWaterMark: 10 });
  await peer.send(text("one of more bytes than highWaterMark"));
  await settle();
  void connection.close();
  await peer.send(close(1000));
  await peer.closeWrite();
  await closed(connection);
  assertEquals(await Array.fromAsync(connection), ["one of more bytes than highWaterMark"]);
});

Deno.test("T4: a peer that ends its side right behind its close frame gets the queued messages, and the answer", async () => {
  const { connection, peer, conn } = open({ capacity: 50 });
  void connection.send(counting(300));
  await settle();
  await peer.send(close(1000));
  await peer.closeWrite();
  await settle();
  assertEquals(conn.closes, 0);
  await peer.expect(binary(counting(300)), close(1000));
  await peer.expectEnd();
  assertEquals(await closed(connection), CLEAN);
});

Deno.test("close sends all queued messages completely, and nothing after them (§5.5.1)", async () => {
  const { connection, peer } = open({ capacity: 50 });
  void connection.send("first");
  void connection.send(counting(300));
  void connection.close();
  await peer.expect(text("first"), binary(counting(300)), close(1000));
  await peer.send(close(1000));
  await peer.closeWrite();
  await peer.expectEnd();
});

Deno.test("a pending pong leaves before the close frame", async () => {
  const { connection, peer } = open();
  await peer.send(ping("p"), close(1000));
  assertEquals((await peer.readFrame()).opcode, 10);
  await peer.expect(close(1000));
  await peer.closeWrite();
  await closed(connection);
});

Deno.test("close may be called repeatedly: there is one close frame and one promise", async () => {
  const { connection, peer, conn } = open();
  const first = connection.close(4001);
  assertStrictEquals(connection.close(4002), first);
  assertStrictEquals(connection.closed, first);
  connection.fail(new Error("too late to matter to the peer"));
  await peer.expect(close(4001));
  await peer.send(close(4001));
  await peer.closeWrite();
  await soon(first, "The end");
  assertStrictEquals(connection.close(), first);
  assertEquals(conn.writes.length, 1);
});

Deno.test("closeWithoutCode sends an empty close frame", async () => {
  const { connection, peer } = open();
  void connection.closeWithoutCode();
  await peer.expect(close());
  connection.abort();
});

Deno.test("F19: send and ping after close reject with InvalidStateError, and wrong arguments still throw", async () => {
  const { connection, peer } = open();
  void connection.close();
  for (const call of [() => connection.send("x"), () => connection.ping()]) {
    assertEquals((await assertRejects(call, DOMException, "the connection is closing")).name, "InvalidStateError");
  }
  await peer.send(close(1000));
  await peer.closeWrite();
  await closed(connection);
  for (const call of [() => connection.send("x"), () => connection.ping()]) {
    assertEquals((await assertRejects(call, DOMException, "the connection is closed")).name, "InvalidStateError");
  }
  assertThrows(() => Reflect.apply(connection.send, connection, [42]), TypeError, "Cannot send 42");
  assertThrows(() => connection.ping("x".repeat(126)), RangeError, "126 bytes");
  assertThrows(() => connection.close(1005), RangeError, "1005");
});

Deno.test("F20: close throws for codes that must not be sent and reasons that are too long, and changes nothing", () => {
  const { connection } = open();
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 1000.5, NaN]) {
    assertThrows(() => connection.close(code), RangeError, `Cannot send close code ${code}`);
  }
  assertThrows(() => connection.close(1000, "x".repeat(124)), RangeError, "124 bytes");
  assertThrows(() => connection.close(1000, "é".repeat(62)), RangeError, "124 bytes");
  assertEquals(connection.readyState, 1);
  void connection.close(4999, "é".repeat(61) + "x");
  assertEquals(connection.readyState, 2);
  connection.abort();
});

inEveryLane("abort drops the connection at once without a close frame, and readers get the reason", async (lane) => {
  const { connection, peer, conn } = open();
  const reading = lane.read(connection);
  const reason = new Error("enough");
  connection.abort(reason);
  connection.abort(new Error("again"));
  assertEquals([connection.readyState, conn.closes], [3, 1]);
  assertStrictEquals(await reading.ended, reason);
  assertEquals(await closed(connection), { closeCode: 1006, reason: "", wasClean: false, error: reason });
  await peer.expectEnd();
});

Deno.test("abort without a reason is a ConnectionError, and ends a closing handshake as well", async () => {
  const { connection } = open();
  void connection.close();
  connection.abort();
  assertInstanceOf((await closed(connection)).error, ConnectionError);

  const { connection: exchanged, peer } = open();
  await peer.send(close(1000));
  await peer.expect(close(1000));
  exchanged.abort();
  assertEquals((await closed(exchanged)).wasClean, false);
});

Deno.test("after the end abort, close and fail do nothing", async () => {
  const { connection, peer } = open();
  await peer.send(close(1000));
  await peer.closeWrite();
  const info = await closed(connection);
  connection.abort(new Error("late"));
  connection.fail(new Error("late"));
  assertStrictEquals(await connection.close(), info);
});

Deno.test("a reset after both close frames is no error", async () => {
  const { connection, peer, far } = open();
  await peer.send(close(1000));
  await peer.expect(close(1000));
  far.reset();
  assertEquals(await closed(connection), CLEAN);
});

Deno.test("a peer that closes and disconnects while messages are unwritten did not end cleanly; its code and reason are reported", async () => {
  const { connection, peer, far } = open({ capacity: 1_000 });
  const sending = connection.send(counting(100_000));
  await peer.send(close(4567, "bye"));
  await settle();
  far.reset();
  const { closeCode, reason, wasClean, error } = await closed(connection);
  assertEquals({ closeCode, reason, wasClean }, { closeCode: 4567, reason: "bye", wasClean: false });
  assertStrictEquals(await assertRejects(() => sending, ConnectionError), error);
});

Deno.test("await using closes with 1000 and waits for the end", async () => {
  const { connection, peer } = open();
  const answer = async () => {
    await peer.expect(close(1000));
    await peer.send(close(1000));
    await peer.closeWrite();
  };
  const answering = answer();
  {
    await using held = connection;
    assertEquals(held.readyState, 1);
  }
  assertEquals(connection.readyState, 3);
  await answering;
});

for (const closer of ["server", "client"] as const) {
  Deno.test(`two Sluice connections close cleanly over a pair of streams, the ${closer} first`, async () => {
    const [near, far] = streamPair();
    const ends = { server: connectionOver(near), client: connectionOver(far, { role: "client" }) };
    void ends[closer].close(4000, "done");
    const expected = { closeCode: 4000, wasClean: true };
    for (const [role, end] of Object.entries(ends)) {
      const reason = role === closer ? "" : "done";
      assertEquals(await closed(end), { ...expected, reason });
    }
  });
}

Deno.test("after a failure, the InvalidStateError of a call has the error that ended the connection as its cause", async () => {
  const { connection, peer } = open();
  await peer.send("83 80 00 00 00 00"); // a reserved opcode
  await until(() => connection.readyState !== 1, "The failure");
  const early = await assertRejects(() => connection.send("x"), DOMException, "the connection is closing");
  peer.close();
  const { error } = await closed(connection);
  assertInstanceOf(error, ProtocolError);
  assertStrictEquals(early.cause, error);
  for (const call of [() => connection.send("x"), () => connection.ping()]) {
    const late = await assertRejects(call, DOMException, "the connection is closed");
    assertEquals([late.name, late.cause === error], ["InvalidStateError", true]);
  }
});

Deno.test("a call never throws because the connection closes or is closed, and its promise may be ignored", async () => {
  const { connection, peer } = open({ hub: createHub() });
  const call = () => {
    void connection.send("x");
    void connection.send(counting(3));
    void connection.send(ReadableStream.from(["a"]));
    void connection.ping();
    void connection.close();
    void connection.closeWithoutCode();
    return [connection.subscribe("a"), connection.publish("a", "x"), connection.unsubscribe("a")];
  };
  void connection.close();
  assertEquals(call(), [false, 0, false]);
  await peer.send(close(1000));
  await peer.closeWrite();
  await closed(connection);
  assertEquals(call(), [false, 0, false]);
  connection.abort();
  await settle();
  for (const topic of ["x".repeat(10_000), "\ud800"]) {
    assertThrows(() => connection.subscribe(topic));
    assertThrows(() => connection.publish(topic, "x"));
  }
  assertThrows(() => Reflect.apply(connection.publish, connection, ["a", 42]), TypeError);
});

Deno.test("a send that finds the queue full rejects with the reason of the connection's end, and was not sent", async () => {
  const { connection } = open({ highWaterMark: 100, maxQueuedBytes: 100, capacity: 50 });
  void connection.send(counting(200));
  const late = connection.send("more");
  const { error } = await closed(connection);
  assertInstanceOf(error, LimitError);
  assertStrictEquals(await assertRejects(() => late), error);
});
