import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { decodeHex } from "@std/encoding/hex";
import { LimitError } from "../../../lib/errors.ts";
import { type Frame, frame, Opcode, Rsv } from "../../../lib/pipeline/frames/frame.ts";
import { FrameParser } from "../../../lib/pipeline/frames/frame_parser.ts";
import { MessageAssembler } from "../../../lib/pipeline/messages/message_assembler.ts";
import { composeStages } from "../../../lib/pipeline/stage.ts";
import { allocations, counting } from "../../_support/bytes.ts";
import { assertReads } from "../../_support/feed.ts";
import { lines, randomFrames, utf8, wire } from "../../_support/frames.ts";
import { naiveFrames, naiveMessages } from "../../_support/naive_frames.ts";
import { below, randomBytes, seeded } from "../../_support/random.ts";
import { runStage } from "../../_support/stages.ts";
import { other, push, ROLES } from "./_support.ts";

Deno.test("a splitting parser, and an assembler, read the same messages and control frames, however they are cut", () => {
  const random = seeded();
  for (let round = 0; round < 8; round++) {
    for (const role of ROLES) {
      const frames = randomFrames(random);
      const bytes = Uint8Array.of(...wire(frames, other(role), random), ...randomBytes(random, below(random, 20)));
      const expected = naiveMessages(naiveFrames(bytes, role).frames);
      for (const split of [true, false]) {
        assertReads(bytes, (chunks) => {
          const control: Frame[] = [];
          const assembler = new MessageAssembler({ control: (frame) => control.push(frame) });
          const { output, error } = runStage(composeStages(new FrameParser({ role, split }), assembler), chunks);
          return { messages: output, control: lines(control), error };
        }, { messages: expected.messages, control: lines(expected.control), error: undefined });
      }
    }
  }
});

Deno.test("a splitting parser passes on arrived bytes as fragments (RFC 6455 §5.4)", () => {
  const parser = new FrameParser({ role: "client", split: true, reservedBits: Rsv.RSV1 });
  const steps: [hex: string, expected: Frame[]][] = [
    ["c1", []],
    ["05", []],
    ["4865", [frame(Opcode.TEXT, utf8("He"), { fin: false, rsv: Rsv.RSV1 })]],
    ["6c", [frame(Opcode.CONTINUATION, utf8("l"), { fin: false })]],
    ["6c6f8900", [frame(Opcode.CONTINUATION, utf8("lo")), frame(Opcode.PING)]],
    // What is whole stays whole.
    ["810161", [frame(Opcode.TEXT, utf8("a"))]],
    // A fragment's parts are fragments, and only the message's last part is the last.
    ["010361", [frame(Opcode.TEXT, utf8("a"), { fin: false })]],
    ["6263", [frame(Opcode.CONTINUATION, utf8("bc"), { fin: false })]],
    ["800261", [frame(Opcode.CONTINUATION, utf8("a"), { fin: false })]],
    ["62", [frame(Opcode.CONTINUATION, utf8("b"))]],
  ];
  for (const [hex, expected] of steps) assertEquals(lines(push(parser, decodeHex(hex))), lines(expected), hex);
});

Deno.test("a splitting parser keeps no payload, and its parts are views", () => {
  const parser = new FrameParser({ role: "client", split: true });
  push(parser, decodeHex("827f0000000001000000"));
  const chunk = counting(10_000);
  const frames: Frame[] = [];
  assertEquals(allocations(() => parser.push(chunk, frames)), []);
  assert(frames[0]!.payload.buffer === chunk.buffer);
});

Deno.test("missing counts the remaining bytes of a message whose last frame was passed on in parts, and is 0 otherwise", () => {
  for (const split of [false, true]) {
    const parser = new FrameParser({ role: "client", split });
    const missing = (hex: string) => {
      push(parser, decodeHex(hex));
      return parser.missing;
    };
    const steps = ["82", "03", "61", "61", "61", "8902", "61", "61", "0102"].map(missing);
    assertEquals(steps, split ? [0, 3, 2, 1, 0, 0, 0, 0, 0] : Array(9).fill(0));
  }
});

Deno.test("a splitting parser never splits a control frame", () => {
  const parser = new FrameParser({ role: "client", split: true });
  assertEquals(push(parser, decodeHex("890561")), []);
  assertEquals(lines(push(parser, decodeHex("62636465"))), lines([frame(Opcode.PING, utf8("abcde"))]));
});

Deno.test("the parser's own parts do not count as the peer's fragments", () => {
  const parser = new FrameParser({
    role: "client",
    split: true,
    maxFragments: 1,
    maxEmptyFragments: 1,
    maxMessageBytes: 100,
  });
  push(parser, decodeHex("8264"));
  for (let i = 0; i < 100; i++) push(parser, Uint8Array.of(i));
  assertStrictEquals(push(parser, decodeHex("8100")).length, 1);
});

Deno.test("F9: after stream() maxStreamedMessageBytes counts, including the earlier part of the message, and fragments do not", () => {
  const parser = new FrameParser({ role: "client", split: true, maxMessageBytes: 2, maxFragments: 2 });
  assertEquals(
    lines(push(parser, Uint8Array.of(0x02, 2, 1, 2))),
    lines([frame(Opcode.BINARY, counting(2, 1), { fin: false })]),
  );
  parser.stream(5);
  for (let i = 0; i < 3; i++) assertEquals(push(parser, Uint8Array.of(0x00, 1, i)).length, 1);
  const error = assertThrows(() => push(parser, Uint8Array.of(0x80, 1)), LimitError);
  assertEquals(
    [error.limit, error.max, error.actual, error.message],
    ["maxStreamedMessageBytes", 5, 6, "Message of 5 bytes and 1 more is larger than maxStreamedMessageBytes 5"],
  );
});

Deno.test("after stream() an endless message needs no more memory than its reads", () => {
  const parser = new FrameParser({ role: "client", split: true });
  parser.stream(Infinity);
  assertEquals(push(parser, Uint8Array.of(0x82, 127, 0x00, 0xff, 0, 0, 0, 0, 0, 0)), []);
  for (let i = 0; i < 3; i++) {
    const read = counting(1000);
    const sizes = allocations(() => assertEquals(push(parser, read)[0]?.payload.buffer, read.buffer));
    assertEquals(sizes, []);
  }
});
