/**
 * What a hop between streams costs: the same two stages, bytes to messages, called directly, in one `TransformStream`, and in
 * one each. One small message is what a chat sends, a batch of 64 what a busy connection's read completes.
 */
import { FrameDecoderStream } from "../../lib/pipeline/frames/frame_decoder_stream.ts";
import { FrameParser } from "../../lib/pipeline/frames/frame_parser.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { MessageAssembler } from "../../lib/pipeline/messages/message_assembler.ts";
import { MessageDecoderStream } from "../../lib/pipeline/messages/message_decoder_stream.ts";
import { composeStages } from "../../lib/pipeline/stage.ts";
import { pipeStages } from "../../lib/pipeline/stage_stream.ts";
import { letters, repeat, requestFrame } from "../frames.ts";

const role = "server";
const stages = () => [new FrameParser({ role }), new MessageAssembler()] as const;

/** A pair of ends, by which a chunk goes in and its batch comes out. */
function ends({ readable, writable }: TransformStream<Uint8Array<ArrayBuffer>, Message[]>) {
  return { writer: writable.getWriter(), reader: readable.getReader() };
}

function twoHops(): TransformStream<Uint8Array<ArrayBuffer>, Message[]> {
  const frames = new FrameDecoderStream({ role });
  return { writable: frames.writable, readable: frames.readable.pipeThrough(new MessageDecoderStream()) };
}

for (const count of [1, 64]) {
  const group = `bytes to ${count} ${count === 1 ? "message" : "messages"}`;
  const chunk = repeat(requestFrame(letters(32)), count);

  const direct = composeStages(...stages());
  Deno.bench({ name: "no stream", group, baseline: true, fn: () => direct.push(chunk, []) });

  const ways = { "one TransformStream": ends(pipeStages(...stages())), "two TransformStreams": ends(twoHops()) };
  for (const [name, { writer, reader }] of Object.entries(ways)) {
    Deno.bench({
      name,
      group,
      async fn() {
        void writer.write(chunk);
        await reader.read();
      },
    });
  }
}
