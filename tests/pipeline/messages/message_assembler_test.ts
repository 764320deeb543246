import { assert, assertEquals, assertLessOrEqual, assertStrictEquals, assertThrows } from "@std/assert";
import { decodeHex } from "@std/encoding/hex";
import { ConnectionError, LimitError, ProtocolError } from "../../../lib/errors.ts";
import { acquireBuffer, releaseBuffer } from "../../../lib/pipeline/bytes/buffer_pool.ts";
import { type Frame, frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import { FrameParser } from "../../../lib/pipeline/frames/frame_parser.ts";
import type { Message } from "../../../lib/pipeline/messages/message.ts";
import { MessageAssembler } from "../../../lib/pipeline/messages/message_assembler.ts";
import { composeStages } from "../../../lib/pipeline/stage.ts";
import { inPool } from "../../_support/buffer_pool.ts";
import { allocations, assertBytes, counting } from "../../_support/bytes.ts";
import { lines, randomFrames, utf8 } from "../../_support/frames.ts";
import { naiveMessages } from "../../_support/naive_frames.ts";
import { SEED, seeded } from "../../_support/random.ts";
import { INVALID_UTF8, VALID_UTF8 } from "../../vectors/utf8.ts";

/** The messages that one push completes. */
function push(assembler: MessageAssembler, ...frames: Frame[]): Message[] {
  const messages: Message[] = [];
  assembler.push(frames, messages);
  return messages;
}

/** A fragment that is not the last. */
function part(opcode: number, payload: Uint8Array<ArrayBuffer>): Frame {
  return frame(opcode, payload, { fin: false });
}

const { TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG } = Opcode;

Deno.test("a text frame is a string, a binary frame its bytes, uncopied", () => {
  const bytes = counting(3);
  const messages = push(
    new MessageAssembler(),
    frame(TEXT, utf8("aé€𐍈")),
    frame(BINARY, bytes),
    frame(TEXT),
    frame(BINARY),
  );
  assertEquals(messages, ["aé€𐍈", bytes, "", new Uint8Array(0)]);
  assertStrictEquals(messages[1], bytes);
});

Deno.test("fragments form one message, across any number of batches", () => {
  const assembler = new MessageAssembler();
  assertEquals(push(assembler, part(TEXT, utf8("H")), part(CONTINUATION, utf8(""))), []);
  assertEquals(push(assembler, part(CONTINUATION, utf8("el"))), []);
  assertEquals(push(assembler, frame(CONTINUATION, utf8("lo")), part(BINARY, counting(0)), frame(CONTINUATION)), [
    "Hello",
    new Uint8Array(0),
  ]);
});

Deno.test("an assembler reads random conversations like the naive one", () => {
  const random = seeded();
  for (let round = 0; round < 20; round++) {
    const frames = randomFrames(random);
    const control: Frame[] = [];
    const messages = push(new MessageAssembler({ control: (frame) => control.push(frame) }), ...frames);
    const expected = naiveMessages(frames);
    assertEquals(messages, expected.messages, `SEED=${SEED}`);
    assertEquals(lines(control), lines(expected.control), `SEED=${SEED}`);
  }
});

Deno.test("control frames pass beside the batch in the order of the wire, and affect no message", () => {
  const seen: string[] = [];
  const assembler = new MessageAssembler({
    control: ({ opcode, payload }) => seen.push(`${opcode}: ${payload.length}`),
  });
  const messages = push(
    assembler,
    frame(PING, counting(1)),
    part(TEXT, utf8("a")),
    frame(PONG, counting(2)),
    frame(PING, counting(3)),
    frame(CONTINUATION, utf8("b")),
    frame(PONG, counting(4)),
  );
  assertEquals(messages, ["ab"]);
  assertEquals(seen, ["9: 1", "10: 2", "9: 3", "10: 4"]);
});

Deno.test("F13: without a listener pings and pongs are ignored", () => {
  assertEquals(push(new MessageAssembler(), frame(PONG), frame(PONG), frame(PING), frame(TEXT, utf8("a"))), ["a"]);
});

Deno.test("F16: after a close frame everything is discarded, and any end is accepted", () => {
  const control: Frame[] = [];
  const assembler = new MessageAssembler({ control: (frame) => control.push(frame) });
  const rest = [
    frame(TEXT, utf8("b")),
    frame(CLOSE),
    frame(PING),
    frame(CONTINUATION),
    frame(TEXT, Uint8Array.of(0xff)),
  ];
  assertEquals(push(assembler, part(TEXT, utf8("a")), frame(CLOSE), ...rest), []);
  assertEquals(push(assembler, ...rest), []);
  assertEquals(lines(control), lines([frame(CLOSE)]));
  assembler.end();
});

Deno.test("F7: frames out of sequence are refused with 1002, after the messages before them", () => {
  const cases: [frames: Frame[], words: string][] = [
    [[frame(CONTINUATION)], "nothing to continue"],
    [[part(CONTINUATION, utf8("a"))], "nothing to continue"],
    [[part(TEXT, utf8("a")), frame(TEXT, utf8("b"))], "opcode 1 inside a fragmented message"],
    [[part(BINARY, utf8("")), part(BINARY, utf8("b"))], "opcode 2 inside a fragmented message"],
  ];
  for (const [frames, words] of cases) {
    const messages: Message[] = [];
    const assembler = new MessageAssembler();
    const call = () => assembler.push([frame(TEXT, utf8("before")), ...frames], messages);
    const error = assertThrows(call, ProtocolError, words);
    assertEquals([messages, error.closeCode, error.section], [["before"], 1002, "RFC 6455 §5.4"]);
  }
});

Deno.test("F9: a message over maxMessageBytes is refused with 1009 at the fragment that exceeds it, not at FIN", () => {
  const whole = new MessageAssembler({ maxMessageBytes: 4 });
  assertEquals(push(whole, frame(BINARY, counting(4))), [counting(4)]);
  const atOnce = assertThrows(() => push(whole, frame(BINARY, counting(5))), LimitError);
  assertEquals([atOnce.closeCode, atOnce.limit, atOnce.max, atOnce.actual], [1009, "maxMessageBytes", 4, 5]);

  const parts = new MessageAssembler({ maxMessageBytes: 4 });
  assertEquals(push(parts, part(TEXT, utf8("ab")), frame(CONTINUATION, utf8("cd"))), ["abcd"]);
  assertEquals(push(parts, part(TEXT, utf8("abc")), part(CONTINUATION, utf8("d"))), []);
  const inParts = assertThrows(() => push(parts, part(CONTINUATION, utf8("e"))), LimitError);
  assertEquals([inParts.closeCode, inParts.actual], [1009, 5]);
});

Deno.test("F9: the limit is 16 MiB by default", () => {
  const error = assertThrows(
    () => push(new MessageAssembler(), frame(BINARY, new Uint8Array(2 ** 24 + 1))),
    LimitError,
  );
  assertStrictEquals(error.max, 2 ** 24);
});

for (const { name, hex, text } of VALID_UTF8) {
  Deno.test(`text is decoded however it is cut into fragments, ${name}`, () => {
    const bytes = decodeHex(hex);
    assertEquals(push(new MessageAssembler(), frame(TEXT, bytes)), [text]);
    const pieces = Array.from(bytes, (byte) => part(CONTINUATION, Uint8Array.of(byte)));
    assertEquals(push(new MessageAssembler(), part(TEXT, utf8("")), ...pieces, frame(CONTINUATION)), [text]);
  });
}

for (const { name, hex, at } of INVALID_UTF8) {
  Deno.test(`F10: text is refused with 1007 at byte ${at}, ${name}`, () => {
    const bytes = decodeHex(hex);
    const refused = (push: () => unknown) => {
      const error = assertThrows(push, ProtocolError, `Text is not UTF-8 at byte ${at} `);
      assertEquals([error.closeCode, error.section], [1007, "RFC 6455 §8.1"]);
    };
    refused(() => push(new MessageAssembler(), frame(TEXT, bytes)));

    // In fragments of one byte: refused by the one that cannot be right, or by the end of the message.
    const assembler = new MessageAssembler();
    push(assembler, part(TEXT, utf8("")));
    for (const byte of bytes.subarray(0, at)) push(assembler, part(CONTINUATION, Uint8Array.of(byte)));
    refused(() => {
      if (at < bytes.length) push(assembler, part(CONTINUATION, bytes.slice(at, at + 1)));
      else push(assembler, frame(CONTINUATION));
    });

    // With the parser splitting one frame: as soon as the byte is there (Autobahn 6.4.3).
    const messages: Message[] = [];
    const stage = composeStages(new FrameParser({ role: "client", split: true }), new MessageAssembler());
    const tail = 10;
    const wire = Uint8Array.of(0x81, bytes.length + tail, ...bytes, ...utf8("a".repeat(tail)));
    const bad = 2 + at;
    for (const byte of wire.subarray(0, bad)) stage.push(Uint8Array.of(byte), messages);
    refused(() => stage.push(wire.slice(bad, bad + 1), messages));
  });
}

Deno.test("F10: text is validated separately for each message", () => {
  const assembler = new MessageAssembler();
  for (let i = 0; i < 3; i++) {
    const [first, second] = [utf8("€").slice(0, 2), utf8("€").slice(2)];
    assertEquals(push(assembler, part(TEXT, first), frame(CONTINUATION, second)), ["€"]);
  }
  const bytes = Uint8Array.of(0xff, 0xfe);
  assertEquals(push(assembler, part(BINARY, bytes), frame(CONTINUATION, bytes)), [
    Uint8Array.of(0xff, 0xfe, 0xff, 0xfe),
  ]);
});

Deno.test("an assembler reports an end inside a message, and no other end", () => {
  const assembler = new MessageAssembler();
  assembler.end();
  push(assembler, frame(TEXT, utf8("a")), frame(PING));
  assembler.end();
  push(assembler, part(TEXT, utf8("")));
  const error = assertThrows(() => assembler.end(), ConnectionError, "in the middle of a message");
  assertStrictEquals(error.closeCode, 1006);
  push(assembler, frame(CONTINUATION));
  assembler.end();
});

Deno.test("no fragment is kept as a view, small or large: overwriting it changes no message", () => {
  for (const size of [10, 10_000]) {
    const assembler = new MessageAssembler();
    const parts = [counting(size), counting(2000, size), counting(3, size + 2000)];
    const messages: Message[] = [];
    parts.forEach((payload, i) => {
      messages.push(...push(assembler, frame(i === 0 ? BINARY : CONTINUATION, payload, { fin: i === 2 })));
      payload.fill(0xee);
    });
    assertEquals(messages, [counting(size + 2003)]);
  }
});

Deno.test("the first part of a frame stays in the read buffer while the rest is read behind it, unless it is small", () => {
  for (const size of [1000, 5000]) {
    const read = counting(6000);
    const assembler = new MessageAssembler();
    const messages: Message[] = [];
    assembler.push([part(BINARY, read.subarray(0, size))], messages, 6000 - size);
    assembler.push([frame(CONTINUATION, read.subarray(size))], messages);
    assertEquals(messages, [counting(6000)]);
    assertStrictEquals((messages[0] as Uint8Array).buffer === read.buffer, size === 5000);
  }
});

Deno.test("a large message is assembled in a pool buffer, which returns at once unless the message is lent", () => {
  const memory = new ArrayBuffer(123_456);
  for (const [opcode, lends] of [[TEXT, false], [TEXT, true], [BINARY, false], [BINARY, true]] as const) {
    releaseBuffer(memory);
    const assembler = new MessageAssembler({ lends });
    const half = new Uint8Array(60_000).fill(0x61);
    const [message] = [...push(assembler, part(opcode, half)), ...push(assembler, frame(CONTINUATION, half))];
    assertStrictEquals(message?.length, 120_000);
    const lent = typeof message === "object" && message.buffer === memory;
    assertStrictEquals(lent, opcode === BINARY && lends);
    assertStrictEquals(acquireBuffer(123_000) === memory, !lent);
  }
});

Deno.test("a message in progress is passed on in memory of its own, because a read into it may be pending", () => {
  const assembler = new MessageAssembler();
  const first = counting(100_000);
  assembler.push([part(BINARY, first)], [], 900_000);
  assembler.leaveRead(900_000);
  const space = assembler.writableView(900_000)!;
  const begun = assembler.detachUnfinished()!;
  assertBytes(begun.payload, counting(100_000));
  assertStrictEquals(begun.payload.buffer, space.buffer);
  // The next message of this size gets other memory.
  assert(!inPool(space.buffer));
});

Deno.test("a message of fragments is an exact private buffer", () => {
  const assembler = new MessageAssembler();
  const last = counting(500, 1500);
  const [message] = push(assembler, part(BINARY, counting(1500)), frame(CONTINUATION, last));
  assert(message instanceof Uint8Array);
  assertBytes(message, counting(2000));
  assertStrictEquals(message.buffer.byteLength, 2000);
  assert(message.buffer !== last.buffer);
});

Deno.test("F8: a fragment costs its bytes: 65 536 of them cost a few allocations, and never more than the limit", () => {
  const assembler = new MessageAssembler({ maxMessageBytes: 65_536 });
  const fragment = part(CONTINUATION, counting(1));
  const messages: Message[] = [];
  const sizes = allocations(() => {
    assembler.push([part(BINARY, new Uint8Array())], messages);
    for (let i = 0; i < 65_536; i++) assembler.push([fragment], messages);
  });
  assertLessOrEqual(sizes.length, 10);
  assertLessOrEqual(Math.max(...sizes), 65_536);
});

Deno.test("detachUnfinished returns the part of an unfinished message as its first fragment, once", () => {
  const assembler = new MessageAssembler();
  assertStrictEquals(assembler.detachUnfinished(), undefined);
  push(assembler, frame(TEXT, utf8("whole")), part(TEXT, utf8("a")), part(CONTINUATION, utf8("b")));
  assertEquals(assembler.detachUnfinished(), part(TEXT, utf8("ab")));
  assertStrictEquals(assembler.detachUnfinished(), undefined);
  assembler.end();
  push(assembler, part(BINARY, utf8("")));
  assertEquals(assembler.detachUnfinished(), part(BINARY, utf8("")));
});

Deno.test("the result of detachUnfinished is not a view of a read, even if it was left there for the rest", () => {
  const assembler = new MessageAssembler();
  const read = counting(5000);
  assembler.push([part(BINARY, read)], [], 1000);
  const begun = assembler.detachUnfinished();
  read.fill(0xff);
  assertEquals(begun, part(BINARY, counting(5000)));
});
