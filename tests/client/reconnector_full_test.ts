import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { settle, soon } from "../_support/wait.ts";
import { end, play, read } from "./_reconnecting.ts";

// A connection that comes back while its queues are full.

const block = (name: string) => name + "x".repeat(50_000);

/** How many promises of `send` have settled. */
function counting(sends: Promise<void>[]) {
  const count = { sent: 0, refused: 0 };
  for (const send of sends) send.then(() => count.sent++, () => count.refused++);
  return count;
}

Deno.test("close sends all waiting messages, although the connection's queue holds fewer", async () => {
  for (const when of ["as soon as it is open", "while it is being sent"]) {
    using test = play({
      onState: (connection) => void (when === "as soon as it is open" && connection.state === "open" && close()),
    }, { maxQueuedBytes: 100_000 });
    const { connection } = test;
    const close = () => void connection.close(4000, "bye");
    const names = Array.from({ length: 10 }, (_, i) => String(i));
    const count = counting(names.map((name) => connection.send(block(name))));
    const socket = await test.accepted();
    if (when !== "as soon as it is open") close();
    const received = await soon(Array.fromAsync(socket), "The messages");
    assertEquals(received.map((message) => message[0]), names, when);
    assertEquals((await soon(socket.closed, "The end")).closeCode, 4000);
    const info = await soon(connection.closed, "The end");
    await settle();
    assertEquals([info.wasClean, count, test.attempts, test.time.timers], [true, { sent: 10, refused: 0 }, 1, 0]);
  }
});

Deno.test("close of a connection whose peer does not read ends after closeTimeout, and settles every send", async () => {
  using test = play({ closeTimeout: 3_000 }, { maxQueuedBytes: 100_000, closeTimeout: 3_000 });
  const { connection } = test;
  const sends = Array.from({ length: 50 }, (_, i) => connection.send(block(String(i))));
  const count = counting(sends);
  const socket = await test.accepted();
  const closing = connection.close();
  await test.time.advance(2_999);
  assertEquals([socket.readyState, count.refused], [1, 0]);
  await test.time.advance(1); // the outbox is given up, and the closing handshake begins behind what the connection has
  await test.time.advance(3_000);
  assertEquals((await soon(closing, "The end")).wasClean, false);
  await settle();
  assertEquals([connection.state, count.sent + count.refused, test.attempts], ["closed", 50, 1]);
  await assertRejects(() => sends[49]!, DOMException, "The connection was closed");
  await test.time.advance(120_000);
  assertEquals([test.attempts, test.time.timers], [1, 0]);
});

Deno.test("close while both directions are full keeps reading and discards what it reads, until the peer reads too", async () => {
  using test = play({}, { highWaterMark: 1_000, capacity: 1_000 });
  const { connection } = test;
  const count = counting(["a", "b"].map((name) => connection.send(block(name))));
  const socket = await test.accepted();
  const peer = (async () => {
    for (let i = 0; i < 100; i++) await socket.send(block("from the peer "));
    return await Array.fromAsync(socket);
  })();
  await settle();
  assertEquals(connection.state, "open");
  const closing = connection.close();
  assertEquals((await soon(peer, "The peer")).map((message) => message[0]), ["a", "b"]);
  assertEquals((await soon(closing, "The end")).wasClean, true);
  assertEquals(count, { sent: 2, refused: 0 });
  const kept = await soon(Array.fromAsync(connection), "The messages");
  assert(kept.length <= 1, `${kept.length} messages were kept`);
  assertEquals(test.time.timers, 0);
});

Deno.test("the signal ends a close that waits for the peer at once, and every send with it", async () => {
  const controller = new AbortController();
  using test = play({ signal: controller.signal }, { maxQueuedBytes: 100_000 });
  const { connection } = test;
  const count = counting(Array.from({ length: 10 }, (_, i) => connection.send(block(String(i)))));
  await test.accepted();
  const closing = connection.close();
  await settle();
  controller.abort(new Error("enough"));
  assertStrictEquals((await soon(closing, "The end")).error, controller.signal.reason);
  await settle();
  assertEquals([count.sent + count.refused, test.attempts, test.time.timers], [10, 1, 0]);
});

