import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLessOrEqual,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { Incoming, type IncomingOptions } from "../../lib/connection/incoming.ts";
import { ConnectionError, LimitError, ProtocolError } from "../../lib/errors.ts";
import { openExtensions } from "../../lib/extensions/negotiation.ts";
import { DEFAULT_LIMITS, type Limits } from "../../lib/limits.ts";
import { frame, Opcode } from "../../lib/pipeline/frames/frame.ts";
import { hasHeadroom } from "../../lib/pipeline/bytes/headroom.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { MessagePart } from "../../lib/pipeline/messages/message_splitter.ts";
import { allocations, assertBytes, concat, counting } from "../_support/bytes.ts";
import { assertReads } from "../_support/feed.ts";
import { lines, randomFrames, wire } from "../_support/frames.ts";
import { naiveMessages } from "../_support/naive_frames.ts";
import { binary, close, ping, pong, text } from "../_support/raw_peer.ts";
import { SEED, seeded } from "../_support/random.ts";
import { runStage } from "../_support/stages.ts";
import { flip } from "../_support/toy_extensions.ts";

/** The way in of a client, unless something else is said. */
function incoming(options: Partial<Limits & Omit<IncomingOptions, "limits">> = {}): Incoming {
  return new Incoming({ role: "client", ...options, limits: { ...DEFAULT_LIMITS, ...options } });
}

/** Takes bytes, in parts where they are wanted. */
function receive(under: Incoming, bytes: Uint8Array<ArrayBuffer>, streamed = false) {
  const messages: Message[] = [];
  const parts: MessagePart[] = [];
  const failure = under.receive(bytes, bytes.length, messages, streamed ? parts : undefined);
  return { messages, parts, failure };
}

const bytes = (...values: number[]) => Uint8Array.from(values);

Deno.test("it returns the messages before a violation, the control frames with their places, and the violation", () => {
  const under = incoming();
  const { messages, failure } = receive(under, bytes(0x81, 1, 0x61, 0x89, 0, 0x81, 1, 0x62, 0x8a, 0, 0x83, 0));
  assertEquals(messages, ["a", "b"]);
  const controls = under.takeControls();
  assertEquals(controls.map(({ frame, position }) => [frame.opcode, position]), [[Opcode.PING, 1], [Opcode.PONG, 2]]);
  assertEquals(under.takeControls(), [], "they are given once");
  assertInstanceOf(failure, ProtocolError);
  assertEquals(under.pending, false);
});

Deno.test("control frames between the parts of a message keep their places too", () => {
  const under = incoming();
  under.stream([]);
  receive(under, bytes(0x01, 1, 0x61, 0x89, 0, 0x00, 1, 0x62, 0x89, 1, 7), true);
  assertEquals(under.takeControls().map(({ position }) => position), [1, 2]);
});

for (const role of ["server", "client"] as const) {
  Deno.test(`a ${role} reads random conversations like a naive reader, however they are cut`, () => {
    const random = seeded();
    for (let round = 0; round < 5; round++) {
      const frames = randomFrames(random);
      const sent = wire(frames, role === "server" ? "client" : "server", random);
      const expected = naiveMessages(frames);
      assertReads(sent, (chunks) => {
        const under = incoming({ role });
        const { output, error } = runStage(under, chunks);
        return { messages: output, control: lines(under.takeControls().map(({ frame }) => frame)), error };
      }, { messages: expected.messages, control: lines(expected.control), error: undefined });
    }
  });

  Deno.test(`a ${role} ignores the bytes behind the end of a read, whatever they are`, () => {
    const random = seeded();
    const frames = randomFrames(random);
    const sent = wire(frames, role === "server" ? "client" : "server", random);
    for (const trailing of [0x00, 0x81, 0x88, 0xff]) {
      assertReads(sent, (chunks) => {
        const under = incoming({ role });
        const messages: Message[] = [];
        for (const chunk of chunks) {
          const read = concat([chunk, new Uint8Array(20).fill(trailing)]);
          assertStrictEquals(under.receive(read, chunk.length, messages), undefined, `SEED=${SEED}`);
          assertBytes(read.subarray(chunk.length), new Uint8Array(20).fill(trailing));
          under.leaveRead();
        }
        under.end();
        return messages;
      }, naiveMessages(frames).messages);
    }
  });

  Deno.test(`a ${role} returns the messages before a fault however they are cut, and then the fault`, () => {
    const random = seeded();
    const frames = [text("a"), ping("p"), binary(counting(300)), frame(Opcode.CONTINUATION)];
    assertReads(wire(frames, role === "server" ? "client" : "server", random), (chunks) => {
      const { output, error } = runStage(incoming({ role }), chunks);
      assertInstanceOf(error, ProtocolError);
      return output;
    }, ["a", counting(300)] as Message[]);
  });
}

