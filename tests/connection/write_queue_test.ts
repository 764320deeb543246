import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { LimitError } from "../../lib/errors.ts";
import { copyWithHeadroom, MIN_BYTES_FOR_HEADROOM } from "../../lib/pipeline/bytes/headroom.ts";
import { type Frame, frame, Opcode } from "../../lib/pipeline/frames/frame.ts";
import { counting } from "../_support/bytes.ts";
import { lines, utf8 } from "../_support/frames.ts";
import { binary, close, ping, pong, text } from "../_support/raw_peer.ts";
import { settle, soon } from "../_support/wait.ts";
import { KEY, setup } from "./_write_queue.ts";

for (const sender of ["server", "client"] as const) {
  const options = sender === "client" ? { maskKey: () => KEY } : {};

  Deno.test(`frames of a ${sender} leave in the order in which they were queued, in one write`, async () => {
    const { queue, conn, peer } = setup(options);
    const frames = [text("Hello"), binary(counting(200)), ping("p"), text(""), frame(Opcode.BINARY), close(1000)];
    for (const { opcode, payload } of frames) queue.append(opcode, payload);
    assertEquals(conn.writes.length, 0, "nothing is written before the flush");
    queue.flush();
    await peer.expect(...frames);
    assertEquals(conn.writes.length, 1);
    assertEquals(queue.queuedBytes, 0);
  });

  const texts = {
    "nothing": "",
    "ASCII": "Hello",
    "ASCII of 64 characters": "x".repeat(64),
    "ASCII of 65 characters": "x".repeat(65),
    "125 bytes": "x".repeat(125),
    "126 bytes": "x".repeat(126),
    "125 characters that need a longer header than they seem to": "é".repeat(125),
    "42 characters of 126 bytes": "€".repeat(42),
    "ASCII and then other characters": "x".repeat(40) + "é𐍈€",
    "a lone surrogate, as U+FFFD": "a\ud800b",
    "21 836 characters, the most that is encoded in place": "€".repeat(21_836),
    "21 837 characters": "€".repeat(21_837),
    "65 535 bytes": "x".repeat(65_535),
    "65 536 bytes": "x".repeat(65_536),
  };
  for (const [what, payload] of Object.entries(texts)) {
    Deno.test(`text of a ${sender}: ${what}`, async () => {
      const { queue, peer } = setup({ ...options, maxQueuedBytes: 1e6, capacity: 1e6 });
      queue.append(Opcode.BINARY, counting(3)); // so that the text does not begin the batch
      queue.appendText(payload);
      queue.appendText("end");
      queue.flush();
      const received: Frame[] = [];
      for (let i = 0; i < 3; i++) received.push(await peer.readFrame());
      assertEquals(lines(received), lines([binary(counting(3)), text(payload), text("end")]));
    });
  }
}

Deno.test("FIN and the reserved bits are the caller's", async () => {
  const { queue, peer } = setup();
  queue.append(Opcode.TEXT, utf8("a"), { fin: false, rsv: 0b100 });
  queue.append(Opcode.CONTINUATION, utf8("b"));
  queue.flush();
  assertEquals(await peer.readBytes(6), Uint8Array.of(0x41, 1, 0x61, 0x80, 1, 0x62));
});

Deno.test("every frame of a client has a key of its own", async () => {
  let key = 0;
  const { queue, peer } = setup({ maskKey: () => ++key });
  queue.append(Opcode.BINARY, new Uint8Array(4));
  queue.appendText("\0\0\0\0");
  queue.flush();
  const bytes = await peer.readBytes(20);
  assertEquals([...bytes.subarray(2, 10)], [0, 0, 0, 1, 0, 0, 0, 1]);
  assertEquals([...bytes.subarray(12, 20)], [0, 0, 0, 2, 0, 0, 0, 2]);
});

Deno.test("a client masks a copy: the application's bytes stay as they are, however many", async () => {
  const { queue, peer, conn } = setup({ maskKey: () => KEY, capacity: 10_000 });
  const payload = counting(2000);
  queue.append(Opcode.BINARY, payload);
  queue.flush();
  await peer.expect(binary(counting(2000)));
  assertEquals(payload, counting(2000));
  assert(conn.writes.every((bytes) => bytes.buffer !== payload.buffer));
});

