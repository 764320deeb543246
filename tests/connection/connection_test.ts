import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { type Frame, frame, Opcode } from "../../lib/pipeline/frames/frame.ts";
import { counting } from "../_support/bytes.ts";
import { utf8 } from "../_support/frames.ts";
import { streamPair } from "../_support/pair.ts";
import { binary, close, ping, pong, type RawPeer, text } from "../_support/raw_peer.ts";
import { settle, soon, until } from "../_support/wait.ts";
import { closed, connectionOver, inEveryLane, open } from "./_support.ts";

// Messages and backpressure. The closing handshake, faults, and pings have files of their own beside this one.

inEveryLane(
  "messages arrive in order, whole or in fragments, with control frames between, however cut",
  async (lane) => {
    for (const role of ["server", "client"] as const) {
      const { connection, peer, conn } = open({ role });
      const reading = lane.read(connection);
      await peer.send(text("one"), binary(counting(200)));
      await peer.send(
        frame(Opcode.TEXT, utf8("fr"), { fin: false }),
        ping("p"),
        frame(Opcode.CONTINUATION, utf8("agment")),
      );
      for (const byte of peerBytes(peer, text("slow"))) await peer.send(Uint8Array.of(byte));
      await peer.send(text(""), close(1000));
      await peer.expect(pong("p"), close(1000));
      await peer.closeWrite();
      assertEquals(await reading.ended, undefined);
      assertEquals(reading.messages, ["one", counting(200), "fragment", "slow", ""]);
      assertEquals(conn.closes, 1);
    }
  },
);

/** A frame as the peer sends it. */
function peerBytes(peer: RawPeer, { opcode, payload }: Frame): number[] {
  const mask = peer.role === "client" ? [0, 0, 0, 0] : [];
  return [0x80 | opcode, (mask.length === 0 ? 0 : 0x80) | payload.length, ...mask, ...payload];
}

inEveryLane("frames that arrive with the handshake are read like any others", async (lane) => {
  const { connection, peer } = open({ role: "client", rest: Uint8Array.of(0x81, 2, 0x68, 0x69, 0x81) });
  const reading = lane.read(connection);
  await peer.send("01 61");
  await reading.received(2);
  assertEquals(reading.messages, ["hi", "a"]);
  connection.abort();
  await reading.ended;
});

inEveryLane("an echo over a pair of streams keeps every byte", async (lane) => {
  const [near, far] = streamPair(1000);
  const server = connectionOver(near);
  const client = connectionOver(far, { role: "client" });
  const echoing = lane.read(server, (message) => server.send(message));
  const reading = lane.read(client);
  const sent = Array.from({ length: 30 }, (_, i) => i % 2 === 0 ? `${i}`.repeat(50) : counting(100 * i, i));
  for (const message of sent) await client.send(message);
  await reading.received(sent.length);
  assertEquals(reading.messages, sent);
  assertEquals((await soon(client.close(), "The close")).wasClean, true);
  assertEquals([await echoing.ended, await reading.ended], [undefined, undefined]);
});

inEveryLane("replies to one batch leave in one write", async (lane) => {
  const { connection, peer, conn } = open();
  const echoing = lane.read(connection, (message) => void connection.send(message));
  const frames = Array.from({ length: 20 }, (_, i) => text(`message ${i}`));
  await peer.send(...frames);
  await peer.expect(...frames);
  assertEquals(conn.writes.length, 1);
  connection.abort();
  await echoing.ended;
});

inEveryLane("a reply does not wait for a later message's slow handler", async (lane) => {
  const { connection, peer } = open();
  const gate = Promise.withResolvers<void>();
  const reading = lane.read(connection, (message) => {
    void connection.send(message);
    return message === "slow" ? gate.promise : undefined;
  });
  await peer.send(text("fast"), text("slow"), text("later"));
  await peer.expect(text("fast"), text("slow"));
  assertEquals(reading.messages, ["fast", "slow"]);
  gate.resolve();
  await peer.expect(text("later"));
  connection.abort();
  await reading.ended;
});

inEveryLane("a slow reader stops the peer, and loses nothing", async (lane) => {
  const { connection, peer, far } = open({ highWaterMark: 1000, capacity: 1000 });
  const gate = Promise.withResolvers<void>();
  const reading = lane.read(connection, () => gate.promise);
  let sent = 0;
  const flood = async () => {
    for (; sent < 100; sent++) await peer.send(text(`${sent}`.padEnd(100, ".")));
    await peer.closeWrite();
  };
  const flooding = flood();
  let before = -1;
  await until(() => {
    const stalled = before === far.writes.length;
    before = far.writes.length;
    return stalled && sent > 0;
  }, "A stall");
  await settle();
  assert(sent < 60, `${sent} messages of 106 bytes went into 1000 bytes of inbox, 1000 of transport and some reads`);
  assertEquals(reading.messages.length, 1);
  gate.resolve();
  await soon(flooding, "The rest of the flood");
  await reading.ended;
  assertEquals(reading.messages, Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(100, ".")));
});

inEveryLane("pings are answered even if the messages are not read", async (lane) => {
  const { connection, peer } = open();
  const gate = Promise.withResolvers<void>();
  const reading = lane.read(connection, () => gate.promise);
  await peer.send(text("one"), text("two"));
  await peer.send(ping("still there"));
  await peer.expect(pong("still there"));
  connection.abort();
  gate.resolve();
  await reading.ended;
});

Deno.test("sends of one turn leave in one write, in order", async () => {
  const { connection, peer, conn } = open();
  for (let i = 0; i < 5; i++) void connection.send(`${i}`);
  await peer.expect(...["0", "1", "2", "3", "4"].map((payload) => text(payload)));
  assertEquals(conn.writes.length, 1);
  connection.abort();
});