Deno.test("F16: frames after a close frame are discarded", () => {
  const under = incoming();
  const sent = wire([text("a"), close(1000)], "server", seeded());
  const { messages, failure } = receive(under, concat([sent, bytes(0xff, 0xff)]));
  assertEquals([messages, failure, under.takeControls().length], [["a"], undefined, 1]);
  assertEquals(receive(under, bytes(0x81, 1, 0x62)), { messages: [], parts: [], failure: undefined });
});

Deno.test("an end inside a frame or a message is an error, and an end between messages is not", () => {
  for (const cut of [bytes(0x81), bytes(0x81, 1), bytes(0x01, 1, 0x61)]) {
    const under = incoming();
    receive(under, cut);
    assertEquals(under.idle, false);
    assertThrows(() => under.end(), ConnectionError);
    assertInstanceOf(runStage(incoming(), [cut.slice()]).error, ConnectionError);
  }
  const under = incoming();
  assertEquals([under.idle, under.insideMessage], [true, false]);
  receive(under, bytes(0x01, 1, 0x61));
  assertEquals([under.idle, under.insideMessage], [false, true]);
  receive(under, bytes(0x80, 0));
  assertEquals([under.idle, under.insideMessage], [true, false]);
  under.end();
});

Deno.test("after stream() messages come in parts, with the earlier bytes as the first part", () => {
  const under = incoming();
  assertEquals(receive(under, bytes(0x81, 1, 0x61, 0x01, 2, 0x62, 0xc3)).messages, ["a"]);
  const begun: MessagePart[] = [];
  assertStrictEquals(under.stream(begun), true);
  assertEquals(begun, [{ data: "b", first: true, last: false }]);
  const { messages, parts, failure } = receive(under, bytes(0x80, 2, 0xa9, 0x63, 0x82, 3, 1), true);
  assertEquals([messages, failure], [[], undefined]);
  assertEquals(parts, [{ data: "éc", first: false, last: true }, { data: bytes(1), first: true, last: false }]);
  assertThrows(() => under.end(), ConnectionError);
});

Deno.test("bytes from before stream() count against the limit of streamed messages", () => {
  const under = incoming({ maxStreamedMessageBytes: 2 });
  receive(under, bytes(0x02, 3, 1, 2, 3));
  const parts: MessagePart[] = [];
  const failure = assertThrows(() => under.stream(parts), LimitError);
  assertEquals(parts, []);
  assertEquals(failure.limit, "maxStreamedMessageBytes");
});

Deno.test("stream() lifts the limits of messages in memory, unless an extension needs whole frames", () => {
  const chain = openExtensions([flip().confirm([])], {
    role: "client",
    maxMessageBytes: 16,
    now: () => 0,
    send: () => {},
  });
  const whole = incoming({ maxMessageBytes: 16, chain });
  assertStrictEquals(whole.stream([]), false);
  assertEquals(receive(whole, bytes(0x01, 1, 0x61), true).parts.length, 1);
  assertEquals(receive(whole, bytes(0x80, 1, 0x62, 0x01, 1, 0x63), true).parts.length, 2);
  const { failure } = receive(whole, bytes(0x80, 126, 0, 200), true);
  assertInstanceOf(failure, LimitError);
  assertEquals(failure.limit, "maxMessageBytes");

  const plain = incoming({ maxMessageBytes: 16 });
  assertStrictEquals(plain.stream([]), true);
  assertEquals(receive(plain, bytes(0x82, 126, 0, 200, 1), true), {
    messages: [],
    parts: [{ data: bytes(1), first: true, last: false }],
    failure: undefined,
  });
});

Deno.test("large messages get their own memory with room in front, and so do a few small ones; many small ones share the read's", () => {
  const random = seeded();
  for (const [count, size, mine] of [[1, 5, true], [8, 5, true], [9, 5, false], [2, 40_000, true]] as const) {
    const under = incoming();
    const read = wire(Array.from({ length: count }, () => binary(counting(size))), "server", random);
    const { messages } = receive(under, read);
    assertEquals(under.kept, false);
    under.own(messages, read.buffer);
    assertEquals(under.kept, !mine);
    for (const message of messages) {
      assert(typeof message === "object");
      assertEquals(message.buffer === read.buffer, !mine, `${count} of ${size} bytes`);
      assertEquals(hasHeadroom(message, 4), size === 40_000);
      assertEquals(message, counting(size));
    }
    receive(under, bytes(0x89, 0));
    assertEquals(under.kept, false, "the next read is another");
  }
});

Deno.test("messages of a step that is not the last of its read get their own memory, however many, because the read is reused", () => {
  const under = incoming();
  const read = wire(Array.from({ length: under.most + 20 }, () => binary(Uint8Array.of(7))), "server", seeded());
  const { messages } = receive(under, read);
  assertEquals([messages.length, under.pending], [under.most, true]);
  under.own(messages, read.buffer);
  assert(messages.every((message) => typeof message === "object" && message.buffer !== read.buffer));
  assertEquals(under.kept, false);
  const rest: Message[] = [];
  under.proceed(rest);
  under.own(rest, read.buffer);
  assertEquals([rest.length, under.pending, under.kept], [20, false, true]);
});