Deno.test("a server writes a payload of highWaterMark bytes or more from where it lies, and copies smaller ones", async () => {
  const { queue, peer, conn } = setup({ capacity: 10_000 });
  const [small, large] = [counting(999), counting(1000, 1)];
  queue.append(Opcode.BINARY, small);
  queue.append(Opcode.BINARY, large);
  queue.append(Opcode.BINARY, small);
  queue.flush();
  await peer.expect(binary(small), binary(large), binary(small));
  assertEquals(conn.writes.map((bytes) => bytes.buffer === large.buffer), [false, true, false]);
  assert(conn.writes.every((bytes) => bytes.buffer !== small.buffer));
  assertEquals(conn.writes.map(({ length }) => length), [4 + 999 + 4, 1000, 4 + 999]);
});

Deno.test("while a write is under way the next batch collects", async () => {
  const { queue, peer, conn } = setup({ capacity: 7 });
  queue.appendText("first");
  queue.flush();
  await settle();
  queue.appendText("second");
  queue.flush();
  await settle();
  queue.append(Opcode.PING, utf8("p"));
  queue.flush();
  await settle();
  assertEquals(conn.writes.length, 2, "the second write holds no more than fits");
  await peer.expect(text("first"), text("second"), ping("p"));
});

Deno.test("batches larger than the first buffer, and than any buffer, keep their order", async () => {
  const { queue, peer } = setup({ capacity: 1e6, highWaterMark: 1e6, maxQueuedBytes: 1e6 });
  const frames = [3000, 3000, 60_000, 10, 70_000, 3, 65_000, 1, 90_000].map((size, i) => binary(counting(size, i)));
  for (const { opcode, payload } of frames) queue.append(opcode, payload);
  queue.flush();
  await peer.expect(...frames);
});

Deno.test("buffers are used again, and never while their bytes are on the way", async () => {
  const { queue, peer } = setup({ capacity: 100 });
  const sent: Frame[] = [];
  for (let round = 0; round < 40; round++) {
    sent.push(text(`${round} ${"x".repeat(round * 3)}`));
    queue.append(Opcode.TEXT, sent.at(-1)!.payload);
    queue.flush();
    if (round % 3 === 0) await settle();
  }
  await peer.expect(...sent);
});

Deno.test("queuedBytes counts headers and payloads until the transport has taken them", async () => {
  const { queue, peer } = setup({ capacity: 4 });
  queue.appendText("Hello");
  assertEquals(queue.queuedBytes, 7);
  queue.append(Opcode.BINARY, counting(1000));
  assertEquals(queue.queuedBytes, 7 + 1004);
  queue.flush();
  await settle();
  assertEquals(queue.queuedBytes, 7 + 1004, "a write that is under way is not done");
  await peer.expect(text("Hello"), binary(counting(1000)));
  await settle();
  assertEquals(queue.queuedBytes, 0);
});

Deno.test("it is full at the high-water mark, and says once when it is not any more", async () => {
  const { queue, peer, events } = setup({ capacity: 100 });
  queue.append(Opcode.BINARY, counting(500));
  assertEquals(queue.full, false);
  queue.append(Opcode.BINARY, counting(492));
  assertEquals([queue.queuedBytes, queue.full], [1000, true]);
  const drained = queue.drained();
  assertStrictEquals(queue.drained(), drained);
  queue.flush();
  await settle();
  assertEquals(events, []);
  await peer.expect(binary(counting(500)), binary(counting(492)));
  await soon(drained, "The queue");
  await settle();
  assertEquals([events, queue.full], [["drained"], false]);
});

Deno.test("it says nothing of a queue that was never full", async () => {
  const { queue, peer, events } = setup();
  queue.appendText("Hello");
  queue.flush();
  await peer.expect(text("Hello"));
  await settle();
  assertEquals(events, []);
});

Deno.test("flushed resolves when all is written, at once where nothing is queued", async () => {
  const { queue, peer } = setup({ capacity: 3 });
  await queue.flushed();
  queue.appendText("Hello");
  queue.owePong(utf8("p"));
  let done = false;
  const flushed = queue.flushed().then(() => done = true);
  await settle();
  assertEquals(done, false);
  await peer.expect(text("Hello"), pong("p"));
  await soon(flushed, "The flush");
});

Deno.test("F12, CVE-2026-11586: of the pongs owed while the transport is blocked, the latest is sent", async () => {
  const { queue, peer } = setup({ capacity: 3 });
  queue.appendText("blocks");
  queue.flush();
  await settle();
  const blocked = queue.queuedBytes;
  for (let i = 0; i < 1000; i++) {
    queue.owePong(utf8(`ping ${i}`));
    queue.flush();
  }
  assertEquals(queue.queuedBytes, blocked, "a flood of pings queues nothing");
  queue.appendText("after");
  const received = [await peer.readFrame(), await peer.readFrame(), await peer.readFrame()];
  assertEquals(lines(received).toSorted(), lines([text("blocks"), pong("ping 999"), text("after")]).toSorted());
});

