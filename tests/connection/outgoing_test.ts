import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, fail } from "@std/assert";
import type { Write } from "../../lib/connection/outgoing.ts";
import { copyWithHeadroom, MIN_BYTES_FOR_HEADROOM } from "../../lib/pipeline/bytes/headroom.ts";
import { frame, Opcode } from "../../lib/pipeline/frames/frame.ts";
import { assertBytes, counting } from "../_support/bytes.ts";
import { lines, utf8 } from "../_support/frames.ts";
import { binary, close, ping, pong, text } from "../_support/raw_peer.ts";
import { below, SEED, seeded } from "../_support/random.ts";
import { bytesOf, framesOf, outgoing, queue, sendAll, takeAll } from "./_outgoing.ts";

for (const role of ["server", "client"] as const) {
  Deno.test(`frames of a ${role} leave in the order in which they were queued, in one write`, () => {
    const under = outgoing({ role });
    const frames = [text("Hello"), binary(counting(200)), ping("p"), text(""), frame(Opcode.BINARY), close(1000)];
    queue(under, ...frames);
    const writes = takeAll(under);
    assertEquals(framesOf(writes, role), lines(frames));
    assertEquals(writes.length, 1);
    under.written(writes[0]!);
    assertEquals([under.queuedBytes, under.empty], [0, true]);
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
    "21 840 characters, the most that is encoded in place": "€".repeat(21_840),
    "21 841 characters": "€".repeat(21_841),
    "65 535 bytes": "x".repeat(65_535),
    "65 536 bytes": "x".repeat(65_536),
  };
  for (const [what, payload] of Object.entries(texts)) {
    Deno.test(`text of a ${role}: ${what}`, () => {
      const under = outgoing({ role, maxQueuedBytes: 1e6 });
      under.message(counting(3)); // so that the text does not begin the batch
      assertStrictEquals(under.message(payload), true);
      under.message("end");
      const { queuedBytes } = under;
      const writes = takeAll(under);
      assertEquals(framesOf(writes, role), lines([binary(counting(3)), text(payload), text("end")]));
      assertEquals(queuedBytes, bytesOf(writes).length);
    });
  }
}

Deno.test("the caller sets FIN and the reserved bits", () => {
  const under = outgoing();
  under.fragment(frame(Opcode.TEXT, utf8("a"), { fin: false, rsv: 0b100 }));
  under.fragment(frame(Opcode.CONTINUATION, utf8("b")));
  assertEquals(bytesOf(takeAll(under)), Uint8Array.of(0x41, 1, 0x61, 0x80, 1, 0x62));
});

Deno.test("every frame of a client has its own key", () => {
  let key = 0;
  const under = outgoing({ role: "client", maskKey: () => ++key });
  under.message(new Uint8Array(4));
  under.message("\0\0\0\0");
  const bytes = bytesOf(takeAll(under));
  assertEquals([...bytes.subarray(2, 10)], [0, 0, 0, 1, 0, 0, 0, 1]);
  assertEquals([...bytes.subarray(12, 20)], [0, 0, 0, 2, 0, 0, 0, 2]);
});

Deno.test("a server masks nothing and requests no key", () => {
  const under = outgoing({ maskKey: () => fail("A server asked for a masking key") });
  queue(under, text("a"), ping("p"));
  under.message("b");
  under.message(counting(2000));
  under.message(copyWithHeadroom(counting(MIN_BYTES_FOR_HEADROOM)));
  assertEquals(sendAll(under).length, 5);
});

Deno.test("a client masks a copy: the application's bytes do not change, however many", () => {
  const under = outgoing({ role: "client", maxQueuedBytes: 1e6 });
  for (const payload of [counting(20), counting(2000), copyWithHeadroom(counting(MIN_BYTES_FOR_HEADROOM))]) {
    const before = payload.slice();
    assertStrictEquals(under.message(payload), true);
    const writes = takeAll(under);
    assertEquals(framesOf(writes, "client"), lines([binary(before)]));
    assertBytes(payload, before);
    assert(writes.every(({ bytes, batch }) => bytes.buffer !== payload.buffer && batch !== undefined));
  }
});

for (const role of ["server", "client"] as const) {
  Deno.test(`a long text of a ${role} is encoded once and written from there`, () => {
    const under = outgoing({ role, maxQueuedBytes: 1e6 });
    const long = "é".repeat(40_000);
    assertStrictEquals(under.message(long), true);
    under.message("end");
    const writes = takeAll(under);
    assertEquals(framesOf(writes, role), lines([text(long), text("end")]));
    assertEquals(writes.map(({ batch }) => batch === undefined), [false, true, false]);
  });
}

Deno.test("a server writes a payload of highWaterMark bytes or more without copying it, and copies smaller ones", () => {
  const under = outgoing();
  const [small, large] = [counting(999), counting(1000, 1)];
  for (const payload of [small, large, small]) assertStrictEquals(under.message(payload), true);
  const writes = takeAll(under);
  assertEquals(framesOf(writes), lines([binary(small), binary(large), binary(small)]));
  assertEquals(writes.map(({ bytes }) => bytes.buffer === large.buffer), [false, true, false]);
  assertEquals(writes.map(({ batch }) => batch === undefined), [false, true, false]);
  assert(writes.every(({ bytes }) => bytes.buffer !== small.buffer));
  assertEquals(writes.map(({ length }) => length), [4 + 999 + 4, 1000, 4 + 999]);
});

Deno.test("a large received message is written with its header in front, uncopied, and the sender waits for that write", () => {
  const under = outgoing({ highWaterMark: 1e6, maxQueuedBytes: 1e6 });
  // As much room as was in front of the original: its header was longer.
  const payload = copyWithHeadroom(counting(MIN_BYTES_FOR_HEADROOM + 14).subarray(14));
  under.message("before");
  const queued = under.message(payload);
  under.message("after");
  assertEquals(under.queuedBytes, 8 + 4 + MIN_BYTES_FOR_HEADROOM + 7);
  const writes = takeAll(under);
  assertEquals(framesOf(writes), lines([text("before"), binary(payload), text("after")]));
  assertStrictEquals(writes[1], queued);
  assertEquals(writes.map(({ length }) => length), [8, 4 + MIN_BYTES_FOR_HEADROOM, 7]);
  assertStrictEquals(writes[1]!.bytes.buffer, payload.buffer);
  assertEquals(writes.map(({ batch }) => batch === undefined), [false, true, false]);
  for (const write of writes) under.written(write);
  assertEquals(under.queuedBytes, 0);
});

Deno.test("a fragment is copied even if there is room for a header in front: another connection may send it as a message", () => {
  const [first, second] = [1, 2].map(() => outgoing({ highWaterMark: 100_000, maxQueuedBytes: 1e6 }));
  const original = counting(MIN_BYTES_FOR_HEADROOM + 14, 1).subarray(14);
  const payload = copyWithHeadroom(original);
  first!.message(payload);
  second!.fragment(frame(Opcode.BINARY, payload, { fin: false }));
  assertEquals(sendAll(first!), lines([binary(original)]));
  assertEquals(sendAll(second!), lines([frame(Opcode.BINARY, original, { fin: false })]));
});

Deno.test("while a write is under way the next batch collects", () => {
  const under = outgoing();
  under.message("first");
  const first = under.take()!;
  under.message("second");
  const second = under.take()!;
  queue(under, ping("p"));
  assertEquals([first, second].map((write) => framesOf([write])), [lines([text("first")]), lines([text("second")])]);
  assertNotStrictEquals(first.batch, second.batch);
  under.written(first);
  assertEquals(framesOf([second]), lines([text("second")]));
  assertEquals(sendAll(under), lines([ping("p")]));
  under.written(second);
  assertEquals([under.queuedBytes, under.take()], [0, undefined]);
});

Deno.test("batches larger than the first buffer, and larger than any buffer, keep their order", () => {
  for (const role of ["server", "client"] as const) {
    const under = outgoing({ role, highWaterMark: 1e6, maxQueuedBytes: 1e6 });
    const frames = [3000, 3000, 60_000, 10, 70_000, 3, 65_000, 1, 90_000].map((size, i) => binary(counting(size, i)));
    queue(under, ...frames);
    assertEquals(sendAll(under, role), lines(frames));
  }
});

Deno.test("buffers are reused, and never while their bytes are being written", () => {
  const random = seeded();
  const under = outgoing();
  const buffers = new Set<ArrayBufferLike>();
  const onTheWay: { write: Write; expected: string[] }[] = [];
  const finish = () => {
    const [{ write, expected }] = onTheWay.splice(below(random, onTheWay.length), 1) as [typeof onTheWay[number]];
    assertEquals(framesOf([write]), expected, `SEED=${SEED}`);
    under.written(write);
  };
  for (let round = 0; round < 200; round++) {
    const sent = text(`${round} ${"x".repeat(round * 3)}`);
    queue(under, sent);
    const write = under.take()!;
    buffers.add(write.bytes.buffer);
    onTheWay.push({ write, expected: lines([sent]) });
    if (onTheWay.length > 5) finish();
  }
  while (onTheWay.length > 0) finish();
  assert(buffers.size < 100, `${buffers.size} buffers`);
  assertEquals(under.queuedBytes, 0);
});

Deno.test("queuedBytes counts headers and payloads until they are written", () => {
  const under = outgoing();
  under.message("Hello");
  assertEquals(under.queuedBytes, 7);
  under.message(counting(1000));
  assertEquals(under.queuedBytes, 7 + 1004);
  const writes = takeAll(under);
  assertEquals(under.queuedBytes, 7 + 1004, "a write that is under way is not done");
  under.written(writes[0]!);
  assertEquals(under.queuedBytes, 1000);
  under.written(writes[1]!);
  assertEquals(under.queuedBytes, 0);
});

Deno.test("it is full at the high-water mark, and not below it", () => {
  const under = outgoing();
  under.message(counting(500));
  under.message(counting(491));
  assertEquals([under.queuedBytes, under.full], [999, false]);
  queue(under, frame(Opcode.PING));
  assertEquals(under.full, true);
  const write = under.take()!;
  assertEquals(under.full, true);
  under.written(write);
  assertEquals(under.full, false);
  under.message(counting(492));
  under.message(counting(500));
  assertEquals([under.queuedBytes, under.full], [1000, true]);
});

Deno.test("F12, CVE-2026-11586: of the pongs owed during a write, only the latest is sent", () => {
  const under = outgoing();
  under.message("blocks");
  const blocking = under.take()!;
  const blocked = under.queuedBytes;
  for (let i = 0; i < 1000; i++) under.owePong(utf8(`ping ${i}`), true);
  assertEquals([under.queuedBytes, under.empty], [blocked, false], "a flood of pings queues nothing");
  under.message("after");
  const sent = [...framesOf([blocking]), ...sendAll(under)];
  assertEquals(sent.toSorted(), lines([text("blocks"), pong("ping 999"), text("after")]).toSorted());
});

Deno.test("F12: a pong also waits while the queue is full, and a queued pong answers the earlier pings", () => {
  const under = outgoing({ highWaterMark: 10 });
  under.message("0123456789");
  for (const payload of ["a", "b"]) under.owePong(utf8(payload), false);
  assertEquals(under.queuedBytes, 12);
  under.owePong(utf8("c"), true);
  const writes = takeAll(under);
  assertEquals(framesOf(writes), lines([text("0123456789"), pong("c")]));
  for (const write of writes) under.written(write);
  under.owePong(utf8("d"), true);
  assertEquals([under.queuedBytes, under.empty], [0, false]);
  under.owePong(utf8("e"), false);
  assertEquals(sendAll(under), lines([pong("e")]));
  assertEquals(under.empty, true);
});

Deno.test("a pong is a copy however low the high-water mark is, because its ping's bytes may change", () => {
  for (const highWaterMark of [1000, 1]) {
    for (const writing of [false, true]) {
      const under = outgoing({ highWaterMark });
      const payload = utf8("ping");
      under.owePong(payload, writing);
      payload.fill(0);
      assertEquals(sendAll(under), lines([pong("ping")]));
    }
  }
});

Deno.test("T5: messages beyond maxQueuedBytes are refused", () => {
  const under = outgoing({ maxQueuedBytes: 2000 });
  assertStrictEquals(under.message(counting(900)), true);
  assertStrictEquals(under.message(counting(1500)), true, "it was below until now");
  assertEquals([under.queuedBytes, under.closed], [2408, true]);
  assertStrictEquals(under.message("one too many"), false);
  assertStrictEquals(under.message(counting(1)), false);
  assertStrictEquals(under.message(copyWithHeadroom(counting(MIN_BYTES_FOR_HEADROOM + 14).subarray(14))), false);
  assertStrictEquals(under.fragment(text("and a fragment")), false);
  assertStrictEquals(under.frame(ping("p")), false);
  assertStrictEquals(under.shared(Uint8Array.of(0x81, 0)), false);
  assertEquals(under.queuedBytes, 2408);
  const writes = takeAll(under);
  assertEquals(framesOf(writes), lines([binary(counting(900)), binary(counting(1500))]));
  for (const write of writes) under.written(write);
  assertStrictEquals(under.message("again"), true);
});

Deno.test("T5: it closes at exactly maxQueuedBytes, and not one byte below", () => {
  for (const [size, closed] of [[1995, false], [1996, true]] as const) {
    const under = outgoing({ maxQueuedBytes: 2000 });
    under.message(counting(size));
    assertEquals([under.queuedBytes, under.closed], [size + 4, closed]);
    assertStrictEquals(under.message(""), !closed);
  }
});

Deno.test("maxQueuedBytes never refuses the pong and the close frame, which are bounded anyway", () => {
  const under = outgoing({ maxQueuedBytes: 2000 });
  under.message(counting(5000));
  under.owePong(utf8("p"), true);
  assertStrictEquals(under.frame(close(1000)), true);
  assertEquals(sendAll(under), lines([binary(counting(5000)), pong("p"), close(1000)]));
});

Deno.test("nothing follows a close frame, not even a pong (§5.5.1)", () => {
  for (const writing of [false, true]) {
    const under = outgoing();
    under.owePong(utf8("p"), writing);
    under.frame(close(1000));
    assertEquals(sendAll(under), lines([pong("p"), close(1000)]));
    assertEquals([under.empty, under.take()], [true, undefined]);
  }
});

Deno.test("after the end it accepts and returns nothing, and a pending write does no harm", () => {
  const under = outgoing();
  under.message("under way");
  const write = under.take()!;
  under.message("dropped");
  under.message(counting(2000));
  under.shared(Uint8Array.of(0x81, 0));
  under.owePong(utf8("dropped"), true);
  const dropped = under.end();
  assertEquals(framesOf(dropped), lines([text("dropped"), binary(counting(2000))]), "what waits uncopied is among it");
  assertEquals(under.end(), []);
  assertEquals([under.closed, under.empty, under.full, under.queuedBytes], [true, true, false, 0]);
  assertEquals([under.message("late"), under.message(counting(2000)), under.frame(close(1000))], [false, false, false]);
  assertStrictEquals(under.shared(Uint8Array.of(0x81, 0)), false);
  under.owePong(utf8("late"), false);
  under.owePong(utf8("late"), true);
  assertEquals([under.empty, under.take()], [true, undefined]);
  under.written(write);
  assertEquals(under.queuedBytes, 0);
});

Deno.test("an empty queue returns nothing", () => {
  const under = outgoing();
  assertEquals([under.empty, under.full, under.closed, under.take(), under.end()], [true, false, false, undefined, []]);
});
