/** What is encoded outside the queue: frames of another framing, of extensions, and those that many connections write. */
import { assert, assertEquals, assertStrictEquals, fail } from "@std/assert";
import { openExtensions } from "../../lib/extensions/negotiation.ts";
import { type Frame, frame, Opcode } from "../../lib/pipeline/frames/frame.ts";
import type { Framing } from "../../lib/pipeline/frames/framing.ts";
import { concat, counting } from "../_support/bytes.ts";
import { lines, utf8 } from "../_support/frames.ts";
import { binary, close, pong, text } from "../_support/raw_peer.ts";
import { runStage } from "../_support/stages.ts";
import { flip } from "../_support/toy_extensions.ts";
import { bytesOf, framesOf, outgoing, queue, sendAll, takeAll } from "./_outgoing.ts";

/** A framing in which text ends in 0xff, bytes are as they are, and two bytes are the end. */
const FRAMING: Framing = {
  hasCloseFrame: true,
  createParser: () => fail(),
  serialize({ opcode, payload }) {
    if (opcode === Opcode.CLOSE) return Uint8Array.of(0xff, 0x00);
    return opcode === Opcode.TEXT ? Uint8Array.of(0x00, ...payload, 0xff) : payload;
  },
};

for (const role of ["server", "client"] as const) {
  Deno.test(`bytes of another framing of a ${role} leave in order, and uncopied if they are many`, () => {
    const under = outgoing({ role, framing: FRAMING });
    const [small, large] = [counting(999), counting(1000)];
    under.message("a");
    under.message(large);
    under.fragment(text("b"));
    under.message(small);
    under.frame(close(1000));
    assertEquals(under.queuedBytes, 3 + 1000 + 3 + 999 + 2);
    const writes = takeAll(under);
    assertEquals(
      bytesOf(writes),
      concat(
        [[0x00, 0x61, 0xff], large, [0x00, 0x62, 0xff], small, [0xff, 0x00]].map((bytes) => Uint8Array.from(bytes)),
      ),
    );
    assertEquals(writes.map(({ bytes }) => bytes.buffer === large.buffer), [false, true, false]);
    for (const write of writes) under.written(write);
    assertEquals(under.queuedBytes, 0);
  });
}

Deno.test("bytes of another framing are limited by maxQueuedBytes too, except for the last", () => {
  const under = outgoing({ framing: FRAMING });
  assertStrictEquals(under.message(new Uint8Array(10_000)), true);
  assertStrictEquals(under.frame(close(1000)), true);
  assertEquals(under.queuedBytes, 10_002);
  assertStrictEquals(under.message(new Uint8Array(1)), false);
  under.end();
  assertStrictEquals(under.frame(close(1000)), false);
  assertStrictEquals(under.message(new Uint8Array(1)), false);
  assertEquals([under.queuedBytes, under.empty], [0, true]);
});

Deno.test("messages and fragments pass through the extensions, and ready-made frames do not", () => {
  const chain = openExtensions([flip().confirm([])], {
    role: "server",
    maxMessageBytes: 1e6,
    now: () => 0,
    send: () => fail(),
  });
  assert(chain);
  const under = outgoing({ chain });
  under.message(Uint8Array.of(1, 2));
  under.message("a");
  under.fragment(frame(Opcode.BINARY, Uint8Array.of(3), { fin: false }));
  queue(under, binary(Uint8Array.of(4)));
  const expected: Frame[] = [];
  chain.encode.push([
    binary(Uint8Array.of(1, 2)),
    text("a"),
    frame(Opcode.BINARY, Uint8Array.of(3), { fin: false }),
  ], expected);
  const bytes = outgoing();
  queue(bytes, ...expected, binary(Uint8Array.of(4)));
  assertEquals(bytesOf(takeAll(under)), bytesOf(takeAll(bytes)));
});

/** A server's frame as bytes. */
const encoded = (payload: string) => Uint8Array.of(0x81, payload.length, ...utf8(payload));

