/** When what is sent leaves, and what its promises say. What the bytes are is tested with `Outgoing`. */
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { ConnectionError, LimitError } from "../../lib/errors.ts";
import { copyWithHeadroom, MIN_BYTES_FOR_HEADROOM } from "../../lib/pipeline/bytes/headroom.ts";
import { counting } from "../_support/bytes.ts";
import { lines } from "../_support/frames.ts";
import { binary, ping, pong, text } from "../_support/raw_peer.ts";
import { settle, soon, turn } from "../_support/wait.ts";
import { closed, open } from "./_support.ts";

/** The sizes of a connection's writes so far. */
const sizes = ({ conn }: ReturnType<typeof open>) => conn.writes.map(({ length }) => length);

Deno.test("sends of one microtask leave in one write", async () => {
  const opened = open();
  for (const text of ["a", "b", "c"]) void opened.connection.send(text);
  assertEquals(sizes(opened), [], "nothing is written before the flush");
  await Promise.resolve();
  assertEquals(sizes(opened), [9]);
  await opened.peer.expect(text("a"), text("b"), text("c"));
  assertEquals(opened.connection.bufferedAmount, 0);
  opened.connection.abort();
});

Deno.test("while a batch is consumed in one call stack only the consumer flushes", async () => {
  const opened = open();
  opened.connection.flushAt("batchEnd");
  void opened.connection.send("a");
  await turn();
  assertEquals(sizes(opened), []);
  opened.connection.flush();
  assertEquals(sizes(opened), [3]);
  opened.connection.abort();
});

Deno.test("while a batch is consumed over several turns, the end of each turn flushes", async () => {
  const opened = open();
  opened.connection.flushAt("turnEnd");
  void opened.connection.send("a");
  await Promise.resolve();
  void opened.connection.send("b");
  assertEquals(sizes(opened), []);
  await turn();
  assertEquals(sizes(opened), [6]);
  opened.connection.abort();
});

Deno.test("messages sent in one call stack are flushed at the end of the turn if the batch lasts longer", async () => {
  const opened = open();
  opened.connection.flushAt("batchEnd");
  void opened.connection.send("a");
  opened.connection.flushAt("turnEnd");
  assertEquals(sizes(opened), []);
  await turn();
  assertEquals(sizes(opened), [3]);
  opened.connection.abort();
});

Deno.test("messages sent in one call stack are flushed in the next microtask if the batch is finished", async () => {
  const opened = open();
  opened.connection.flushAt("batchEnd");
  void opened.connection.send("a");
  opened.connection.flushAt("microtask");
  assertEquals(sizes(opened), []);
  void opened.connection.send("b");
  await Promise.resolve();
  assertEquals(sizes(opened), [6]);
  opened.connection.abort();
});

Deno.test("messages beyond the high-water mark leave at once, however the batch is consumed", () => {
  for (const when of ["batchEnd", "turnEnd", "microtask"] as const) {
    const opened = open({ highWaterMark: 10 });
    opened.connection.flushAt(when);
    void opened.connection.send("0123456");
    assertEquals(sizes(opened), []);
    void opened.connection.send("");
    assertEquals(sizes(opened), [11]);
    opened.connection.abort();
  }
});

Deno.test("send returns no promise while less than the high-water mark is queued", async () => {
  const { connection } = open({ highWaterMark: 10 });
  const first = connection.send("a");
  assertStrictEquals(connection.send("b"), first);
  const full = connection.send("cdefg");
  assertNotStrictEquals(full, first);
  await full;
  connection.abort();
});

Deno.test("queued messages are not written after the end", async () => {
  for (const when of ["batchEnd", "turnEnd", "microtask"] as const) {
    const opened = open();
    opened.connection.flushAt(when);
    void opened.connection.ping(Uint8Array.of(1, 2)).catch(() => {});
    void opened.connection.send("a");
    opened.connection.abort();
    await turn();
    opened.connection.flush();
    assertEquals([sizes(opened), opened.connection.bufferedAmount], [[], 0]);
  }
});

Deno.test("while a write is under way the next batch collects", async () => {
  const opened = open({ capacity: 7 });
  const { connection, peer } = opened;
  void connection.send("first");
  await settle();
  void connection.send("second");
  await settle();
  void connection.ping("p").catch(() => {});
  await settle();
  assertEquals(sizes(opened).slice(0, 2), [7, 8], "the second write holds no more than was queued");
  await peer.expect(text("first"), text("second"), ping("p"));
  connection.abort();
});

Deno.test("buffers are reused, and never while their bytes are being written", async () => {
  const { connection, peer } = open({ capacity: 100 });
  const sent: string[] = [];
  for (let round = 0; round < 40; round++) {
    sent.push(`${round} ${"x".repeat(round * 3)}`);
    void connection.send(sent.at(-1)!);
    connection.flush();
    if (round % 3 === 0) await settle();
  }
  await peer.expect(...sent.map((message) => text(message)));
  connection.abort();
});

Deno.test("bufferedAmount counts headers and payloads until the transport has taken them", async () => {
  const { connection, peer } = open({ capacity: 4, highWaterMark: 1000 });
  void connection.send("Hello");
  assertEquals(connection.bufferedAmount, 7);
  void connection.send(counting(1000));
  assertEquals(connection.bufferedAmount, 7 + 1004);
  await settle();
  assertEquals(connection.bufferedAmount, 7 + 1004, "a write that is under way is not done");
  await peer.expect(text("Hello"), binary(counting(1000)));
  await settle();
  assertEquals(connection.bufferedAmount, 0);
  connection.abort();
});

