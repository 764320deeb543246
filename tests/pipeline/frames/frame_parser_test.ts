import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLessOrEqual,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { decodeHex } from "@std/encoding/hex";
import { ConnectionError, LimitError, ProtocolError } from "../../../lib/errors.ts";
import { type Frame, frame, Opcode, type Role, Rsv } from "../../../lib/pipeline/frames/frame.ts";
import { FrameParser, type FrameParserOptions } from "../../../lib/pipeline/frames/frame_parser.ts";
import { hasHeadroom, HEADROOM, ROOM_PAYS } from "../../../lib/pipeline/bytes/headroom.ts";
import type { Message } from "../../../lib/pipeline/messages/message.ts";
import { MessageAssembler } from "../../../lib/pipeline/messages/message_assembler.ts";
import { composeStages } from "../../../lib/pipeline/stage.ts";
import { allocations, assertBytes, counting } from "../../_support/bytes.ts";
import { assertReads, splittings } from "../../_support/feed.ts";
import { lines, randomFrames, utf8, wire } from "../../_support/frames.ts";
import { naiveFrames, naiveMessages } from "../../_support/naive_frames.ts";
import { below, randomBytes, SEED, seeded } from "../../_support/random.ts";
import { runStage, withCloseCode } from "../../_support/stages.ts";
import { FRAME_VECTORS } from "../../vectors/frames.ts";
import { VIOLATIONS } from "../../vectors/violations.ts";

const ROLES: Role[] = ["server", "client"];

function other(role: Role): Role {
  return role === "server" ? "client" : "server";
}

/** Reads chunks to the end: the frames as lines, and the close code of the error. */
function read(options: FrameParserOptions): (chunks: Uint8Array<ArrayBuffer>[]) => [string[], number | undefined] {
  return (chunks) => {
    const { output, closeCode } = withCloseCode(runStage(new FrameParser(options), chunks));
    return [lines(output), closeCode];
  };
}

/** The frames that one push completes. */
function push(parser: FrameParser, bytes: Uint8Array<ArrayBuffer>): Frame[] {
  const frames: Frame[] = [];
  parser.push(bytes, frames);
  return frames;
}

for (const { name, sender, hex, frames, reservedBits = 0, reservedOpcodes = [] } of FRAME_VECTORS) {
  Deno.test(`a parser reads ${name}`, () => {
    assertReads(decodeHex(hex), read({ role: other(sender), reservedBits, reservedOpcodes }), [
      lines(frames),
      undefined,
    ]);
  });
}

for (const { title, options, hex, frames, at, closeCode, section, limit } of VIOLATIONS) {
  Deno.test(`${title} is refused with ${closeCode} by ${section ?? limit}`, () => {
    const bytes = decodeHex(hex);

    // One byte at a time: no earlier than `at`, and no later.
    const parser = new FrameParser(options);
    const before: Frame[] = [];
    for (const byte of bytes.subarray(0, at - 1)) parser.push(Uint8Array.of(byte), before);
    const error = assertThrows(() => parser.push(bytes.slice(at - 1, at), before));
    assertStrictEquals(before.length, frames);
    if (section !== undefined) {
      assertInstanceOf(error, ProtocolError);
      assertEquals([error.closeCode, error.section], [closeCode, section]);
    } else {
      assertInstanceOf(error, LimitError);
      assertEquals([error.closeCode, error.limit], [closeCode, limit]);
    }

    // However it is cut, behind other frames, what came before is delivered before.
    const masked = options.role === "server";
    const hello = decodeHex(masked ? "89810000000061" : "890161");
    const whole = Uint8Array.of(...hello, ...bytes);
    for (const split of [false, true]) {
      for (const { name, chunks } of splittings(whole)) {
        const { output, error: again } = runStage(new FrameParser({ ...options, split }), chunks);
        assertEquals(lines(output.slice(0, 1)), lines([frame(Opcode.PING, utf8("a"))]), name);
        // Split frames come in more parts.
        if (split) assertLessOrEqual(1 + frames, output.length, name);
        else assertStrictEquals(output.length, 1 + frames, name);
        assertInstanceOf(again, Error, name);
        assertStrictEquals(again.message, error.message, name);
      }
    }
  });
}