Deno.test("lent messages stay in the read buffer, and text is always decoded", () => {
  const under = incoming({ lends: true });
  const read = wire([binary(counting(5)), binary(counting(40_000)), text("a")], "server", seeded());
  const { messages } = receive(under, read);
  const before = [...messages];
  under.own(messages, read.buffer);
  for (const [i, message] of messages.entries()) assertStrictEquals(message, before[i]);
  assertEquals(messages.map((message) => typeof message === "string" || message.buffer === read.buffer), [
    true,
    true,
    true,
  ]);
  assertEquals(under.kept, false);
});

Deno.test("a read that an extension or a splitter saw is kept", () => {
  const chain = openExtensions([flip().confirm([])], {
    role: "client",
    maxMessageBytes: 1000,
    now: () => 0,
    send: () => {},
  });
  const splitting = incoming();
  splitting.stream([]);
  for (const under of [incoming({ chain }), splitting]) {
    const read = bytes(0x01, 1, 0x61);
    const { messages } = receive(under, read, under === splitting);
    under.own(messages, read.buffer);
    assertEquals(under.kept, true);
  }
});

Deno.test("the rest of a large payload is read directly into the message", () => {
  const under = incoming();
  const payload = counting(100_000);
  const sent = wire([binary(payload)], "server", seeded());
  assertEquals([under.writableView], [undefined]);
  receive(under, sent.slice(0, 60_010));
  assertEquals(under.missing, 40_000);
  under.leaveRead();
  const messages: Message[] = [];
  let at = 60_010;
  for (let view = under.writableView; view !== undefined; view = under.writableView) {
    const count = Math.min(view.length, 20_000, sent.length - at);
    view.set(sent.subarray(at, at + count));
    at += count;
    assertStrictEquals(under.receive(view, count, messages), undefined);
    under.own(messages, undefined);
  }
  assertEquals([at, under.missing], [sent.length, 0]);
  assertEquals(messages.length, 1);
  assertBytes(messages[0] as Uint8Array, payload);
});

Deno.test("a few missing bytes come through the read buffer, because a read of their own would not pay", () => {
  for (const [missing, direct] of [[8 * 1024 - 1, false], [8 * 1024, true]] as const) {
    const under = incoming();
    const sent = wire([binary(counting(100_000))], "server", seeded());
    receive(under, sent.slice(0, sent.length - missing));
    under.leaveRead();
    assertEquals([under.missing, under.writableView !== undefined], [missing, direct]);
  }
});

Deno.test("an unfinished message survives the reuse of its read buffer", () => {
  const under = incoming();
  const sent = wire([binary(counting(1000)), pong("p"), text("é")], "server", seeded());
  const buffer = new Uint8Array(7);
  const messages: Message[] = [];
  for (let at = 0; at < sent.length; at += buffer.length) {
    const piece = sent.subarray(at, at + buffer.length);
    buffer.fill(0xee).set(piece);
    assertStrictEquals(under.receive(buffer, piece.length, messages), undefined);
    under.own(messages, buffer.buffer);
    under.leaveRead();
    assertNotStrictEquals(under.kept, true);
  }
  assertEquals(messages, [counting(1000), "é"]);
});

Deno.test("a message costs memory in proportion to its bytes, however it is fragmented and read", () => {
  for (const [fragment, read] of [[64, 1_000], [20_000, 16_384], [100_000, 65_536]] as const) {
    const under = incoming();
    const count = Math.ceil(2_000_000 / fragment);
    const frames: number[] = [];
    for (let i = 0; i < count; i++) {
      const first = (i === 0 ? 0x02 : 0) | (i === count - 1 ? 0x80 : 0);
      const length = fragment < 126
        ? [fragment]
        : fragment < 65_536
        ? [126, fragment >>> 8, fragment & 255]
        : [127, 0, 0, 0, 0, 0, fragment >>> 16, (fragment >>> 8) & 255, fragment & 255];
      frames.push(first, ...length);
      for (let j = 0; j < fragment; j++) frames.push(j & 255);
    }
    const wire = Uint8Array.from(frames);
    let size = 0;
    const sizes = allocations(() => {
      for (let at = 0; at < wire.length; at += read) {
        for (const message of receive(under, wire.subarray(at, at + read)).messages) size = message.length;
      }
    });
    assertEquals(size, count * fragment);
    const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
    // Doubling allocates at most four times what there is in the end; a view counts with its length here, once for each part.
    assertLessOrEqual(total, 8 * wire.length, `fragments of ${fragment}, reads of ${read}`);
  }
});