Deno.test("a pong owed is a copy, however low the high-water mark is: its ping's bytes may change", async () => {
  for (const highWaterMark of [1000, 1]) {
    const { queue, peer } = setup({ highWaterMark });
    const payload = utf8("ping");
    queue.owePong(payload);
    payload.fill(0);
    queue.flush();
    await peer.expect(pong("ping"));
  }
});

Deno.test("T5: what is queued on top of maxQueuedBytes is refused, with LimitError 1013, once", async () => {
  const { queue, events } = setup({ capacity: 0, maxQueuedBytes: 2000 });
  queue.append(Opcode.BINARY, counting(900));
  queue.append(Opcode.BINARY, counting(1500)); // it was below until now
  queue.flush();
  const drained = queue.drained();
  assertEquals(events, []);
  queue.appendText("one too many");
  queue.appendText("and another");
  queue.append(Opcode.BINARY, counting(1));
  assertEquals(events.length, 1);
  const [error] = events;
  assertInstanceOf(error, LimitError);
  assertEquals([error.limit, error.max, error.actual, error.closeCode], ["maxQueuedBytes", 2000, 2408, 1013]);
  assertStrictEquals(await assertRejects(() => drained), error);
  assertEquals(queue.queuedBytes, 0);
});

Deno.test("maxQueuedBytes is no reason to refuse the pong and the close frame, which are bounded anyway", async () => {
  const { queue, peer, events } = setup({ capacity: 1000, maxQueuedBytes: 2000 });
  queue.append(Opcode.BINARY, counting(5000));
  queue.owePong(utf8("p"));
  queue.append(Opcode.CLOSE, close(1000).payload);
  queue.flush();
  const received = [await peer.readFrame(), await peer.readFrame(), await peer.readFrame()];
  assertEquals(received.map(({ opcode }) => opcode).toSorted(), [Opcode.BINARY, Opcode.CLOSE, Opcode.PONG].toSorted());
  assertEquals(events.filter((event) => event instanceof Error), []);
});

Deno.test("nothing follows a close frame, a pong neither (§5.5.1)", async () => {
  const { queue, peer } = setup();
  queue.owePong(utf8("p"));
  queue.append(Opcode.CLOSE, close(1000).payload);
  queue.flush();
  await peer.expect(pong("p"), close(1000));
});

Deno.test("a write that fails is told once, and nobody waits for ever or has to", async () => {
  const { queue, conn, events } = setup({ capacity: 10 });
  queue.append(Opcode.BINARY, counting(2000));
  const drained = queue.drained();
  void queue.flushed(); // ignored: an unhandled rejection would fail this test
  queue.flush();
  await settle();
  conn.reset();
  await assertRejects(() => drained, Deno.errors.ConnectionReset);
  await settle();
  assertEquals(events.length, 1);
  assertInstanceOf(events[0], Deno.errors.ConnectionReset);
});

Deno.test("after the end it takes nothing and writes nothing, and what was under way does no harm", async () => {
  const { queue, conn, peer, events } = setup({ capacity: 3 });
  queue.appendText("under way");
  queue.flush();
  await settle();
  const error = new Error("ended");
  queue.end(error);
  queue.end(new Error("again"));
  queue.appendText("late");
  queue.append(Opcode.BINARY, counting(2000));
  queue.owePong(utf8("late"));
  queue.flush();
  assertEquals(queue.queuedBytes, 0);
  const before = conn.writes.length;
  await peer.readBytes(3);
  await settle();
  assert(conn.writes.length - before <= 1, "only the rest of what was under way");
  assertEquals(events, []);
});

Deno.test("a fragment is copied even where there is room for a header in front of it: another connection may send it as a message", async () => {
  const [first, second] = [setup({ highWaterMark: 100_000 }), setup({ highWaterMark: 100_000 })];
  const payload = copyWithHeadroom(counting(MIN_BYTES_FOR_HEADROOM));
  first.queue.append(Opcode.BINARY, payload);
  second.queue.append(Opcode.BINARY, payload, { fin: false });
  for (const { queue } of [first, second]) queue.flush();
  await first.peer.expect(binary(counting(MIN_BYTES_FOR_HEADROOM)));
  await second.peer.expect(frame(Opcode.BINARY, counting(MIN_BYTES_FOR_HEADROOM), { fin: false }));
});
