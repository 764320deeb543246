import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLessOrEqual,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { ConnectionError, LimitError, ProtocolError } from "../../lib/errors.ts";
import { openExtensions } from "../../lib/extensions/negotiation.ts";
import { permessageDeflate } from "../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { resolveLimits } from "../../lib/limits.ts";
import { Intake } from "../../lib/connection/intake.ts";
import { frame, Opcode, Rsv } from "../../lib/pipeline/frames/frame.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { MessagePart } from "../../lib/pipeline/messages/message_splitter.ts";
import { wire } from "../_support/frames.ts";
import { seeded } from "../_support/random.ts";
import { deflated } from "../extensions/permessage_deflate/_support.ts";

/** An intake of a client. */
function intake(highWaterMark = 300, deflate = false): Intake {
  const limits = resolveLimits({ highWaterMark });
  const context = { role: "client", maxMessageBytes: limits.maxMessageBytes, now: () => 0, send: () => {} } as const;
  return new Intake({
    role: "client",
    limits,
    chain: deflate ? openExtensions([permessageDeflate().confirm([])], context) : undefined,
    framing: undefined,
    lends: false,
    control: () => {},
    late: () => {},
    rested: () => {},
  });
}

/** Takes bytes in, and says what was wrong. */
const receive = (under: Intake, bytes: Uint8Array<ArrayBuffer>, wanted = true): unknown =>
  under.receive(bytes, bytes.length, { wanted });

const bytes = (...values: number[]) => Uint8Array.from(values);
/** A message of three bytes, five on the wire. */
const ABC = [0x81, 3, 0x61, 0x62, 0x63];

Deno.test("messages wait as the batches in which they came, counted in bytes of memory, what is empty included", () => {
  const under = intake(200);
  assertEquals([under.idle, under.awaited, under.full], [true, false, false]);
  assertStrictEquals(receive(under, bytes(...ABC, 0x81)), undefined);
  assertEquals([under.idle, under.full], [false, false]);
  receive(under, bytes(...ABC.slice(1)));
  assertEquals(under.full, true);
  assertEquals([under.take(), under.take()], [["abc"], ["abc"]]);
  receive(under, bytes(0x81, 0, 0x81, 0, 0x81, 0));
  assertEquals(under.full, true);
});

Deno.test("what nobody wants any more does not wait, and what is wrong is told all the same", () => {
  const under = intake();
  assertInstanceOf(receive(under, bytes(...ABC, 0x83, 0), false), ProtocolError);
  assertEquals(under.idle, true);
});

Deno.test("from stream() on parts wait, the messages that waited each as one", () => {
  const under = intake();
  receive(under, bytes(...ABC, 0x81, 0));
  receive(under, bytes(0x02, 5, 1, 2));
  assertStrictEquals(under.stream(), undefined);
  assertStrictEquals(under.stream(), undefined);
  assertEquals(under.full, true, "two messages and a part");
  assertEquals(under.takeParts(), [
    { data: "abc", first: true, last: true },
    { data: "", first: true, last: true },
  ]);
  assertEquals(under.takeParts(), [{ data: bytes(1, 2), first: true, last: false }]);
  assertThrows(() => under.receiver.end(), ConnectionError);
  under.end(undefined);
  assertStrictEquals(under.takeParts(), undefined);
});

Deno.test("parts that were inflated count as many bytes as they are", () => {
  const under = intake(1000, true);
  under.stream();
  const payload = deflated(new Uint8Array(1000));
  const sent = wire([frame(Opcode.BINARY, payload, { rsv: Rsv.RSV1 })], "server", seeded());
  receive(under, sent);
  assertEquals(sent.length < 100, true);
  assertEquals(under.full, true);
  const parts = under.takeParts();
  assertEquals(Array.isArray(parts) && parts.reduce((sum, { data }) => sum + data.length, 0), 1000);
  assertEquals(under.full, false);
  under.end(undefined);
});

/** A message of 1 MiB that is about 1 KiB on the wire. */
const SWOLLEN = frame(Opcode.BINARY, deflated(new Uint8Array(1024 * 1024)), { rsv: Rsv.RSV1 });

for (const streamed of [false, true]) {
  Deno.test(`a step produces little more than the high-water mark, however much was read, ${streamed ? "in parts" : "whole"}`, () => {
    const under = intake(64 * 1024, true);
    if (streamed) under.stream();
    else under.claim();
    const sent = wire(Array.from({ length: 10 }, () => SWOLLEN), "server", seeded());
    assertStrictEquals(under.receive(sent, sent.length, { wanted: true }), undefined);
    let all = 0;
    for (let steps = 1; all < 10 * 1024 * 1024; steps++) {
      const taken = (streamed ? under.takeParts() : under.take()) as (MessagePart | Message)[];
      const sizes = taken.map((one) => typeof one === "object" && "data" in one ? one.data.length : one.length);
      const size = sizes.reduce((sum, length) => sum + length, 0);
      assertLessOrEqual(size, 1024 * 1024);
      all += size;
      assertEquals(under.pending, all < 10 * 1024 * 1024, `step ${steps}`);
      while (under.pending && under.idle) assertStrictEquals(under.proceed({ wanted: true }), undefined);
    }
  });
}

Deno.test("a step takes 16 384 messages at most: what is empty takes memory too", () => {
  const under = intake();
  under.claim();
  const empty = new Uint8Array(64 * 1024 + 4);
  for (let at = 0; at < empty.length; at += 2) empty[at] = 0x82;
  const counts: number[] = [];
  receive(under, empty);
  for (;; under.proceed({ wanted: true })) {
    const batch = under.take();
    assert(Array.isArray(batch));
    counts.push(batch.length);
    if (!under.pending) break;
  }
  assertEquals(counts, [16_384, 16_384, 2]);
});

Deno.test("a message that is too large for memory waits until it is known how messages are read", () => {
  for (const way of ["stream", "claim"] as const) {
    for (const cut of [1, 2, 5, 9, 10, 11]) {
      const under = intake();
      const large = bytes(0x82, 127, 0, 0, 0, 0, 0x02, 0, 0, 0, 7, 8);
      const sent = bytes(...ABC, ...large.subarray(0, cut));
      assertStrictEquals(receive(under, sent), undefined);
      assertEquals(under.take(), ["abc"]);
      if (!under.pending) assertStrictEquals(receive(under, large.slice(cut)), undefined);
      assertEquals([under.pending, under.full], [true, true]);
      under[way]();
      const failure = under.proceed({ wanted: true });
      if (way === "claim") assertInstanceOf(failure, LimitError);
      else assertStrictEquals(failure, undefined);
      if (way === "claim") assertEquals([under.pending, under.full], [false, false]);
      else if (cut < 10) assertEquals(under.takeParts(), [{ data: bytes(7, 8), first: true, last: false }]);
    }
  }
});

Deno.test("whoever waits for room goes on when a batch was taken, parts or messages", async () => {
  for (const streamed of [false, true]) {
    const under = intake(1);
    receive(under, bytes(...ABC));
    const room = under.room();
    if (streamed) under.stream();
    if (streamed) under.takeParts();
    else under.take();
    await room;
  }
});
