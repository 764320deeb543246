import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { decodeHex } from "@std/encoding/hex";
import { ConnectionError, LimitError, ProtocolError } from "../../../lib/errors.ts";
import { type Frame, frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import { FrameParser } from "../../../lib/pipeline/frames/frame_parser.ts";
import type { Message } from "../../../lib/pipeline/messages/message.ts";
import { type MessagePart, MessageSplitter, wholePart } from "../../../lib/pipeline/messages/message_splitter.ts";
import { composeStages } from "../../../lib/pipeline/stage.ts";
import { concat, counting } from "../../_support/bytes.ts";
import { assertReads } from "../../_support/feed.ts";
import { lines, randomFrames, utf8, wire } from "../../_support/frames.ts";
import { naiveMessages } from "../../_support/naive_frames.ts";
import { seeded } from "../../_support/random.ts";
import { runStage, withCloseCode } from "../../_support/stages.ts";
import { INVALID_UTF8 } from "../../vectors/utf8.ts";

const { TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG } = Opcode;

/** The parts that one push gives. */
function push(splitter: MessageSplitter, ...frames: Frame[]): MessagePart[] {
  const parts: MessagePart[] = [];
  splitter.push(frames, parts);
  return parts;
}

/** A fragment that is not the last. */
function part(opcode: number, payload: Uint8Array<ArrayBuffer>): Frame {
  return frame(opcode, payload, { fin: false });
}

/** Parts put together: how they were cut does not show. An unfinished message is the last one. */
function together(parts: readonly MessagePart[]): { message: Message; ended: boolean }[] {
  const messages: { message: Message; ended: boolean }[] = [];
  for (const { data, first, last } of parts) {
    const begun = first ? undefined : messages.pop();
    assertEquals(
      begun?.ended,
      first ? undefined : false,
      "A message begins with its first part and ends with its last",
    );
    assert(data.length > 0 || first || last, "A part between is not empty");
    messages.push({ message: begun === undefined ? data : joined(begun.message, data), ended: last });
  }
  return messages;
}

function joined(one: Message, other: Message): Message {
  if (typeof one === "string" && typeof other === "string") return one + other;
  assert(typeof one !== "string" && typeof other !== "string", "The parts of a message are of one type");
  return concat([one, other]);
}

/** Reads bytes of a client by a parser that hands on parts of frames, and a splitter. */
function reading(maxStreamedMessageBytes = Infinity) {
  return (chunks: readonly Uint8Array<ArrayBuffer>[]) => {
    const parser = new FrameParser({ role: "server", split: true });
    parser.stream(maxStreamedMessageBytes);
    const splitter = new MessageSplitter({ maxStreamedMessageBytes });
    const { output, closeCode } = withCloseCode(runStage(composeStages(parser, splitter), chunks));
    return { messages: together(output), closeCode };
  };
}

Deno.test("a message in one frame is one part, its bytes uncopied", () => {
  const bytes = counting(3);
  const parts = push(new MessageSplitter(), frame(TEXT, utf8("aé€𐍈")), frame(BINARY, bytes), frame(TEXT));
  assertEquals(parts, ["aé€𐍈", bytes, ""].map(wholePart));
  assertStrictEquals(parts[1]?.data, bytes);
});

Deno.test("each fragment is passed on at once; an empty one only if a message begins or ends", () => {
  const splitter = new MessageSplitter();
  assertEquals(push(splitter, part(TEXT, utf8("H"))), [{ data: "H", first: true, last: false }]);
  assertEquals(push(splitter, part(CONTINUATION, utf8(""))), []);
  assertEquals(push(splitter, part(CONTINUATION, utf8("el"))), [{ data: "el", first: false, last: false }]);
  assertEquals(push(splitter, frame(CONTINUATION), part(BINARY, counting(0)), frame(CONTINUATION)), [
    { data: "", first: false, last: true },
    { data: counting(0), first: true, last: false },
    { data: counting(0), first: false, last: true },
  ]);
});

Deno.test("random conversations match the naive assembler, however the bytes are cut", () => {
  const random = seeded();
  for (let round = 0; round < 10; round++) {
    const frames = randomFrames(random);
    const messages = naiveMessages(frames).messages.map((message) => ({ message, ended: true }));
    assertReads(wire(frames, "client", random), reading(), { messages, closeCode: undefined });
  }
});

for (const { name, hex, at } of INVALID_UTF8) {
  Deno.test(`F10: text in parts is refused with 1007 at its first invalid byte, after the valid part, ${name}`, () => {
    const bytes = Uint8Array.of(...utf8("é€"), ...decodeHex(hex));
    const before = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, 5 + at), { stream: true });
    const expected = { messages: [{ message: before, ended: false }], closeCode: 1007 };
    const random = seeded();
    assertReads(wire([frame(TEXT, bytes)], "client", random), reading(), expected);
    const fragments = [...bytes].map((byte, i) => part(i === 0 ? TEXT : CONTINUATION, Uint8Array.of(byte)));
    assertReads(wire([...fragments, frame(CONTINUATION)], "client", random), reading(), expected);
    const error = assertThrows(
      () => push(new MessageSplitter(), ...fragments, frame(CONTINUATION)),
      ProtocolError,
      `Text is not UTF-8 at byte ${5 + at}`,
    );
    assertEquals(error.section, "RFC 6455 §8.1");
  });
}

