/**
 * An assembler gives what a naive assembly gives, in whatever batches frames come, alone and behind a parser; and so does a splitter
 * whose parts are put together.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import type { Frame } from "../../lib/pipeline/frames/frame.ts";
import { FrameParser } from "../../lib/pipeline/frames/frame_parser.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { MessageAssembler } from "../../lib/pipeline/messages/message_assembler.ts";
import { type MessagePart, MessageSplitter } from "../../lib/pipeline/messages/message_splitter.ts";
import { composeStages, type Stage } from "../../lib/pipeline/stage.ts";
import { concat } from "../_support/bytes.ts";
import { lines } from "../_support/frames.ts";
import { naiveBytes } from "../_support/naive_frames.ts";
import { below, type Random, randomBytes } from "../_support/random.ts";
import { runStage } from "../_support/stages.ts";
import { randomFrameInput } from "./frame_parser.ts";
import { looseFrames, naiveAssembly, naiveReading } from "./_naive_frames.ts";
import { cuts, failureOf, type FuzzTarget, fuzzTarget, mutateBytes, oneOf } from "./_target.ts";
import { randomUtf8 } from "./utf8.ts";

/** Frames out of any sequence, text that is none and text that is cut anywhere, as bytes that `looseFrames` reads. */
function randomLooseFrames(random: Random): Uint8Array<ArrayBuffer> {
  const bytes = Array.from({ length: below(random, 10) }, () => {
    const payload = below(random, 3) === 0 ? randomBytes(random, below(random, 40)) : randomUtf8(random);
    const opcode = oneOf(random, [0, 0, 0, 1, 1, 2, 9, 10, 8]);
    return naiveBytes({ fin: below(random, 2) === 0, rsv: 0, opcode, payload: payload.slice(0, 120) });
  });
  return Uint8Array.from(bytes.flat());
}

/** What came out, as text: messages, then control frames, then why it ended. */
function said(messages: readonly Message[], control: readonly Frame[], failure: string | undefined): string {
  const shown = messages.map((message) => typeof message === "string" ? JSON.stringify(message) : encodeHex(message));
  return [...shown, ...lines(control), failure ?? "ok"].join("\n");
}

/** Both ways from frames to messages. */
const STAGES: Record<string, (max: number, control: (frame: Frame) => void) => Stage<readonly Frame[], Message>> = {
  "an assembler": (maxMessageBytes, control) => new MessageAssembler({ maxMessageBytes, control }),
  "a splitter": (maxStreamedMessageBytes, control) =>
    composeStages(new MessageSplitter({ maxStreamedMessageBytes, control }), together()),
};

/** Parts to messages. */
function together(): Stage<readonly MessagePart[], Message> {
  let held: Message[] | undefined;
  return {
    push(parts, messages) {
      for (const { data, first, last } of parts) {
        assertEquals(held === undefined, first);
        held = [...held ?? [], data];
        if (!last) continue;
        const texts = held.filter((part) => typeof part === "string");
        const binary = held.filter((part) => typeof part !== "string");
        assertEquals(texts.length * binary.length, 0);
        messages.push(texts.length > 0 ? texts.join("") : concat(binary));
        held = undefined;
      }
    },
  };
}

/** Runs a stage to its end and says what came out. */
function run<In>(
  make: (control: (frame: Frame) => void) => Stage<In, Message>,
  inputs: Iterable<In>,
  room: number,
): string {
  const control: Frame[] = [];
  const { output, error } = runStage(make((frame) => control.push(frame)), inputs);
  const size = output.reduce((sum, { length }) => sum + length, 0); // a text has no more code units than bytes
  assert(size <= room, `${size} of message from ${room} bytes`);
  // The same limit goes by another name where nothing is held.
  return said(output, control, failureOf(error)?.replace("maxStreamedMessageBytes", "maxMessageBytes"));
}

/** The target. */
export const target: FuzzTarget = fuzzTarget({
  name: "message_assembler",
  make(random) {
    if (below(random, 2) === 0) return randomFrameInput(random);
    const options = { role: "client", maxMessageBytes: oneOf(random, [2 ** 24, 1, 20, 120]) } as const;
    return { bytes: mutateBytes(random, randomLooseFrames(random)), options };
  },
  check({ bytes, options }, random) {
    const { maxMessageBytes = Infinity } = options;

    const frames = looseFrames(bytes);
    const alone = naiveAssembly(frames, maxMessageBytes);
    const middle = below(random, frames.length + 1);
    for (
      const batches of [[frames], frames.map((frame) => [frame]), [frames.slice(0, middle), [], frames.slice(middle)]]
    ) {
      for (const [name, make] of Object.entries(STAGES)) {
        const actual = run((control) => make(maxMessageBytes, control), batches, bytes.length);
        const expected = said(alone.messages, alone.control, alone.failure);
        assertStrictEquals(actual, expected, `${name}, in ${batches.length} batches`);
      }
    }

    const reading = naiveReading(bytes, options);
    for (const split of [false, true]) {
      const behind = naiveAssembly([...reading.frames, ...split ? reading.partial : []], maxMessageBytes);
      // Frames that merely stop inside a message are no failure of their own where the parser has one.
      const failure = behind.failure === "1006" ? reading.failure ?? "1006" : behind.failure ?? reading.failure;
      for (const { name, chunks } of cuts(bytes, random)) {
        for (const [stage, make] of Object.entries(STAGES)) {
          const actual = run(
            (control) =>
              composeStages<Uint8Array<ArrayBuffer>, Frame, Message>(
                new FrameParser({ ...options, split }),
                make(maxMessageBytes, control),
              ),
            chunks.map((chunk) => chunk.slice()), // the parser unmasks in place
            bytes.length,
          );
          const expected = said(behind.messages, behind.control, failure);
          assertStrictEquals(actual, expected, `${stage} behind a parser, ${name}, ${split}`);
        }
      }
    }
  },
});
