/**
 * Bytes to frames. Unmasking in place changes the payload each time, which is as good a payload as before.
 */
import type { Frame } from "../../lib/pipeline/frames/frame.ts";
import { FrameParser } from "../../lib/pipeline/frames/frame_parser.ts";
import { letters, repeat, requestFrame } from "../frames.ts";

const small = repeat(requestFrame(letters(32)), 64);
const large = requestFrame(letters(64 * 1024));

function parse(chunks: readonly Uint8Array<ArrayBuffer>[], parser: FrameParser): void {
  const frames: Frame[] = [];
  for (const chunk of chunks) parser.push(chunk, frames);
}

/** The same bytes as they come in reads of `size`. */
function cut(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer>[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
}

const cases = {
  "64 frames of 32 B": { whole: [small], "in reads of 100 B": cut(small, 100) },
  "a frame of 64 KiB": { whole: [large], "in reads of 16 KiB": cut(large, 16 * 1024) },
};
for (const [group, ways] of Object.entries(cases)) {
  for (const [name, chunks] of Object.entries(ways)) {
    const parser = new FrameParser({ role: "server" });
    Deno.bench({ name, group: `parse ${group}`, fn: () => parse(chunks, parser) });
  }
}