Deno.test("control frames pass beside the parts in the order of the wire, and affect no message", () => {
  const control: Frame[] = [];
  const splitter = new MessageSplitter({ control: (frame) => control.push(frame) });
  const sent = [
    frame(PING, counting(1)),
    part(TEXT, utf8("a")),
    frame(PONG, counting(2)),
    frame(CONTINUATION, utf8("b")),
  ];
  assertEquals(together(push(splitter, ...sent)), [{ message: "ab", ended: true }]);
  assertEquals(lines(control), lines([sent[0]!, sent[2]!]));
});

Deno.test("F16: after a close frame everything is discarded, and any end is accepted", () => {
  const splitter = new MessageSplitter();
  const rest = [frame(TEXT, utf8("b")), frame(CONTINUATION), frame(TEXT, Uint8Array.of(0xff))];
  assertEquals(push(splitter, part(TEXT, utf8("a")), frame(CLOSE), ...rest), [{ data: "a", first: true, last: false }]);
  assertEquals(push(splitter, ...rest), []);
  splitter.end();
});

Deno.test("an end inside a message is a ConnectionError", () => {
  const splitter = new MessageSplitter();
  push(splitter, frame(TEXT), part(TEXT, utf8("a")));
  assertThrows(() => splitter.end(), ConnectionError, "in the middle of a message");
});

Deno.test("F7: frames out of sequence are refused with 1002", () => {
  for (
    const frames of [[frame(CONTINUATION)], [part(TEXT, utf8("a")), frame(TEXT)], [
      part(BINARY, utf8("")),
      part(TEXT, utf8("")),
    ]]
  ) {
    const error = assertThrows(() => push(new MessageSplitter(), ...frames), ProtocolError);
    assertEquals([error.closeCode, error.section], [1002, "RFC 6455 §5.4"]);
  }
  assertThrows(() => push(new MessageSplitter(), frame(3)), ProtocolError, "Opcode 3 is not defined");
});

Deno.test("F9: a message over maxStreamedMessageBytes is refused with 1009, at the length that its header declares", () => {
  const random = seeded();
  const small = [part(BINARY, counting(3)), frame(CONTINUATION, counting(2)), frame(BINARY, counting(5))];
  const messages = [Uint8Array.of(0, 1, 2, 0, 1), counting(5)].map((message) => ({ message, ended: true }));
  assertReads(wire(small, "client", random), reading(5), { messages, closeCode: undefined });
  const large = [part(BINARY, counting(3)), frame(CONTINUATION, counting(3))];
  const begun = [{ message: counting(3), ended: false }];
  assertReads(wire(large, "client", random), reading(5), { messages: begun, closeCode: 1009 });
  assertReads(wire(large, "client", random).subarray(0, 9 + 6), reading(5), { messages: begun, closeCode: 1009 });
  // What an extension has made larger is judged here.
  const splitter = new MessageSplitter({ maxStreamedMessageBytes: 5 });
  push(splitter, part(BINARY, counting(3)));
  const error = assertThrows(() => push(splitter, part(CONTINUATION, counting(3))), LimitError);
  assertEquals([error.limit, error.max, error.actual], ["maxStreamedMessageBytes", 5, 6]);
});
