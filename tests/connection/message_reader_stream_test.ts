import { assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { MessageReaderStream } from "../../lib/connection/message_reader_stream.ts";
import { ConnectionError, LimitError, ProtocolError } from "../../lib/errors.ts";
import { openExtensions } from "../../lib/extensions/negotiation.ts";
import { permessageDeflate } from "../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { type Frame, frame, Opcode, type Role, Rsv } from "../../lib/pipeline/frames/frame.ts";
import { FrameDecoderStream } from "../../lib/pipeline/frames/frame_decoder_stream.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { MessageDecoderStream } from "../../lib/pipeline/messages/message_decoder_stream.ts";
import { splittings } from "../_support/feed.ts";
import { lines, randomFrames, wire } from "../_support/frames.ts";
import { naiveMessages } from "../_support/naive_frames.ts";
import { binary, close, ping, text } from "../_support/raw_peer.ts";
import { seeded } from "../_support/random.ts";
import { runStream } from "../_support/stages.ts";
import { deflated } from "../extensions/permessage_deflate/_support.ts";

const ROLES: { role: Role; sender: Role }[] = [
  { role: "server", sender: "client" },
  { role: "client", sender: "server" },
];

Deno.test("a MessageReaderStream reads the same as the two decoders, however the bytes are cut", async () => {
  const random = seeded();
  for (const { role, sender } of ROLES) {
    const frames = randomFrames(random);
    const sent = wire(frames, sender, random);
    const expected = naiveMessages(frames);
    for (const { name, chunks } of splittings(sent)) {
      const copies = chunks.map((chunk) => chunk.slice());
      const control: Frame[] = [];
      const { output, error } = await runStream(
        ReadableStream.from(chunks).pipeThrough(
          new MessageReaderStream({ role, control: (frame) => void control.push(frame) }),
        ),
      );
      assertStrictEquals(error, undefined, name);
      assertEquals(output.flat(), expected.messages, name);
      assertEquals(lines(control), lines(expected.control), name);
      const decoders = await runStream(
        ReadableStream.from(copies).pipeThrough(new FrameDecoderStream({ role })).pipeThrough(
          new MessageDecoderStream(),
        ),
      );
      assertEquals(output, decoders.output, `the batches, fed ${name}`);
    }
  }
});

Deno.test("a MessageReaderStream gives the messages and control frames before a violation, and then errors", async () => {
  const frames = [text("a"), ping("p"), text("b"), frame(Opcode.CONTINUATION)];
  for (const { name, chunks } of splittings(wire(frames, "server", seeded()))) {
    const control: Frame[] = [];
    const reader = new MessageReaderStream({ role: "client", control: (frame) => void control.push(frame) });
    const { output, error } = await runStream(ReadableStream.from(chunks).pipeThrough(reader));
    assertEquals(output.flat(), ["a", "b"], name);
    assertEquals(lines(control), lines([ping("p")]), name);
    assertInstanceOf(error, ProtocolError, name);
  }
});

Deno.test("a MessageReaderStream errors if the bytes end inside a frame or a message, after the messages before", async () => {
  for (const end of [[0x81], [0x81, 2, 0x61], [0x01, 1, 0x61]]) {
    const bytes = Uint8Array.of(0x81, 1, 0x61, ...end);
    for (const { name, chunks } of splittings(bytes)) {
      const reader = new MessageReaderStream({ role: "client" });
      const { output, error } = await runStream(ReadableStream.from(chunks).pipeThrough(reader));
      assertEquals(output.flat(), ["a"], name);
      assertInstanceOf(error, ConnectionError, name);
    }
  }
});

Deno.test("a MessageReaderStream discards everything after a close frame and ends with its input", async () => {
  const control: number[] = [];
  const reader = new MessageReaderStream({ role: "client", control: ({ opcode }) => void control.push(opcode) });
  const bytes = [wire([text("a"), close(1000), text("b")], "server", seeded()), Uint8Array.of(0xff)];
  assertEquals(await runStream(ReadableStream.from(bytes).pipeThrough(reader)), { output: [["a"]], error: undefined });
  assertEquals(control, [Opcode.CLOSE]);
});

Deno.test("a MessageReaderStream enforces its limits", async () => {
  const fragment = frame(Opcode.CONTINUATION, Uint8Array.of(1), { fin: false });
  const empty = frame(Opcode.CONTINUATION, undefined, { fin: false });
  const first = frame(Opcode.BINARY, Uint8Array.of(1), { fin: false });
  const cases = [
    [{ maxMessageBytes: 3 }, [binary(new Uint8Array(3)), binary(new Uint8Array(4))]],
    [{ maxFragments: 2 }, [binary(new Uint8Array(3)), first, fragment, fragment]],
    [{ maxEmptyFragments: 1 }, [binary(new Uint8Array(3)), first, empty, empty]],
  ] as const;
  for (const [limits, frames] of cases) {
    const reader = new MessageReaderStream({ role: "client", ...limits });
    const bytes = wire(frames, "server", seeded());
    const { output, error } = await runStream(ReadableStream.from([bytes]).pipeThrough(reader));
    assertEquals(output, [[new Uint8Array(3)]]);
    assertInstanceOf(error, LimitError);
    assertEquals(error.limit, Object.keys(limits)[0]);
  }
});

Deno.test("a MessageReaderStream inflates a whole chunk through the given extensions", async () => {
  const extensions = openExtensions([permessageDeflate().confirm([])], {
    role: "client",
    maxMessageBytes: 2 ** 24,
    now: () => 0,
    send: () => {},
  })!;
  const swollen = frame(Opcode.BINARY, deflated(new Uint8Array(200_000)), { rsv: Rsv.RSV1 });
  const bytes = wire([swollen, text("plain"), swollen], "server", seeded());
  const reader = new MessageReaderStream({ role: "client", extensions });
  const { output, error } = await runStream(ReadableStream.from([bytes]).pipeThrough(reader));
  assertStrictEquals(error, undefined);
  const expected: Message[][] = [[new Uint8Array(200_000), "plain", new Uint8Array(200_000)]];
  assertEquals(output, expected);
  extensions.release();
});

Deno.test("a MessageReaderStream checks its options", () => {
  const make = (options: unknown) => () => Reflect.construct(MessageReaderStream, [options]);
  assertThrows(make({}), TypeError, "role");
  assertThrows(make({ role: "peer" }), TypeError, "role");
  assertThrows(make({ role: "client", control: 1 }), TypeError, "control");
  assertThrows(make({ role: "client", extensions: 1 }), TypeError, "extensions");
  assertThrows(make({ role: "client", maxMessageBytes: -1 }), RangeError, "maxMessageBytes");
});
