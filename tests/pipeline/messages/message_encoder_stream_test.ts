import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Frame, frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import { MessageEncoderStream } from "../../../lib/pipeline/messages/message_encoder_stream.ts";
import { MessageFragmenter } from "../../../lib/pipeline/messages/message_fragmenter.ts";
import { counting } from "../../_support/bytes.ts";
import { lines, utf8 } from "../../_support/frames.ts";
import { runStage } from "../../_support/stages.ts";

const { TEXT, CLOSE, PONG } = Opcode;

/** The lines of the next batch, or `undefined` at the end. */
async function next(reader: ReadableStreamDefaultReader<Frame[]>): Promise<string[] | undefined> {
  const { value } = await reader.read();
  return value && lines(value);
}

Deno.test("a MessageEncoderStream makes the same frames as the fragmenter, one batch for a batch", async () => {
  const batches = [["Hello", counting(7)], [""], [counting(3).buffer, "a"]];
  for (const options of [{}, { maxFrameBytes: 2 }]) {
    const stream = ReadableStream.from(batches).pipeThrough(new MessageEncoderStream(options));
    const expected = batches.map((batch) => runStage(new MessageFragmenter(options), [batch]).output);
    assertEquals((await Array.fromAsync(stream)).map(lines), expected.map(lines));
  }
});

Deno.test("control inserts a pong between two messages", async () => {
  const encoder = new MessageEncoderStream();
  const writer = encoder.writable.getWriter();
  const reader = encoder.readable.getReader();
  const first = writer.write(["a"]);
  assertEquals(await next(reader), lines([frame(TEXT, utf8("a"))]));
  await first;
  encoder.control(frame(PONG, utf8("1")));
  const second = writer.write(["b"]);
  assertEquals(await next(reader), lines([frame(PONG, utf8("1"))]));
  assertEquals(await next(reader), lines([frame(TEXT, utf8("b"))]));
  await second;
  await writer.close();
  assertEquals(await next(reader), undefined);
});

Deno.test("control needs no reader: pongs wait in order", async () => {
  const encoder = new MessageEncoderStream();
  encoder.control(frame(PONG, utf8("1")));
  encoder.control(frame(PONG, utf8("2")));
  const reader = encoder.readable.getReader();
  assertEquals(await next(reader), lines([frame(PONG, utf8("1"))]));
  assertEquals(await next(reader), lines([frame(PONG, utf8("2"))]));
});

Deno.test("F16, F19: a close frame is the last thing that leaves; later messages and control frames are refused", async () => {
  const encoder = new MessageEncoderStream();
  const writer = encoder.writable.getWriter();
  const reader = encoder.readable.getReader();
  encoder.control(frame(PONG));
  encoder.control(frame(CLOSE, Uint8Array.of(0x03, 0xe8)));
  await assertRejects(() => writer.write(["late"]), TypeError);
  await assertRejects(() => writer.closed, TypeError);
  assertThrows(() => encoder.control(frame(PONG)), TypeError);
  assertEquals(await next(reader), lines([frame(PONG)]));
  assertEquals(await next(reader), lines([frame(CLOSE, Uint8Array.of(0x03, 0xe8))]));
  assertEquals(await next(reader), undefined);
});

Deno.test("control throws once the stream is closed", async () => {
  const encoder = new MessageEncoderStream();
  await Promise.all([encoder.writable.close(), encoder.readable.pipeTo(new WritableStream())]);
  assertThrows(() => encoder.control(frame(PONG)), TypeError);
});

Deno.test("an invalid message rejects its write", async () => {
  const encoder = new MessageEncoderStream();
  const writer = encoder.writable.getWriter();
  const reader = encoder.readable.getReader();
  const shared = new Uint8Array(new SharedArrayBuffer(1));
  const read = assertRejects(() => reader.read(), TypeError, "Cannot send");
  await assertRejects(() => Reflect.apply(writer.write, writer, [[shared]]), TypeError, "Cannot send");
  await assertRejects(() => writer.closed, TypeError);
  await read;
});

Deno.test("an invalid maxFrameBytes throws in the constructor", () => {
  assertThrows(() => new MessageEncoderStream({ maxFrameBytes: 0 }), RangeError, "maxFrameBytes 0");
});