Deno.test("A7: shared frames are not copied for each queue: one is written as it is, several as bytes that all queues share", () => {
  const [one, other] = [outgoing(), outgoing()];
  const [a, b, c] = [encoded("a"), encoded("b"), encoded("c")];
  const first = [one, other].map((under) => {
    under.shared(a);
    return under.take()!;
  });
  for (const frame of [b, c]) for (const under of [one, other]) under.shared(frame);
  assertEquals([one.queuedBytes, other.queuedBytes], [9, 9]);
  const second = [one, other].map((under) => takeAll(under));
  assertEquals(framesOf([first[0]!, ...second[0]!]), lines([text("a"), text("b"), text("c")]));
  assertEquals(second.map((writes) => writes.map(({ length }) => length)), [[6], [6]]);
  for (const write of first) assertStrictEquals(write.bytes, a);
  assertStrictEquals(second[0]![0]!.bytes, second[1]![0]!.bytes);
  for (const [i, under] of [one, other].entries()) {
    for (const write of [first[i]!, ...second[i]!]) under.written(write);
    assertEquals(under.queuedBytes, 0);
  }
});

Deno.test("shared frames keep their order among all others", () => {
  const under = outgoing();
  under.message("1");
  under.shared(encoded("2"));
  const first = under.take()!;
  under.shared(encoded("3"));
  under.shared(encoded("4"));
  under.message(counting(2000));
  under.shared(encoded("5"));
  queue(under, text("6"));
  under.shared(encoded("7"));
  under.owePong(utf8("8"), true);
  under.frame(close(1000));
  const { queuedBytes } = under;
  const writes = [first, ...takeAll(under)];
  assertEquals(
    framesOf(writes),
    lines([
      text("1"),
      text("2"),
      text("3"),
      text("4"),
      binary(counting(2000)),
      text("5"),
      text("6"),
      text("7"),
      pong("8"),
      close(1000),
    ]),
  );
  assertEquals(first.length, 6);
  assertEquals(bytesOf(writes).length, queuedBytes);
  for (const write of writes) under.written(write);
  assertEquals(under.queuedBytes, 0);
});

Deno.test("a run of shared frames is bounded, and so is the queue", () => {
  const first = outgoing({ highWaterMark: 1e6, maxQueuedBytes: 100_000 });
  const frame = encoded("x".repeat(125));
  const queued = Array.from({ length: 1_000 }, () => first.shared(frame));
  assertEquals(queued.filter((taken) => taken).length, Math.ceil(100_000 / frame.length));
  assertEquals([first.closed, queued.at(-1)], [true, false]);

  const other = outgoing({ highWaterMark: 1e6, maxQueuedBytes: 1e6 });
  for (let i = 0; i < 1_000; i++) other.shared(frame);
  const most = Math.floor(64 * 1024 / frame.length) * frame.length;
  assertEquals(takeAll(other).map(({ length }) => length), [most, 127_000 - most]);
});

Deno.test("A7: a server's plain messages have the same bytes on every connection; a client masks each, and a draft frames its own", () => {
  const [one, other] = [outgoing(), outgoing()];
  assertStrictEquals(one.encoding, "");
  assertEquals(one.encode("héllo"), other.encode("héllo"));
  assertEquals([...one.encode(Uint8Array.of(1, 2))], [0x82, 2, 1, 2]);
  const large = one.encode(new Uint8Array(100_000));
  assertEquals([large.length, ...large.subarray(0, 10)], [100_010, 0x82, 127, 0, 0, 0, 0, 0, 1, 0x86, 0xa0]);
  assertEquals([one.queuedBytes, one.empty], [0, true]);
  assertStrictEquals(outgoing({ role: "client" }).encoding, undefined);
  assertStrictEquals(outgoing({ framing: FRAMING }).encoding, undefined);
});

Deno.test("as a stage it gives the bytes of each batch, which never change, and a large payload uncopied", () => {
  const under = outgoing({ highWaterMark: 1000 });
  const large = counting(1000);
  const batches = [["a", "b"], [], [large, "c"], Array.from({ length: 30 }, (_, i) => counting(700, i)), ["d"]];
  const { output, error } = runStage(under, batches);
  assertStrictEquals(error, undefined);
  const frames = batches.flat().map((data) => typeof data === "string" ? text(data) : binary(data));
  const expected = outgoing({ highWaterMark: 1e6, maxQueuedBytes: 1e6 });
  queue(expected, ...frames);
  assertEquals(concat(output), bytesOf(takeAll(expected)));
  assertEquals(output.slice(0, 4).map(({ length }) => length), [6, 4, 1000, 3]);
  assertStrictEquals(output[2]!.buffer, large.buffer);
  assertEquals(sendAll(under), []);
});