Deno.test("send takes strings, buffers and views, and no other values", async () => {
  const { connection, peer } = open();
  const bytes = counting(8);
  void connection.send("é");
  void connection.send(bytes);
  void connection.send(bytes.buffer);
  void connection.send(bytes.subarray(2, 4));
  void connection.send(new DataView(bytes.buffer, 6));
  await peer.expect(text("é"), binary(bytes), binary(bytes), binary(counting(2, 2)), binary(counting(2, 6)));
  for (const wrong of [1, null, undefined, {}, ["a"], new SharedArrayBuffer(1)]) {
    const send: (data: never) => unknown = (data) => connection.send(data);
    assertThrows(() => Reflect.apply(send, undefined, [wrong]), TypeError, "Cannot send");
  }
  connection.abort();
});

Deno.test("send returns no promise while less than highWaterMark is queued", async () => {
  const { connection } = open({ highWaterMark: 1000, capacity: 0 });
  const first = connection.send("a");
  assertStrictEquals(connection.send("b"), first);
  await first;
  const full = connection.send(counting(1000));
  assert(full !== first);
  connection.abort();
});

Deno.test("send waits while highWaterMark or more is queued, until a slow peer has taken enough", async () => {
  const { connection, peer } = open({ highWaterMark: 1000, capacity: 100 });
  let drains = 0;
  connection.ondrain = () => void drains++;
  void connection.send(counting(400));
  await settle();
  let resolved = false;
  const sent = connection.send(counting(900)).then(() => resolved = true);
  await settle();
  assertEquals([resolved, drains, connection.bufferedAmount], [false, 0, 404 + 904]);
  await peer.expect(binary(counting(400)));
  await soon(sent, "The send");
  assertEquals([resolved, drains], [true, 1]);
  assert(connection.bufferedAmount < 1000);
  await peer.expect(binary(counting(900)));
  await settle();
  assertEquals([connection.bufferedAmount, drains], [0, 1]);
  connection.abort();
});

Deno.test("a waiting send rejects with the cause when the connection ends, and may be ignored", async () => {
  const { connection, far } = open({ highWaterMark: 10, capacity: 0 });
  const waits = connection.send(counting(20));
  void connection.send(counting(20)); // ignored: an unhandled rejection would fail this test
  far.reset();
  const error = await assertRejects(() => waits);
  assertStrictEquals(error, (await closed(connection)).error);
  assertEquals(connection.bufferedAmount, 0);
});

Deno.test("a server sends a large payload without copying it", async () => {
  const { connection, peer, conn } = open({ highWaterMark: 1000 });
  const payload = counting(2000);
  void connection.send(payload);
  await peer.expect(binary(payload));
  assert(conn.writes.some((bytes) => bytes.buffer === payload.buffer));
  connection.abort();
});

Deno.test("a client masks each frame with its own key, and does not change the caller's data", async () => {
  const { connection, conn, peer } = open({ role: "client" });
  const payload = new Uint8Array(16);
  for (let i = 0; i < 4; i++) void connection.send(payload);
  await peer.expect(...Array.from({ length: 4 }, () => binary(new Uint8Array(16))));
  assertEquals(payload, new Uint8Array(16));
  const [written] = conn.writes;
  const keys = [0, 1, 2, 3].map((i) => written!.slice(i * 22 + 2, i * 22 + 6).join());
  assertEquals(new Set(keys).size, 4);
  connection.abort();
});

Deno.test("a connection has one reader: a second one gets an error that says so", async () => {
  const { connection } = open();
  const reading = connection[Symbol.asyncIterator]().next();
  await assertRejects(() => connection.batches.getReader().read(), TypeError, "read through its iterator");
  assertThrows(
    () => connection.consumeWith({ consume: () => undefined, ended() {} }),
    TypeError,
    "read through its iterator",
  );
  const other = connection[Symbol.asyncIterator]().next();
  await assertRejects(() => other, TypeError, "another read is waiting");
  connection.abort();
  await assertRejects(() => reading);
});

Deno.test("leaving a loop in the middle of a batch keeps the connection open, and the next loop continues there", async () => {
  const { connection, peer } = open();
  await peer.send(...["a", "b", "c", "d"].map((payload) => text(payload)));
  const seen: unknown[] = [];
  for (const most of [1, 2]) {
    let count = 0;
    for await (const message of connection) {
      seen.push(message);
      if (++count === most) break;
    }
  }
  assertEquals(connection.readyState, 1);
  const { value } = await connection.readable.getReader().read();
  assertEquals([...seen, value], ["a", "b", "c", "d"]);
  connection.abort();
});

Deno.test("after the end, reading gives the waiting messages and then the end", async () => {
  const { connection, peer } = open();
  await peer.send(text("a"), text("b"), close(1000));
  await peer.closeWrite();
  await closed(connection);
  assertEquals(await Array.fromAsync(connection), ["a", "b"]);
  assertEquals(await Array.fromAsync(connection), []);
});

Deno.test("bytes that arrive in the turn in which the connection is aborted start no timer", async () => {
  const arrival = Promise.withResolvers<number>();
  const connection = connectionOver({
    read: (buffer) => arrival.promise.then((count) => (buffer.set([0x01, 0x80, 0, 0, 0, 0]), count)),
    write: (bytes) => Promise.resolve(bytes.length),
    close() {},
  }, { messageTimeout: 60_000 });
  arrival.resolve(6);
  connection.abort();
  await settle(); // a timer that is left would fail this test
});
