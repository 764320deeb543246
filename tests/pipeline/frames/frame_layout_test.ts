import { assertEquals, assertLess, assertStrictEquals } from "@std/assert";
import { decodeHex, encodeHex } from "@std/encoding/hex";
import { Opcode } from "../../../lib/pipeline/frames/frame.ts";
import {
  firstByte,
  headerSize,
  isFinal,
  isMasked,
  lengthCodeOf,
  MAX_HEADER_BYTES,
  opcodeOf,
  readLength,
  readUint32,
  reservedBitsOf,
  sizeWithoutKey,
  writeFrame,
  writeHeader,
  writeText,
} from "../../../lib/pipeline/frames/frame_layout.ts";
import { assertBytes, counting } from "../../_support/bytes.ts";
import { utf8 } from "../../_support/frames.ts";
import { naiveBytes } from "../../_support/naive_frames.ts";
import { below, randomBytes, SEED, seeded } from "../../_support/random.ts";

Deno.test("every first byte is parsed to the FIN, reserved bits and opcode that it was written from", () => {
  for (let first = 0; first < 256; first++) {
    assertEquals(firstByte(opcodeOf(first), isFinal(first), reservedBitsOf(first)), first);
  }
});

Deno.test("RFC 6455 §5.2: a header of each length, masked and not, is parsed as it was written", () => {
  for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
    for (const key of [undefined, 0, 1, 0x8000_0000, 0xffff_ffff]) {
      const size = headerSize(length, key !== undefined);
      // Behind other bytes, and in front of some: neither is read.
      const bytes = new Uint8Array(3 + size + 8).fill(0xff);
      writeHeader(bytes, 3, { first: 0x82, length, key });
      const second = bytes[4]!;
      assertEquals(isMasked(second), key !== undefined);
      assertEquals(readLength(bytes, 3), length);
      assertEquals(sizeWithoutKey(second) + (isMasked(second) ? 4 : 0), size);
      assertEquals(lengthCodeOf(second), length < 126 ? length : length < 65_536 ? 126 : 127);
      if (key !== undefined) assertEquals(readUint32(bytes, 3 + sizeWithoutKey(second)), key);
    }
  }
});

Deno.test("RFC 6455 §5.7: the headers of its examples are parsed", () => {
  const read = (hex: string) => {
    const header = decodeHex(hex);
    const [first, second] = [header[0]!, header[1]!];
    return [isFinal(first), opcodeOf(first), isMasked(second), readLength(header, 0), sizeWithoutKey(second)];
  };
  assertEquals(read("8105"), [true, 1, false, 5, 2]);
  assertEquals(read("818537fa213d"), [true, 1, true, 5, 2]);
  assertEquals(read("0103"), [false, 1, false, 3, 2]);
  assertEquals(read("827e0100"), [true, 2, false, 256, 4]);
  assertEquals(read("827f0000000000010000"), [true, 2, false, 65_536, 10]);
});

Deno.test("a 64-bit length beyond any limit is parsed approximately", () => {
  assertEquals(readLength(decodeHex("827f7fffffffffffffff"), 0), 2 ** 63);
});

