import { assertEquals } from "@std/assert";
import { decodeHex } from "@std/encoding/hex";
import { mask } from "../../../lib/pipeline/bytes/mask.ts";
import type { Frame } from "../../../lib/pipeline/frames/frame.ts";
import { FrameScanner } from "../../../lib/pipeline/frames/frame_scanner.ts";
import { assertReads } from "../../_support/feed.ts";
import { lines, randomFrames, wire } from "../../_support/frames.ts";
import { seeded } from "../../_support/random.ts";
import { FRAME_VECTORS } from "../../vectors/frames.ts";

/** The frames that a scanner finds. */
function scan(chunks: Uint8Array<ArrayBuffer>[]): string[] {
  const scanner = new FrameScanner();
  const frames: Frame[] = [];
  let payload: number[] = [];
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      at = scanner.next(chunk, at);
      payload.push(...chunk.subarray(scanner.from, at));
      if (!scanner.complete) continue;
      const { fin, rsv, opcode, key = 0 } = scanner;
      const bytes = Uint8Array.from(payload);
      mask(bytes, key);
      frames.push({ fin, rsv, opcode, payload: bytes });
      payload = [];
    }
  }
  return lines(frames);
}

for (const { name, hex, frames } of FRAME_VECTORS) {
  Deno.test(`a scanner walks over ${name}`, () => assertReads(decodeHex(hex), scan, lines(frames)));
}

for (const sender of ["client", "server"] as const) {
  Deno.test(`a scanner finds the frames of a random conversation of a ${sender}, however it is cut`, () => {
    const random = seeded();
    for (let round = 0; round < 5; round++) {
      const frames = randomFrames(random);
      assertReads(wire(frames, sender, random), scan, lines(frames));
    }
  });

  Deno.test(`a scanner counts the messages of a ${sender}: whole ones, those in fragments, and no control frame`, () => {
    const frames = randomFrames(seeded(), 12);
    assertReads(
      wire(frames, sender, seeded()),
      (chunks) => {
        const scanner = new FrameScanner();
        return chunks.reduce((sum, chunk) => sum + scanner.countMessages(chunk), 0);
      },
      12,
    );
  });
}

Deno.test("a scanner checks no rules: reserved bits, unknown opcodes and long control frames are skipped", () => {
  const scanner = new FrameScanner();
  const bytes = decodeHex("7f7e0080" + "00".repeat(0x80) + "8302abcd");
  let at = scanner.next(bytes, 0);
  assertEquals([at, scanner.fin, scanner.rsv, scanner.opcode, scanner.length], [132, false, 7, 15, 128]);
  at = scanner.next(bytes, at);
  assertEquals([at, scanner.fin, scanner.rsv, scanner.opcode, scanner.length], [136, true, 0, 3, 2]);
});

Deno.test("a scanner changes nothing, and knows how many bytes remain", () => {
  const bytes = decodeHex("818537fa213d7f9f4d");
  const scanner = new FrameScanner();
  assertEquals(scanner.next(bytes, 0), 9);
  assertEquals([scanner.complete, scanner.length, scanner.remaining, scanner.key], [
    false,
    5,
    2,
    0x37fa213d,
  ]);
  assertEquals(bytes, decodeHex("818537fa213d7f9f4d"));
});