Deno.test("F1: neither role is fooled by a frame that is right for the other", () => {
  for (const { sender, hex, reservedBits = 0, reservedOpcodes = [] } of FRAME_VECTORS) {
    const { output, error } = runStage(new FrameParser({ role: sender, reservedBits, reservedOpcodes }), [
      decodeHex(hex),
    ]);
    assertInstanceOf(error, ProtocolError);
    assertEquals([output, error.section], [[], "RFC 6455 §5.1"]);
  }
});

Deno.test("F6: a claim that is too large is refused with nothing allocated", () => {
  const frames: Frame[] = [];
  const parser = new FrameParser({ role: "client" });
  const bytes = decodeHex("827f0080000000000001");
  assertEquals(allocations(() => assertThrows(() => parser.push(bytes, frames), LimitError)), []);
  // In parts it is a header of at most 14 bytes that is held.
  const slow = new FrameParser({ role: "client" });
  const sizes = allocations(() =>
    assertThrows(() => {
      for (let at = 0; at < bytes.length; at++) slow.push(bytes.subarray(at, at + 1), frames);
    }, LimitError)
  );
  assertEquals(sizes, [14]);
});

Deno.test("F6: a claim within the limit allocates for what arrives, not for what is claimed (CVE-2022-35922)", () => {
  const parser = new FrameParser({ role: "client" });
  const frames: Frame[] = [];
  parser.push(decodeHex("827f0000000001000000"), frames); // 16 MiB
  let arrived = 0;
  for (const length of [1, 100, 3000, 10_000]) {
    const chunk = counting(length);
    arrived += length;
    for (const size of allocations(() => parser.push(chunk, frames))) {
      assertLessOrEqual(size, Math.max(2 * arrived, 1024));
    }
  }
  assertEquals(frames, []);
});

Deno.test("F6: a length beyond 2^32 is read where no limit forbids it", () => {
  const parser = new FrameParser({ role: "client", maxMessageBytes: Infinity, split: true });
  const [part] = push(parser, decodeHex("827f001fffffffffffff" + "6162"));
  assertEquals(lines([part!]), lines([frame(Opcode.BINARY, utf8("ab"), { fin: false })]));
  assertThrows(() => parser.end(), ConnectionError);
});

Deno.test("F8: 65 536 fragments of 64 bytes pass, 4 MiB in one message (Autobahn 9.3.1)", () => {
  const message = readFragments(65_536);
  assertBytes(message, counting(65_536 * 64));
});

Deno.test("F8: 65 537 fragments are refused with 1008", () => {
  const error = assertThrows(() => readFragments(65_537), LimitError, "maxFragments 65536");
  assertEquals([error.closeCode, error.actual], [1008, 65_537]);
});

/** Reads one message in fragments of 64 bytes that count up, all in one chunk. */
function readFragments(count: number): Uint8Array {
  const fragment = Uint8Array.of(0x00, 64, ...counting(64));
  const bytes = new Uint8Array(count * fragment.length);
  for (let i = 0; i < count; i++) {
    fragment.set(counting(64, 64 * i), 2);
    bytes.set(fragment, i * fragment.length);
  }
  bytes[0] = 0x02;
  bytes[(count - 1) * fragment.length]! |= 0x80;
  const messages: Message[] = [];
  const stage = composeStages(new FrameParser({ role: "client" }), new MessageAssembler());
  stage.push(bytes, messages);
  assertStrictEquals(messages.length, 1);
  const [message] = messages;
  assertInstanceOf(message, Uint8Array);
  return message;
}

Deno.test("F8: a flood of empty fragments is refused with 1008 at the 129th in a row", () => {
  const parser = new FrameParser({ role: "client" });
  const flood = new Uint8Array(2000);
  flood[0] = 0x01;
  const frames: Frame[] = [];
  const error = assertThrows(() => parser.push(flood, frames), LimitError, "maxEmptyFragments 128");
  assertEquals([error.closeCode, error.limit, error.actual, frames.length], [1008, "maxEmptyFragments", 129, 128]);
});

