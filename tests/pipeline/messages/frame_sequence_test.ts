import { assertEquals, assertThrows } from "@std/assert";
import { ConnectionError, LimitError, ProtocolError } from "../../../lib/errors.ts";
import { type Frame, frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import { FrameSequence, type FrameSequenceOptions } from "../../../lib/pipeline/messages/frame_sequence.ts";

const { TEXT, BINARY, CONTINUATION, CLOSE, PING } = Opcode;

function sequence(options: Partial<FrameSequenceOptions> = {}): FrameSequence {
  return new FrameSequence({ maxBytes: 10, limit: "maxMessageBytes", control: undefined, ...options });
}

function data(opcode: number, length: number, fin = true): Frame {
  return frame(opcode, new Uint8Array(length), { fin });
}

Deno.test("data frames are accepted, control frames pass beside them, and all frames after a close frame are discarded", () => {
  const control: number[] = [];
  const taking = sequence({ control: ({ opcode }) => control.push(opcode) });
  const frames = [data(TEXT, 1, false), frame(PING), data(CONTINUATION, 1), frame(CLOSE), data(TEXT, 1), frame(PING)];
  assertEquals(frames.map((one) => taking.take(one)), [true, false, true, false, false, false]);
  assertEquals(control, [PING, CLOSE]);
  taking.end();
});

Deno.test("a sequence knows how many bytes of the message came before a frame", () => {
  const taking = sequence();
  const before = [data(BINARY, 3), data(BINARY, 4, false), data(CONTINUATION, 5, false), data(CONTINUATION, 1)].map(
    (one) => {
      taking.take(one);
      return taking.bytesBefore;
    },
  );
  assertEquals(before, [0, 0, 4, 9]);
});

Deno.test("a message over the limit is refused at the frame that exceeds it, with the limit's name", () => {
  for (const limit of ["maxMessageBytes", "maxStreamedMessageBytes"] as const) {
    assertEquals(assertThrows(() => sequence({ limit }).take(data(TEXT, 11)), LimitError).limit, limit);
    const taking = sequence({ limit });
    taking.take(data(TEXT, 6, false));
    assertEquals(assertThrows(() => taking.take(data(CONTINUATION, 5)), LimitError).actual, 11);
  }
});

Deno.test("RFC 6455 §5.4: a continuation without a message, a new message inside another and an extension's opcode are refused", () => {
  assertThrows(() => sequence().take(data(CONTINUATION, 1)), ProtocolError);
  assertThrows(() => sequence().take(data(3, 1)), ProtocolError);
  const taking = sequence();
  taking.take(data(TEXT, 1, false));
  assertThrows(() => taking.take(data(TEXT, 1)), ProtocolError);
});

Deno.test("frames that end inside a message are an error, unless a close frame came or the message was abandoned", () => {
  const begun = () => {
    const taking = sequence();
    taking.take(data(TEXT, 1, false));
    return taking;
  };
  assertThrows(() => begun().end(), ConnectionError);
  const closed = begun();
  closed.take(frame(CLOSE));
  closed.end();
  const restarted = begun();
  restarted.restart();
  restarted.end();
  assertEquals(restarted.take(data(TEXT, 1)), true);
});
