import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { ConnectionError, ProtocolError } from "../../../lib/errors.ts";
import { type Frame, frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import { MessageDecoderStream } from "../../../lib/pipeline/messages/message_decoder_stream.ts";
import { lines, utf8 } from "../../_support/frames.ts";
import { runStream } from "../../_support/stages.ts";

const { TEXT, CONTINUATION, CLOSE, PING } = Opcode;

Deno.test("a MessageDecoderStream emits one batch for every batch of frames that completes a message", async () => {
  const batches = [
    [frame(TEXT, utf8("a")), frame(TEXT, utf8("b")), frame(TEXT, utf8("He"), { fin: false })],
    [frame(PING)],
    [frame(CONTINUATION, utf8("llo"))],
  ];
  const { output, error } = await runStream(ReadableStream.from(batches).pipeThrough(new MessageDecoderStream()));
  assertEquals([output, error], [[["a", "b"], ["Hello"]], undefined]);
});

Deno.test("a MessageDecoderStream passes control frames to its option, beside the batches", async () => {
  const control: Frame[] = [];
  const batches = [[frame(PING, utf8("1")), frame(TEXT, utf8("a"))], [frame(CLOSE)], [frame(TEXT, utf8("late"))]];
  const decoder = new MessageDecoderStream({ control: (frame) => control.push(frame) });
  const { output, error } = await runStream(ReadableStream.from(batches).pipeThrough(decoder));
  assertEquals([output, error], [[["a"]], undefined]);
  assertEquals(lines(control), lines([frame(PING, utf8("1")), frame(CLOSE)]));
});

Deno.test("F10: the messages before bad text reach the reader, then the error", async () => {
  const batches = [[frame(TEXT, utf8("a")), frame(TEXT, Uint8Array.of(0xff)), frame(TEXT, utf8("never"))]];
  const { output, error } = await runStream(ReadableStream.from(batches).pipeThrough(new MessageDecoderStream()));
  assertEquals(output, [["a"]]);
  assertInstanceOf(error, ProtocolError);
  assertStrictEquals(error.closeCode, 1007);
});

Deno.test("a MessageDecoderStream errors if the frames end inside a message", async () => {
  const batches = [[frame(TEXT, utf8("a")), frame(TEXT, utf8("b"), { fin: false })]];
  const { output, error } = await runStream(ReadableStream.from(batches).pipeThrough(new MessageDecoderStream()));
  assertEquals(output, [["a"]]);
  assertInstanceOf(error, ConnectionError);
});

Deno.test("a MessageDecoderStream enforces its maxMessageBytes", async () => {
  const batches = [[frame(TEXT, utf8("abc"))]];
  const decoder = new MessageDecoderStream({ maxMessageBytes: 2 });
  const { error } = await runStream(ReadableStream.from(batches).pipeThrough(decoder));
  assertStrictEquals(error instanceof DOMException && error.message.includes("maxMessageBytes 2"), true);
});
