/** What one step through a read produces, and what waits until it is known how messages are read. */
import { assertEquals, assertInstanceOf, assertLessOrEqual, assertStrictEquals } from "@std/assert";
import { Incoming } from "../../lib/connection/incoming.ts";
import { LimitError } from "../../lib/errors.ts";
import { openExtensions } from "../../lib/extensions/negotiation.ts";
import { permessageDeflate } from "../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { resolveLimits } from "../../lib/limits.ts";
import { frame, Opcode, Rsv } from "../../lib/pipeline/frames/frame.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { MessagePart } from "../../lib/pipeline/messages/message_splitter.ts";
import { wire } from "../_support/frames.ts";
import { seeded } from "../_support/random.ts";
import { runStage } from "../_support/stages.ts";
import { deflated } from "../extensions/permessage_deflate/_support.ts";

/** The way in of a client that does not know yet how messages are read. */
function incoming(highWaterMark = 300, deflate = false, maxMessageBytes = 16 * 1024 * 1024): Incoming {
  const limits = resolveLimits({ highWaterMark, maxMessageBytes });
  const context = { role: "client", maxMessageBytes: limits.maxMessageBytes, now: () => 0, send: () => {} } as const;
  const chain = deflate ? openExtensions([permessageDeflate({ maxRatio: Infinity }).confirm([])], context) : undefined;
  return new Incoming({ role: "client", limits, chain, claimed: false });
}

const bytes = (...values: number[]) => Uint8Array.from(values);
/** A message of three bytes, five on the wire. */
const ABC = [0x81, 3, 0x61, 0x62, 0x63];

/** A message of 1 MiB that is about 1 KiB on the wire. */
const SWOLLEN = frame(Opcode.BINARY, deflated(new Uint8Array(1024 * 1024)), { rsv: Rsv.RSV1 });
const TEN = () => wire(Array.from({ length: 10 }, () => SWOLLEN), "server", seeded());

for (const streamed of [false, true]) {
  Deno.test(`a step produces little more than the high-water mark, however large the read, ${streamed ? "in parts" : "whole"}`, () => {
    const under = incoming(64 * 1024, true);
    if (streamed) under.stream([]);
    else under.claim();
    const sent = TEN();
    let all = 0;
    let steps = 0;
    for (; steps === 0 || under.pending; steps++) {
      const messages: Message[] = [];
      const parts: MessagePart[] | undefined = streamed ? [] : undefined;
      const failure = steps === 0 ? under.receive(sent, sent.length, messages, parts) : under.proceed(messages, parts);
      assertStrictEquals(failure, undefined);
      const sizes = streamed ? parts!.map(({ data }) => data.length) : messages.map(({ length }) => length);
      const size = sizes.reduce((sum, length) => sum + length, 0);
      assertLessOrEqual(size, 1024 * 1024);
      all += size;
      assertEquals(under.pending, all < 10 * 1024 * 1024, `step ${steps}`);
    }
    assertEquals(all, 10 * 1024 * 1024);
    assertLessOrEqual(10, steps);
  });
}

Deno.test("as a stage it processes a chunk to its end, in as many steps as needed", () => {
  const under = incoming(64 * 1024, true);
  under.claim();
  const { output, error } = runStage(under, [TEN()]);
  assertStrictEquals(error, undefined);
  assertEquals(output.map(({ length }) => length), Array(10).fill(1024 * 1024));
  assertEquals(under.pending, false);
});

Deno.test("a step takes at most 16 384 messages: empty ones take memory too", () => {
  for (const streamed of [false, true]) {
    const under = incoming();
    if (streamed) under.stream([]);
    else under.claim();
    const empty = new Uint8Array(64 * 1024 + 4);
    for (let at = 0; at < empty.length; at += 2) empty[at] = 0x82;
    const counts: number[] = [];
    do {
      const messages: Message[] = [];
      const parts: MessagePart[] | undefined = streamed ? [] : undefined;
      if (counts.length === 0) under.receive(empty, empty.length, messages, parts);
      else under.proceed(messages, parts);
      counts.push((parts ?? messages).length);
    } while (under.pending);
    assertEquals(counts, [16_384, 16_384, 2]);
  }
});

Deno.test("a message that is too large for memory waits until the application chooses a way to read", () => {
  for (const way of ["stream", "claim"] as const) {
    for (const cut of [1, 2, 5, 9, 10, 11]) {
      const under = incoming();
      const large = bytes(0x82, 127, 0, 0, 0, 0, 0x02, 0, 0, 0, 7, 8);
      const sent = bytes(...ABC, ...large.subarray(0, cut));
      const messages: Message[] = [];
      assertStrictEquals(under.receive(sent, sent.length, messages), undefined);
      assertEquals(messages, ["abc"]);
      const rest = large.slice(cut);
      if (!under.pending) assertStrictEquals(under.receive(rest, rest.length, messages), undefined);
      assertEquals([under.pending, under.claimed, messages.length], [true, false, 1]);
      const parts: MessagePart[] = [];
      if (way === "stream") under.stream(parts);
      else under.claim();
      assertEquals(under.claimed, true);
      const failure = under.proceed(messages, way === "stream" ? parts : undefined);
      if (way === "claim") {
        assertInstanceOf(failure, LimitError);
        assertEquals([failure.limit, under.pending], ["maxMessageBytes", false]);
      } else {
        assertStrictEquals(failure, undefined);
        if (cut < 10) assertEquals(parts, [{ data: bytes(7, 8), first: true, last: false }]);
      }
    }
  }
});

Deno.test("a message that inflates past the limit of memory waits too, and no more of it is decoded until then", () => {
  for (const way of ["stream", "claim"] as const) {
    const under = incoming(64 * 1024, true);
    // More than there may be in memory, of about 40 KiB.
    const swollen = frame(Opcode.BINARY, deflated(new Uint8Array(40 * 1024 * 1024)), { rsv: Rsv.RSV1 });
    const sent = wire([swollen], "server", seeded());
    const messages: Message[] = [];
    const parts: MessagePart[] = [];
    let failure = under.receive(sent, sent.length, messages);
    for (let steps = 0; under.pending && steps < 2000; steps++) {
      failure = under.proceed(messages);
      assertStrictEquals(failure, undefined);
    }
    assertEquals([under.pending, messages], [true, []]);
    if (way === "stream") under.stream(parts);
    else under.claim();
    while (under.pending && failure === undefined) {
      failure = under.proceed(messages, way === "stream" ? parts : undefined);
    }
    if (way === "claim") {
      assertInstanceOf(failure, LimitError);
      assertEquals(failure.limit, "maxMessageBytes");
    } else {
      assertStrictEquals(failure, undefined);
      assertEquals(parts.reduce((sum, { data }) => sum + data.length, 0), 40 * 1024 * 1024);
    }
  }
});

Deno.test("a message that fits into memory does not wait, even if its bytes could have inflated past the limit", () => {
  const payload = deflated(new Uint8Array(40_000));
  const sent = wire([frame(Opcode.BINARY, payload, { rsv: Rsv.RSV1 })], "server", seeded());
  assertLessOrEqual(50_000, 1032 * payload.length);
  const under = incoming(64 * 1024, true, 50_000);
  const messages: Message[] = [];
  assertStrictEquals(under.receive(sent, sent.length, messages), undefined);
  for (let steps = 0; under.pending && steps < 10; steps++) assertStrictEquals(under.proceed(messages), undefined);
  assertEquals(messages, [new Uint8Array(40_000)]);
  assertEquals([under.pending, under.claimed], [false, false]);
});