Deno.test("F8: control frames between empty fragments do not hide them", () => {
  const parser = new FrameParser({ role: "client", maxEmptyFragments: 3 });
  push(parser, decodeHex("0100" + "8900" + "0000" + "8900" + "0000" + "8900"));
  const error = assertThrows(() => push(parser, decodeHex("0000")), LimitError);
  assertStrictEquals(error.limit, "maxEmptyFragments");
});

Deno.test("F8: empty fragments are counted in a row, and anew for each message", () => {
  const parser = new FrameParser({ role: "client", maxEmptyFragments: 2 });
  const message = "0100" + "0000" + "000161" + "0000" + "8000";
  assertStrictEquals(push(parser, decodeHex(message.repeat(3))).length, 15);
});

Deno.test("F8: an empty message in one frame is no empty fragment", () => {
  const parser = new FrameParser({ role: "client", maxEmptyFragments: 0 });
  assertStrictEquals(push(parser, decodeHex("8100" + "8200" + "010161" + "800161" + "8100")).length, 5);
  assertThrows(() => push(parser, decodeHex("0100")), LimitError, "maxEmptyFragments 0");
});

Deno.test("F8: fragments are counted anew for each message", () => {
  const parser = new FrameParser({ role: "client", maxFragments: 2 });
  assertStrictEquals(push(parser, decodeHex("010161800162".repeat(5) + "8100")).length, 11);
});

Deno.test("F9: bytes are counted anew for each message", () => {
  const parser = new FrameParser({ role: "client", maxMessageBytes: 2 });
  assertStrictEquals(push(parser, decodeHex("010161800162".repeat(5) + "81026162")).length, 11);
});

Deno.test("F9: control frames do not count", () => {
  const parser = new FrameParser({ role: "client", maxMessageBytes: 2, maxFragments: 2 });
  assertStrictEquals(push(parser, decodeHex("010161" + "890361626389036162638a03616263" + "800162")).length, 5);
});

Deno.test("F13: pongs nobody asked for are frames like others", () => {
  const parser = new FrameParser({ role: "client" });
  assertStrictEquals(push(parser, decodeHex("8a00" + "8a0161" + "8a0161" + "8100")).length, 4);
});

Deno.test("F15: an empty close frame is read", () => {
  assertReads(decodeHex("8800"), read({ role: "client" }), [lines([frame(Opcode.CLOSE)]), undefined]);
});

Deno.test("F16: whatever comes after a close frame is discarded, however wrong it is", () => {
  const rests = ["8800", "810161", "8900", "ffffffff", "80", "827f7fffffffffffffff", "8102"];
  for (const split of [false, true]) {
    for (const rest of rests) {
      assertReads(decodeHex("810161" + "880203e8" + rest), read({ role: "client", split }), [
        lines([frame(Opcode.TEXT, utf8("a")), frame(Opcode.CLOSE, Uint8Array.of(0x03, 0xe8))]),
        undefined,
      ]);
    }
  }
});

Deno.test("F16: a close frame inside a message ends the reading too", () => {
  assertReads(decodeHex("010161" + "8800" + "800162"), read({ role: "client" }), [
    lines([frame(Opcode.TEXT, utf8("a"), { fin: false }), frame(Opcode.CLOSE)]),
    undefined,
  ]);
});

Deno.test("a parser reads random conversations as the naive decoder does, however they are cut", () => {
  const random = seeded();
  for (let round = 0; round < 8; round++) {
    for (const role of ROLES) {
      const frames = randomFrames(random);
      const bytes = Uint8Array.of(...wire(frames, other(role), random), ...randomBytes(random, below(random, 20)));
      const naive = naiveFrames(bytes, role);
      assertEquals(lines(naive.frames), lines(frames), `SEED=${SEED}`);
      assertReads(bytes, read({ role }), [lines(frames), undefined]);
    }
  }
});