Deno.test("headerSize matches writeHeader, at every boundary and beyond 2^32", () => {
  for (const length of [0, 125, 126, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
    for (const key of [undefined, 0, 0xffff_ffff]) {
      const target = new Uint8Array(MAX_HEADER_BYTES + 2).fill(0xee);
      const size = writeHeader(target, 1, { first: 0x82, length, key }) - 1;
      assertStrictEquals(size, headerSize(length, key !== undefined));
      assertLess(size, MAX_HEADER_BYTES + 1);
      assertStrictEquals(target[0], 0xee);
      assertStrictEquals(target[1 + size], 0xee);
    }
  }
});

Deno.test("writeHeader writes a length above 2^32 in 64 bits", () => {
  const target = new Uint8Array(10);
  writeHeader(target, 0, { first: 0x82, length: 2 ** 53 - 1, key: undefined });
  assertStrictEquals(encodeHex(target), "827f001fffffffffffff");
});

Deno.test("firstByte combines FIN, the reserved bits and the opcode", () => {
  assertEquals([firstByte(1), firstByte(1, false), firstByte(1, true, 0b100), firstByte(0xf, false, 0b011)], [
    0x81,
    0x01,
    0xc1,
    0x3f,
  ]);
});

/** Masking keys, and none. */
const KEYS = [undefined, 0, 1, 0x37fa_213d, 0x8000_0000, 0xffff_ffff];

const keyBytes = (key: number | undefined) =>
  key === undefined ? undefined : [key >>> 24, (key >>> 16) & 255, (key >>> 8) & 255, key & 255];

/** Lengths at which a header grows, a mask has a rest, or a loop ends. */
const LENGTHS = [
  ...Array(36).keys(),
  63,
  64,
  65,
  124,
  125,
  126,
  127,
  128,
  4093,
  4096,
  65_534,
  65_535,
  65_536,
  65_537,
];

/** Runs a writer at a place among other bytes, and compares what it wrote with the naive writer's bytes. */
function assertWrites(
  write: (target: Uint8Array, start: number) => number,
  { start, room, expected, what }: { start: number; room: number; expected: readonly number[]; what: string },
): void {
  const target = new Uint8Array(start + room + 9).fill(0xee);
  const end = write(target, start);
  assertStrictEquals(end, start + expected.length, what);
  assertBytes(target.subarray(start, end), Uint8Array.from(expected), what);
  for (let at = 0; at < start; at++) assertStrictEquals(target[at], 0xee, what);
  for (let at = start + room; at < target.length; at++) assertStrictEquals(target[at], 0xee, what);
}

Deno.test("writeFrame writes the same bytes as the naive writer, at every length near an edge and every alignment, and nothing else", () => {
  const random = seeded();
  for (const length of LENGTHS) {
    const payload = randomBytes(random, length);
    const before = payload.slice();
    for (const key of length > 1000 ? KEYS.slice(0, 4) : KEYS) {
      const [fin, rsv, opcode] = [below(random, 2) === 1, below(random, 8), below(random, 16)];
      const expected = naiveBytes({ fin, rsv, opcode, payload }, keyBytes(key));
      for (let start = 0; start < (length > 1000 ? 4 : 9); start++) {
        const first = firstByte(opcode, fin, rsv);
        assertWrites((target, start) => writeFrame(target, start, { first, key }, payload), {
          start,
          room: expected.length,
          expected,
          what: `${length} bytes at ${start} with ${key}, SEED=${SEED}`,
        });
      }
    }
    assertBytes(payload, before);
  }
});

Deno.test("writeFrame accepts a payload anywhere in its memory", () => {
  const memory = counting(300);
  for (let offset = 0; offset < 9; offset++) {
    const payload = memory.subarray(offset, offset + 130);
    const expected = naiveBytes({ fin: true, rsv: 0, opcode: 2, payload }, keyBytes(0x0102_0304));
    assertWrites((target, start) => writeFrame(target, start, { first: 0x82, key: 0x0102_0304 }, payload), {
      start: 3,
      room: expected.length,
      expected,
      what: `from ${offset}`,
    });
  }
  assertBytes(memory, counting(300));
});

Deno.test("writeText writes the same bytes as the naive writer, for all characters, at every length near an edge and every alignment", () => {
  // A character of one to four bytes; the third is a lone surrogate, which is sent as U+FFFD.
  const characters = ["x", "é", "\ud800", "€", "𐍈", "\0", "\x7f", "\x80"];
  const texts = characters.flatMap((character) =>
    LENGTHS.filter((length) => length < 130 || character === "x" || character === "€").flatMap((length) => [
      character.repeat(length),
      "a".repeat(length) + character, // not until the end of the loop over ASCII
      character + "a".repeat(length),
    ])
  );
  // The header grows by what the text has besides ASCII: the text moves up.
  texts.push("é".repeat(63), "€".repeat(41) + "xx", "€".repeat(42), "€".repeat(21_845), "€".repeat(21_845) + "x");
  for (const [i, text] of texts.entries()) {
    const payload = utf8(text);
    for (const key of [undefined, KEYS[1 + i % 5]]) {
      const expected = naiveBytes({ fin: true, rsv: 0, opcode: Opcode.TEXT, payload }, keyBytes(key));
      for (const start of text.length > 1000 ? [i % 4] : [0, 1, 2, 3]) {
        assertWrites((target, start) => writeText(target, start, text, key), {
          start,
          room: MAX_HEADER_BYTES + 3 * text.length,
          expected,
          what: `${text.length} characters from ${JSON.stringify(text.slice(0, 2))} at ${start} with ${key}`,
        });
      }
    }
  }
});
