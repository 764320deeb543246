import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { decodeHex, encodeHex } from "@std/encoding/hex";
import { frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import { FrameEncoderStream } from "../../../lib/pipeline/frames/frame_encoder_stream.ts";
import { assertBytes, counting } from "../../_support/bytes.ts";
import { naiveFrames } from "../../_support/naive_frames.ts";
import { FRAME_VECTORS } from "../../vectors/frames.ts";

Deno.test("a FrameEncoderStream writes the same bytes as the serializer, one chunk for a batch", async () => {
  for (const { name, sender, maskKey = 0, hex, frames } of FRAME_VECTORS.filter(({ hex }) => hex.length < 1000)) {
    const encoder = new FrameEncoderStream({ role: sender, maskKey: () => maskKey });
    const chunks = await Array.fromAsync(ReadableStream.from([frames, frames]).pipeThrough(encoder));
    assertEquals(chunks.map((chunk) => encodeHex(chunk)), [hex, hex], name);
  }
});

Deno.test("a FrameEncoderStream passes on a server's large payload uncopied and in order", async () => {
  const large = counting(65_536);
  const batches = ReadableStream.from([[frame(Opcode.PING), frame(Opcode.BINARY, large), frame(Opcode.PONG)]]);
  const chunks = await Array.fromAsync(batches.pipeThrough(new FrameEncoderStream({ role: "server" })));
  assertEquals(chunks.map((chunk) => chunk.length), [12, 65_536, 2]);
  assert(chunks[1] === large);
});

Deno.test("a FrameEncoderStream writes nothing for an empty batch", async () => {
  const batches = ReadableStream.from([[], [frame(Opcode.PING)], []]);
  const chunks = await Array.fromAsync(batches.pipeThrough(new FrameEncoderStream({ role: "server" })));
  assertEquals(chunks, [decodeHex("8900")]);
});

Deno.test("a client's FrameEncoderStream masks with fresh keys by default", async () => {
  const batches = ReadableStream.from([[frame(Opcode.BINARY, counting(8))], [frame(Opcode.BINARY, counting(8))]]);
  const [first, second] = await Array.fromAsync(batches.pipeThrough(new FrameEncoderStream({ role: "client" })));
  assert(encodeHex(first!) !== encodeHex(second!)); // the same once in 2^32 runs
  for (const chunk of [first!, second!]) {
    const { frames, at } = naiveFrames(chunk, "server");
    assertStrictEquals(at, chunk.length);
    assertBytes(frames[0]!.payload, counting(8));
  }
});
