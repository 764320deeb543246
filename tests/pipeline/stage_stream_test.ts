import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { decodeHex } from "@std/encoding/hex";
import { ProtocolError } from "../../lib/errors.ts";
import { type Frame, Opcode, type Role } from "../../lib/pipeline/frames/frame.ts";
import { FrameDecoderStream } from "../../lib/pipeline/frames/frame_decoder_stream.ts";
import { FrameEncoderStream } from "../../lib/pipeline/frames/frame_encoder_stream.ts";
import { FrameParser } from "../../lib/pipeline/frames/frame_parser.ts";
import { FrameSerializer } from "../../lib/pipeline/frames/frame_serializer.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { MessageAssembler } from "../../lib/pipeline/messages/message_assembler.ts";
import { MessageDecoderStream } from "../../lib/pipeline/messages/message_decoder_stream.ts";
import { MessageEncoderStream } from "../../lib/pipeline/messages/message_encoder_stream.ts";
import { MessageFragmenter } from "../../lib/pipeline/messages/message_fragmenter.ts";
import { composeStages, type Stage } from "../../lib/pipeline/stage.ts";
import { pipeStages, StageStream } from "../../lib/pipeline/stage_stream.ts";
import { assertBytes } from "../_support/bytes.ts";
import { splittings } from "../_support/feed.ts";
import { randomFrames, wire } from "../_support/frames.ts";
import { naiveMessages } from "../_support/naive_frames.ts";
import { seeded } from "../_support/random.ts";
import { runStage, runStream } from "../_support/stages.ts";
import { settle } from "../_support/wait.ts";

/** Gives the numbers below 10 of a batch, throws at any other; ends with 0. */
const digits = (): Stage<number[], number> => ({
  push(batch, output) {
    for (const number of batch) {
      if (number > 9) throw new RangeError(`${number}`);
      output.push(number);
    }
  },
  end: (output) => void output.push(0),
});

const ROLES: { role: Role; sender: Role }[] = [
  { role: "server", sender: "client" },
  { role: "client", sender: "server" },
];

Deno.test("a StageStream emits one batch for each chunk that completes something, and the output of the end", async () => {
  const stream = ReadableStream.from([[1, 2], [], [3]]).pipeThrough(new StageStream(digits()));
  assertEquals(await runStream(stream), { output: [[1, 2], [3], [0]], error: undefined });
});

Deno.test("a StageStream runs a stage without an end", async () => {
  const { push } = digits();
  const stream = ReadableStream.from([[1]]).pipeThrough(new StageStream({ push }));
  assertEquals(await runStream(stream), { output: [[1]], error: undefined });
});

Deno.test("the batch before an error reaches the reader, then the error, through any number of pipes", async () => {
  const source = () => ReadableStream.from([[1], [2, 3, 10, 4], [5]]);
  const one = await runStream(source().pipeThrough(new StageStream(digits())));
  const three = await runStream(
    source().pipeThrough(new StageStream(digits())).pipeThrough(new StageStream(digits()))
      .pipeThrough(new StageStream(digits())),
  );
  for (const { output, error } of [one, three]) {
    assertEquals(output, [[1], [2, 3]]);
    assertInstanceOf(error, RangeError);
  }
});

Deno.test("the batch before an error waits for a late reader", async () => {
  const stream = ReadableStream.from([[1, 10]]).pipeThrough(new StageStream(digits()))
    .pipeThrough(new StageStream(digits()));
  await settle();
  const { output, error } = await runStream(stream);
  assertEquals(output, [[1]]);
  assertInstanceOf(error, RangeError);
});

Deno.test("a batch that the end emits before its error reaches the reader", async () => {
  const stage: Stage<number, number> = {
    push() {},
    end(output) {
      output.push(1);
      throw new RangeError("end");
    },
  };
  const { output, error } = await runStream(ReadableStream.from([0]).pipeThrough(new StageStream(stage)));
  assertEquals(output, [[1]]);
  assertInstanceOf(error, RangeError);
});

Deno.test("a StageStream accepts no chunk before it is read: backpressure passes through", async () => {
  const seen: number[] = [];
  const stage: Stage<number, number> = {
    push(number, output) {
      seen.push(number);
      output.push(number);
    },
  };
  const reader = ReadableStream.from([1, 2, 3, 4, 5]).pipeThrough(new StageStream(stage)).getReader();
  await settle();
  assertEquals(seen, []);
  await reader.read();
  await settle();
  assertEquals(seen, [1]);
  await reader.cancel();
});

Deno.test("pipeStages runs one, two or three stages in one stream", async () => {
  const source = () => ReadableStream.from([[1, 2], [3]]);
  const one = await runStream(source().pipeThrough(pipeStages(digits())));
  const two = await runStream(source().pipeThrough(pipeStages(digits(), digits())));
  const three = await runStream(source().pipeThrough(pipeStages(digits(), digits(), digits())));
  assertEquals(one.output, [[1, 2], [3], [0]]);
  assertEquals(two.output, [[1, 2], [3], [0, 0]]);
  assertEquals(three.output, [[1, 2], [3], [0, 0, 0]]);
});