Deno.test("a parser that splits, and an assembler, read the same messages and control frames, however they are cut", () => {
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

Deno.test("a parser refuses mutated conversations as the naive decoder does: the same frames, code and byte", () => {
  const random = seeded();
  const codes = new Set<number | undefined>();
  for (let round = 0; round < 400; round++) {
    const role = ROLES[round % 2]!;
    const bytes = wire(randomFrames(random, 3), other(role), random);
    for (let i = 0; i <= below(random, 3); i++) {
      bytes[below(random, Math.min(bytes.length, 60))]! ^= 1 << below(random, 8);
    }
    const cut = bytes.slice(0, bytes.length - (below(random, 2) === 0 ? below(random, 10) : 0));
    const maxMessageBytes = 400;
    const naive = naiveFrames(cut, role, maxMessageBytes);
    codes.add(naive.closeCode);

    const what = `round ${round}, SEED=${SEED}`;
    const expected = [lines(naive.frames), naive.closeCode];
    for (const { name, chunks } of splittings(cut, 2)) {
      assertEquals(read({ role, maxMessageBytes })(chunks), expected, `${what}, fed ${name}`);
    }
    if (naive.closeCode === undefined || naive.closeCode === 1006) continue;
    const parser = new FrameParser({ role, maxMessageBytes });
    push(parser, cut.slice(0, naive.at - 1));
    assertThrows(() => push(parser, cut.slice(naive.at - 1, naive.at)), Error, "", what);
  }
  // The mutations reach every kind of end.
  for (const code of [undefined, 1002, 1006, 1009]) assert(codes.has(code), `no ${code}, SEED=${SEED}`);
});

Deno.test("a parser that ends inside a header or a payload says so, and nowhere else", () => {
  const bytes = decodeHex("818500000000" + "48656c6c6f" + "018000000000" + "80fe007e00000000" + "61".repeat(126));
  const whole = [0, 11, 17, bytes.length];
  for (const split of [false, true]) {
    for (let length = 0; length <= bytes.length; length++) {
      const parser = new FrameParser({ role: "server", split });
      push(parser, bytes.slice(0, length));
      if (whole.includes(length)) parser.end();
      else {
        const error = assertThrows(() => parser.end(), ConnectionError, "in the middle of a frame");
        assertStrictEquals(error.closeCode, 1006);
      }
    }
  }
});

Deno.test("insideMessage is true from a data frame's header to the end of the message", () => {
  for (const split of [false, true]) {
    const parser = new FrameParser({ role: "client", split });
    const inside = (hex: string) => {
      push(parser, decodeHex(hex));
      return parser.insideMessage;
    };
    assertEquals([inside(""), inside("8902"), inside("6161")], [false, false, false]);
    assertEquals([inside("81"), inside("02"), inside("61"), inside("61")], [false, true, true, false]);
    assertEquals([inside("0100"), inside("8900"), inside("8002"), inside("61"), inside("61")], [
      true,
      true,
      true,
      true,
      false,
    ]);
  }
});

Deno.test("a payload that arrived whole is a view of the chunk, unmasked in place", () => {
  const chunk = decodeHex("818537fa213d7f9f4d5158" + "818537fa213d7f9f4d5158");
  const frames = push(new FrameParser({ role: "server" }), chunk);
  assertEquals(frames.map(({ payload }) => payload.byteOffset), [6, 17]);
  for (const { payload } of frames) assert(payload.buffer === chunk.buffer);
  assertBytes(chunk.subarray(6, 11), utf8("Hello"));
});

Deno.test("a large payload has room for a header where its own stands right in front of it, and nowhere else", () => {
  for (const length of [ROOM_PAYS, 65_536]) {
    const sent = frame(Opcode.BINARY, counting(length));
    const bytes = wire([frame(Opcode.PING), sent], "client", seeded());
    const header = bytes.length - length;
    for (const split of [false, true]) {
      for (const at of [0, 1, 6, 7, 8, header - 1, header, header + 1, bytes.length - 1]) {
        const parser = new FrameParser({ role: "server", split });
        const frames = [...push(parser, bytes.slice(0, at)), ...push(parser, bytes.slice(at))].slice(1);
        const marked = frames.map(({ payload }) => hasHeadroom(payload) && payload.byteOffset < HEADROOM + 6);
        // Cut in front of it, it is whole. What was gathered has a buffer of its own.
        const expected = at <= 6 || (!split && at > header);
        assertEquals(marked, at > header && split ? [false, false] : [expected], `cut at ${at}, split ${split}`);
      }
    }
  }
});

Deno.test("a chunk that is a view itself is read where it stands", () => {
  const chunk = decodeHex("ffff" + "818537fa213d7f9f4d5158" + "ffff").subarray(2, -2);
  const [hello] = push(new FrameParser({ role: "server" }), chunk);
  assertBytes(hello!.payload, utf8("Hello"));
});

Deno.test("nothing incomplete is kept as a view: overwriting a chunk changes no frame", () => {
  const expected = [
    frame(Opcode.TEXT, counting(3)),
    frame(Opcode.BINARY, counting(300)),
    frame(Opcode.PING, counting(125)),
  ];
  const bytes = wire(expected, "client", seeded());
  for (const { name, chunks } of splittings(bytes)) {
    const parser = new FrameParser({ role: "server" });
    const read: string[] = [];
    for (const chunk of chunks) {
      read.push(...lines(push(parser, chunk)));
      chunk.fill(0xee);
    }
    assertEquals(read, lines(expected), name);
  }
});

Deno.test("a payload that arrived in parts is an exact private buffer", () => {
  const parser = new FrameParser({ role: "client" });
  const parts = [decodeHex("827e0bb8"), counting(1000), counting(1999, 1000), counting(1, 2999)];
  const frames: Frame[] = [];
  const sizes = allocations(() => parts.forEach((part) => parser.push(part, frames)));
  assert(sizes.every((size) => size <= 3000), `${sizes}`);
  const [read] = frames;
  assertBytes(read!.payload, counting(3000));
  assertStrictEquals(read!.payload.buffer.byteLength, 3000);
  for (const part of parts) assert(read!.payload.buffer !== part.buffer);
});

Deno.test("a parser that splits hands on what there is as fragments (RFC 6455 §5.4)", () => {
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

Deno.test("a parser that splits holds no payload, and its parts are views", () => {
  const parser = new FrameParser({ role: "client", split: true });
  push(parser, decodeHex("827f0000000001000000"));
  const chunk = counting(10_000);
  const frames: Frame[] = [];
  assertEquals(allocations(() => parser.push(chunk, frames)), []);
  assert(frames[0]!.payload.buffer === chunk.buffer);
});

Deno.test("missing is what is yet to come of a message whose last frame was handed on in parts, and 0 everywhere else", () => {
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

Deno.test("a parser that splits never splits a control frame", () => {
  const parser = new FrameParser({ role: "client", split: true });
  assertEquals(push(parser, decodeHex("890561")), []);
  assertEquals(lines(push(parser, decodeHex("62636465"))), lines([frame(Opcode.PING, utf8("abcde"))]));
});

Deno.test("the parts that a parser makes are not fragments that the peer is charged for", () => {
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

Deno.test("F9: from stream() on maxStreamedMessageBytes counts, what came of the message before included, and fragments do not", () => {
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

Deno.test("from stream() on a message without end needs no more memory than its reads", () => {
  const parser = new FrameParser({ role: "client", split: true });
  parser.stream(Infinity);
  assertEquals(push(parser, Uint8Array.of(0x82, 127, 0x00, 0xff, 0, 0, 0, 0, 0, 0)), []);
  for (let i = 0; i < 3; i++) {
    const read = counting(1000);
    const sizes = allocations(() => assertEquals(push(parser, read)[0]?.payload.buffer, read.buffer));
    assertEquals(sizes, []);
  }
});
