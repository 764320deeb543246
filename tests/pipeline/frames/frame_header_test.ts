import { assertEquals } from "@std/assert";
import { decodeHex } from "@std/encoding/hex";
import {
  isFinal,
  isMasked,
  lengthCodeOf,
  opcodeOf,
  readLength,
  readUint32,
  reservedBitsOf,
  sizeWithoutKey,
} from "../../../lib/pipeline/frames/frame_header.ts";
import { firstByte, headerSize, writeHeader } from "../../../lib/pipeline/frames/frame_writer.ts";

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
