import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { decodeHex } from "@std/encoding/hex";
import { ConnectionError, WebSocketError } from "../../../lib/errors.ts";
import { frame, Opcode, type Role } from "../../../lib/pipeline/frames/frame.ts";
import { FrameDecoderStream } from "../../../lib/pipeline/frames/frame_decoder_stream.ts";
import { FrameParser } from "../../../lib/pipeline/frames/frame_parser.ts";
import { splittings } from "../../_support/feed.ts";
import { lines, randomFrames, utf8, wire } from "../../_support/frames.ts";
import { seeded } from "../../_support/random.ts";
import { runStage, runStream } from "../../_support/stages.ts";
import { VIOLATIONS } from "../../vectors/violations.ts";

const ROLES: { role: Role; sender: Role }[] = [
  { role: "server", sender: "client" },
  { role: "client", sender: "server" },
];

Deno.test("a FrameDecoderStream reads the same frames as the parser, one batch for every chunk that completes a frame", async () => {
  const random = seeded();
  for (const { role, sender } of ROLES) {
    const bytes = wire(randomFrames(random), sender, random);
    for (const { name, chunks } of splittings(bytes)) {
      const parser = new FrameParser({ role });
      const batches = chunks.map((chunk) => runStage({ push: parser.push.bind(parser) }, [chunk.slice()]).output);
      const { output, error } = await runStream(
        ReadableStream.from(chunks).pipeThrough(new FrameDecoderStream({ role })),
      );
      assertStrictEquals(error, undefined, name);
      assertEquals(output.map(lines), batches.filter((batch) => batch.length > 0).map(lines), name);
    }
  }
});

for (const { title, options, hex, frames, closeCode } of VIOLATIONS) {
  Deno.test(`${title}: the frames before it reach the reader, then the error`, async () => {
    const bytes = decodeHex((options.role === "server" ? "89810000000061" : "890161") + hex);
    for (const { name, chunks } of splittings(bytes, 1)) {
      const stream = ReadableStream.from(chunks).pipeThrough(new FrameDecoderStream(options));
      const { output, error } = await runStream(stream);
      assertStrictEquals(output.flat().length, 1 + frames, name);
      assertEquals(lines(output.flat().slice(0, 1)), lines([frame(Opcode.PING, utf8("a"))]), name);
      assertInstanceOf(error, WebSocketError, name);
      assertStrictEquals(error.closeCode, closeCode, name);
    }
  });
}

Deno.test("a FrameDecoderStream errors if the bytes end inside a frame, after the frames before", async () => {
  for (const { name, chunks } of splittings(decodeHex("8900" + "810261"))) {
    const stream = ReadableStream.from(chunks).pipeThrough(new FrameDecoderStream({ role: "client" }));
    const { output, error } = await runStream(stream);
    assertEquals(lines(output.flat()), lines([frame(Opcode.PING)]), name);
    assertInstanceOf(error, ConnectionError, name);
  }
});

Deno.test("F16: a FrameDecoderStream discards everything after a close frame and ends with its input", async () => {
  const stream = ReadableStream.from([decodeHex("8800" + "ff"), decodeHex("ffff")])
    .pipeThrough(new FrameDecoderStream({ role: "client" }));
  const { output, error } = await runStream(stream);
  assertEquals([output.map(lines), error], [[lines([frame(Opcode.CLOSE)])], undefined]);
});