Deno.test("a connection that is lost during close is not replaced, and every send settles", async () => {
  using test = play({}, { maxQueuedBytes: 100_000 });
  const { connection } = test;
  const count = counting(Array.from({ length: 10 }, (_, i) => connection.send(block(String(i)))));
  const socket = await test.accepted();
  {
    await using disposed = connection;
    void Promise.resolve().then(() => socket.abort());
    assertEquals(disposed.state, "open");
  }
  assertEquals([connection.state, (await connection.closed).wasClean], ["closed", false]);
  await settle();
  await test.time.advance(120_000);
  assertEquals([count.sent + count.refused, test.attempts, test.time.timers], [10, 1, 0]);
});

Deno.test("empty messages count: a slow reader stops a peer that sends nothing else", async () => {
  using test = play({}, { highWaterMark: 1_000, capacity: 1_000 });
  const { connection } = test;
  const socket = await test.accepted();
  for (let i = 0; i < 20_000; i++) void socket.send(i % 2 === 0 ? "" : new Uint8Array());
  await settle();
  assert(socket.bufferedAmount > 30_000, `The peer has ${socket.bufferedAmount} bytes left`);
  const messages = await read(connection, 20_000);
  assertEquals([messages.filter((message) => message === "").length, socket.bufferedAmount], [10_000, 0]);
  await end(test);
});

Deno.test("the limit holds across connections: the next connection waits for room as well", async () => {
  using test = play({ limits: { stableInterval: 0 } }, { highWaterMark: 100, capacity: 100 });
  let sent = 0;
  for (let round = 0; round < 20 && test.attempts > round; round++) {
    const socket = await test.accepted();
    for (let i = 0; i < 1_000; i++) void socket.send("");
    await settle();
    sent += 1_000 - Math.ceil(socket.bufferedAmount / 2);
    test.connection.socket?.abort();
    await test.time.advance(8_000);
  }
  assert(sent < 500, `${sent} messages were taken`);
  await end(test);
});

Deno.test("a small binary message that waits is copied, and does not keep the read that it came in", async () => {
  using test = play();
  const socket = await test.accepted();
  await Promise.all(["x".repeat(500), Uint8Array.of(1, 2)].map((message) => socket.send(message)));
  await settle();
  const [, small] = await read(test.connection, 2);
  assert(small instanceof Uint8Array);
  assertEquals([small, small.buffer.byteLength], [Uint8Array.of(1, 2), 2]);
  await end(test);
});

Deno.test("bufferedAmount counts the messages that wait for a connection and those queued on it", async () => {
  using test = play({}, { highWaterMark: 1_000, capacity: 1_000 });
  const { connection } = test;
  const sends = ["a", "b", "c"].map((name) => connection.send(name + "x".repeat(300_000)));
  assertEquals(connection.bufferedAmount, 900_003);
  const socket = await test.accepted(); // takes in the first; the second is in the connection, and the third waits
  const queued = connection.socket?.bufferedAmount ?? 0;
  assert(queued > 0);
  assertEquals(connection.bufferedAmount, 300_001 + queued);
  await read(socket, 3);
  await soon(Promise.all(sends), "The sends");
  assertEquals(connection.bufferedAmount, 0);
  await end(test);
});

Deno.test("the same data is accepted whether it has to wait or not, and a source never is", async () => {
  using test = play();
  const { connection } = test;
  const refused = () =>
    [ReadableStream.from(["a"]), new Blob(["a"]), 42].map((data) => {
      try {
        Reflect.apply(connection.send, connection, [data]);
        return "nothing";
      } catch (error) {
        return error instanceof TypeError;
      }
    });
  assertEquals(refused(), [true, true, true]);
  const socket = await test.accepted();
  assertEquals([connection.state, refused()], ["open", [true, true, true]]);
  await connection.send("text");
  assertEquals(await read(socket, 1), ["text"]);
  await end(test);
});