Deno.test("the README's pipe, pipeStages and the pure stages read the same messages and control frames, however cut", async () => {
  const random = seeded();
  for (const { role, sender } of ROLES) {
    const frames = randomFrames(random);
    const bytes = wire(frames, sender, random);
    const expected = naiveMessages(frames);
    for (const { name, chunks } of splittings(bytes)) {
      const control: Frame[] = [];
      const options = { control: (frame: Frame) => void control.push(frame) };
      const fresh = () => chunks.map((chunk) => chunk.slice());

      const pure = runStage(composeStages(new FrameParser({ role }), new MessageAssembler(options)), fresh());
      const piped = await runStream(
        ReadableStream.from(fresh())
          .pipeThrough(new FrameDecoderStream({ role }))
          .pipeThrough(new MessageDecoderStream(options)),
      );
      const oneHop = await runStream(
        ReadableStream.from(fresh()).pipeThrough(pipeStages(new FrameParser({ role }), new MessageAssembler(options))),
      );

      assertEquals([pure.error, piped.error, oneHop.error], [undefined, undefined, undefined], name);
      assertEquals(pure.output, expected.messages, name);
      assertEquals(piped.output.flat(), expected.messages, name);
      assertEquals(oneHop.output, piped.output, name);
      assertEquals(control, [...expected.control, ...expected.control, ...expected.control], name);
    }
  }
});

Deno.test("messages sent through the other half of the README's pipe are read back, in the same batches", async () => {
  const batches: Message[][] = [["Hello", Uint8Array.of(1, 2, 3)], [""], [
    "€".repeat(300),
    new Uint8Array(70_000).fill(7),
  ]];
  for (const { role, sender } of ROLES) {
    for (const maxFrameBytes of [Infinity, 100]) {
      const bytes = ReadableStream.from(batches)
        .pipeThrough(new MessageEncoderStream({ maxFrameBytes }))
        .pipeThrough(new FrameEncoderStream({ role: sender }));
      const messages = bytes
        .pipeThrough(new FrameDecoderStream({ role }))
        .pipeThrough(new MessageDecoderStream());
      assertEquals((await Array.fromAsync(messages)).flat(), batches.flat());
    }
  }
});

Deno.test("the sending half writes the same bytes as the pure stages and pipeStages", async () => {
  const batches: Message[][] = [["Hello", Uint8Array.of(1, 2, 3)], ["€".repeat(300)]];
  for (const { role } of ROLES) {
    const keys = () => {
      let key = 0x0102_0304;
      return { role, maskKey: () => key++ };
    };
    const pure = runStage(composeStages(new MessageFragmenter(), new FrameSerializer(keys())), batches).output;
    const piped = await Array.fromAsync(
      ReadableStream.from(batches).pipeThrough(new MessageEncoderStream()).pipeThrough(new FrameEncoderStream(keys())),
    );
    const oneHop = await Array.fromAsync(
      ReadableStream.from(batches).pipeThrough(pipeStages(new MessageFragmenter(), new FrameSerializer(keys()))),
    );
    assertStrictEquals(piped.length, pure.length);
    pure.forEach((chunk, i) => assertBytes(piped[i]!, chunk));
    assertEquals(oneHop.flat(), pure);
  }
});

Deno.test("an echo: messages are sent back, pings are answered between them, and a close ends both directions", async () => {
  const bytes = ["810161", "890131", "820162", "880203e8"].map(decodeHex);
  const encoder = new MessageEncoderStream();
  const control = (frame: Frame) =>
    encoder.control(frame.opcode === Opcode.PING ? { ...frame, opcode: Opcode.PONG } : frame);
  const read = ReadableStream.from(bytes)
    .pipeThrough(new FrameDecoderStream({ role: "client" }))
    .pipeThrough(new MessageDecoderStream({ control }));
  const sent = Array.fromAsync(encoder.readable.pipeThrough(new FrameEncoderStream({ role: "server" })));
  const writer = encoder.writable.getWriter();
  for await (const messages of read) await writer.write(messages);
  await writer.closed.catch(() => {});
  assertEquals(await sent, ["810161", "8a0131", "820162", "880203e8"].map(decodeHex));
});

Deno.test("an error in the bytes reaches the reader after the messages before it, however they are cut", async () => {
  // A message, bad text, and a frame with a reserved bit: the first error on the wire is the one that is thrown.
  const cases: [hex: string, closeCode: number][] = [["810161" + "8101ff" + "f1", 1007], ["810161" + "f1", 1002]];
  for (const [hex, closeCode] of cases) {
    for (const { name, chunks } of splittings(decodeHex(hex))) {
      const fresh = () => ReadableStream.from(chunks.map((chunk) => chunk.slice()));
      const outcomes = [
        runStage(composeStages(new FrameParser({ role: "client" }), new MessageAssembler()), chunks),
        await runStream(fresh().pipeThrough(pipeStages(new FrameParser({ role: "client" }), new MessageAssembler()))),
        await runStream(
          fresh().pipeThrough(new FrameDecoderStream({ role: "client" })).pipeThrough(new MessageDecoderStream()),
        ),
      ];
      for (const { output, error } of outcomes) {
        assertEquals(output.flat(), ["a"], name);
        assert(error instanceof ProtocolError, name);
        assertStrictEquals(error.closeCode, closeCode, name);
      }
    }
  }
});
