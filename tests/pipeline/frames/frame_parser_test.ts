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
import { type Frame, frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import { headerSize } from "../../../lib/pipeline/frames/frame_layout.ts";
import { FrameParser } from "../../../lib/pipeline/frames/frame_parser.ts";
import { hasHeadroom, HEADROOM, MIN_BYTES_FOR_HEADROOM } from "../../../lib/pipeline/bytes/headroom.ts";
import { allocations, assertBytes, counting } from "../../_support/bytes.ts";
import { assertReads, splittings } from "../../_support/feed.ts";
import { lines, randomFrames, utf8, wire } from "../../_support/frames.ts";
import { naiveFrames } from "../../_support/naive_frames.ts";
import { below, randomBytes, SEED, seeded } from "../../_support/random.ts";
import { runStage } from "../../_support/stages.ts";
import { FRAME_VECTORS } from "../../vectors/frames.ts";
import { VIOLATIONS } from "../../vectors/violations.ts";
import { other, push, read, ROLES } from "./_support.ts";

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

Deno.test("F1: neither role accepts a frame that is valid only for the other", () => {
  for (const { sender, hex, reservedBits = 0, reservedOpcodes = [] } of FRAME_VECTORS) {
    const { output, error } = runStage(new FrameParser({ role: sender, reservedBits, reservedOpcodes }), [
      decodeHex(hex),
    ]);
    assertInstanceOf(error, ProtocolError);
    assertEquals([output, error.section], [[], "RFC 6455 §5.1"]);
  }
});

Deno.test("F13: unsolicited pongs are parsed like other frames", () => {
  const parser = new FrameParser({ role: "client" });
  assertStrictEquals(push(parser, decodeHex("8a00" + "8a0161" + "8a0161" + "8100")).length, 4);
});

Deno.test("F15: an empty close frame is parsed", () => {
  assertReads(decodeHex("8800"), read({ role: "client" }), [lines([frame(Opcode.CLOSE)]), undefined]);
});

Deno.test("F16: all bytes after a close frame are discarded, however invalid", () => {
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

Deno.test("F16: a close frame inside a message also ends the parsing", () => {
  assertReads(decodeHex("010161" + "8800" + "800162"), read({ role: "client" }), [
    lines([frame(Opcode.TEXT, utf8("a"), { fin: false }), frame(Opcode.CLOSE)]),
    undefined,
  ]);
});

Deno.test("a parser reads random conversations like the naive decoder, however they are cut", () => {
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

Deno.test("a parser refuses mutated conversations like the naive decoder: the same frames, code and byte", () => {
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

Deno.test("a parser reports an end inside a header or a payload, and no other end", () => {
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

Deno.test("a large payload has room for a header only if its own header is right in front of it", () => {
  for (const length of [MIN_BYTES_FOR_HEADROOM, 65_536]) {
    const sent = frame(Opcode.BINARY, counting(length));
    const bytes = wire([frame(Opcode.PING), sent], "client", seeded());
    const header = bytes.length - length;
    for (const split of [false, true]) {
      for (const at of [0, 1, 6, 7, 8, header - 1, header, header + 1, bytes.length - 1]) {
        const parser = new FrameParser({ role: "server", split });
        const frames = [...push(parser, bytes.slice(0, at)), ...push(parser, bytes.slice(at))].slice(1);
        const marked = frames.map(({ payload }) =>
          hasHeadroom(payload, headerSize(length, false)) && payload.byteOffset < HEADROOM + 6
        );
        // Cut in front of it, it is whole. What was gathered has a buffer of its own.
        const expected = at <= 6 || (!split && at > header);
        assertEquals(marked, at > header && split ? [false, false] : [expected], `cut at ${at}, split ${split}`);
      }
    }
  }
});

Deno.test("a chunk that is a view is parsed in place", () => {
  const chunk = decodeHex("ffff" + "818537fa213d7f9f4d5158" + "ffff").subarray(2, -2);
  const [hello] = push(new FrameParser({ role: "server" }), chunk);
  assertBytes(hello!.payload, utf8("Hello"));
});

Deno.test("no incomplete frame is kept as a view: overwriting a chunk changes no frame", () => {
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