Deno.test("it is full at the high-water mark, and reports once when there is room again", async () => {
  const { connection, peer } = open({ capacity: 100, highWaterMark: 1000 });
  let drains = 0;
  connection.ondrain = () => void drains++;
  const below = connection.send(counting(500));
  assertStrictEquals(connection.full, false);
  assertStrictEquals(connection.drained(), undefined);
  const sent = connection.send(counting(492));
  assertNotStrictEquals(sent, below);
  assertEquals([connection.bufferedAmount, connection.full], [1000, true]);
  const drained = connection.drained();
  assertStrictEquals(connection.drained(), drained);
  await settle();
  assertEquals(drains, 0);
  await peer.expect(binary(counting(500)), binary(counting(492)));
  await soon(Promise.all([drained, sent]), "The queue");
  await settle();
  assertEquals([drains, connection.full, connection.drained()], [1, false, undefined]);
  connection.abort();
});

Deno.test("it reports nothing about a queue that was never full", async () => {
  const { connection, peer } = open();
  let drains = 0;
  connection.ondrain = () => void drains++;
  void connection.send("Hello");
  await peer.expect(text("Hello"));
  await settle();
  assertEquals(drains, 0);
  connection.abort();
});

Deno.test("flushed resolves when all is written, and at once if nothing is queued", async () => {
  const { connection, peer } = open({ capacity: 3 });
  await connection.flushed();
  void connection.send("Hello");
  connection.flush();
  await peer.send(ping("p"));
  let done = false;
  const flushed = connection.flushed().then(() => done = true);
  await settle();
  assertEquals(done, false);
  await peer.expect(text("Hello"), pong("p"));
  await soon(flushed, "The flush");
  connection.abort();
});

Deno.test("F12, CVE-2026-11586: of the pongs owed while the transport is blocked, only the latest is sent", async () => {
  const { connection, peer } = open({ capacity: 3 });
  void connection.send("blocks");
  await settle();
  const blocked = connection.bufferedAmount;
  for (let i = 0; i < 100; i++) await peer.send(ping(`ping ${i}`));
  await settle();
  assertEquals(connection.bufferedAmount, blocked, "a flood of pings queues nothing");
  void connection.send("after");
  const received = [await peer.readFrame(), await peer.readFrame(), await peer.readFrame()];
  assertEquals(lines(received).toSorted(), lines([text("blocks"), pong("ping 99"), text("after")]).toSorted());
  connection.abort();
});

Deno.test("T5: messages beyond maxQueuedBytes disconnect the peer, with LimitError 1013, once", async () => {
  const { connection } = open({ capacity: 0, highWaterMark: 1000, maxQueuedBytes: 2000 });
  void connection.send(counting(900));
  const below = connection.send(counting(1500)); // it was below until now
  const drained = connection.drained();
  assertEquals(connection.readyState, 1);
  const tooMany = connection.send("one too many");
  const another = connection.send("and another");
  const { error, closeCode } = await closed(connection);
  assertInstanceOf(error, LimitError);
  assertEquals([error.limit, error.max, error.actual, error.closeCode], ["maxQueuedBytes", 2000, 2408, 1013]);
  assertEquals(closeCode, 1006, "no close frame can reach it");
  for (const late of [tooMany, drained!, below]) assertStrictEquals(await assertRejects(() => late), error);
  await assertRejects(() => another);
  assertEquals(connection.bufferedAmount, 0);
});

Deno.test("a failed write ends the connection once, with its cause, and ignored promises do no harm", async () => {
  const { connection, conn } = open({ capacity: 10, highWaterMark: 1000 });
  void connection.send(counting(2000)); // ignored: an unhandled rejection would fail this test
  const drained = connection.drained();
  void connection.flushed();
  await settle();
  conn.reset();
  const rejection = await assertRejects(() => drained!, ConnectionError);
  assertInstanceOf(rejection.cause, Deno.errors.ConnectionReset);
  assertStrictEquals((await closed(connection)).error, rejection);
});

Deno.test("after the end it accepts and writes nothing, and a pending write does no harm", async () => {
  const { connection, conn, peer } = open({ capacity: 3 });
  void connection.send("under way");
  await settle();
  connection.abort();
  for (const late of ["late", counting(2000)]) await assertRejects(() => connection.send(late));
  assertEquals(connection.bufferedAmount, 0);
  const before = conn.writes.length;
  await peer.readBytes(3).catch(() => {});
  await settle();
  assert(conn.writes.length - before <= 1, "only the rest of what was under way");
});

Deno.test("a received payload that is sent uncopied may be reused once it is written; then send resolves", async () => {
  const { connection, peer, conn } = open({ capacity: 100, highWaterMark: 1e6 });
  const payload = copyWithHeadroom(counting(MIN_BYTES_FOR_HEADROOM + 14).subarray(14));
  let taken = false;
  const sent = connection.send(payload).then(() => taken = true);
  await settle();
  assertEquals(taken, false);
  assertStrictEquals(conn.writes[0]!.buffer, payload.buffer);
  await peer.expect(binary(payload.slice()));
  await soon(sent, "The write");
  connection.abort();
});
