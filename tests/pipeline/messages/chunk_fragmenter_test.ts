import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { type Frame, frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import { ChunkFragmenter, type ChunkFragmenterOptions } from "../../../lib/pipeline/messages/chunk_fragmenter.ts";
import type { MessageData } from "../../../lib/pipeline/messages/message.ts";
import { concat, counting } from "../../_support/bytes.ts";
import { assertReads } from "../../_support/feed.ts";
import { lines, utf8 } from "../../_support/frames.ts";

const { TEXT, BINARY, CONTINUATION } = Opcode;

/** The frames of a message. What a call lends is copied before the next one. */
function framesOf(chunks: Iterable<MessageData>, options?: ChunkFragmenterOptions): Frame[] {
  const all: Frame[] = [];
  const fragmenter = new ChunkFragmenter(options);
  const call = (step: (frames: Frame[]) => void) => {
    const frames: Frame[] = [];
    step(frames);
    all.push(...frames.map((frame) => ({ ...frame, payload: frame.payload.slice() })));
  };
  for (const chunk of chunks) call((frames) => fragmenter.push(chunk, frames));
  call((frames) => fragmenter.end(frames));
  return all;
}

/** The frames with these payloads. */
function message(opcode: number, ...payloads: Uint8Array<ArrayBuffer>[]): string[] {
  const last = payloads.length - 1;
  return lines(payloads.map((bytes, i) => frame(i === 0 ? opcode : CONTINUATION, bytes, { fin: i === last })));
}

Deno.test("however a message is cut into chunks, its frames are full except the last", () => {
  const bytes = counting(23);
  const parts = [0, 5, 10, 15, 20].map((at) => bytes.slice(at, at + 5));
  assertReads(
    bytes,
    (chunks) => lines(framesOf(chunks, { maxFrameBytes: 5, type: "binary" })),
    message(BINARY, ...parts),
  );
});

Deno.test("a chunk as large as a frame is not copied", () => {
  const chunk = counting(10);
  const frames: Frame[] = [];
  new ChunkFragmenter({ maxFrameBytes: 4 }).push(chunk, frames);
  assertEquals(
    lines(frames),
    lines([
      frame(BINARY, counting(4), { fin: false }),
      frame(CONTINUATION, counting(4, 4), { fin: false }),
    ]),
  );
  assertStrictEquals(frames[0]?.payload.buffer, chunk.buffer);
});

Deno.test("frames of one call do not share memory that is reused", () => {
  const fragmenter = new ChunkFragmenter({ maxFrameBytes: 4 });
  const frames: Frame[] = [];
  fragmenter.push(counting(3), frames);
  fragmenter.push(counting(10, 3), frames);
  assertEquals(concat(frames.map(({ payload }) => payload)), counting(12));
});

Deno.test("the held bytes become a frame on request", () => {
  const fragmenter = new ChunkFragmenter({ maxFrameBytes: 4 });
  const frames: Frame[] = [];
  fragmenter.flush(frames);
  fragmenter.push("ab", frames);
  assertEquals([frames.length, fragmenter.heldBytes], [0, 2]);
  fragmenter.flush(frames);
  fragmenter.flush(frames);
  assertEquals(lines(frames), lines([frame(TEXT, utf8("ab"), { fin: false })]));
  assertEquals(fragmenter.heldBytes, 0);
});

Deno.test("if no bytes are held at the end the last frame is empty, and it may be the only one", () => {
  assertEquals(lines(framesOf([counting(4)], { maxFrameBytes: 4 })), message(BINARY, counting(4), counting(0)));
  assertEquals(lines(framesOf([])), message(BINARY, counting(0)));
  assertEquals(lines(framesOf([], { type: "text" })), message(TEXT, counting(0)));
  assertEquals(lines(framesOf([""])), message(TEXT, counting(0)));
});

Deno.test("buffers and views of any kind are binary", () => {
  const bytes = counting(8);
  const chunks = [bytes.buffer, new DataView(bytes.buffer, 2, 3), new Uint16Array(bytes.buffer, 0, 1)];
  assertEquals(lines(framesOf(chunks)), message(BINARY, Uint8Array.of(...bytes, 2, 3, 4, 0, 1)));
});

Deno.test("a surrogate pair in two chunks is one character, half a pair is U+FFFD, as in TextEncoderStream", async () => {
  const half = "𐍈"[0]!;
  for (
    const chunks of [
      [..."a𐍈b"].join("").split(""),
      ["a", half],
      [half, half, "x"],
      ["𐍈"[1]!, "x"],
      [half, "", "𐍈"[1]!],
      ["é", `${half}€`],
    ]
  ) {
    const platform = ReadableStream.from(chunks).pipeThrough(new TextEncoderStream());
    const expected = concat(await Array.fromAsync(platform));
    assertEquals(lines(framesOf(chunks)), message(TEXT, expected));
    assertEquals(concat(framesOf(chunks, { maxFrameBytes: 1 }).map(({ payload }) => payload)), expected);
  }
});

Deno.test("a message has one type, that of its first chunk or the requested one", () => {
  const cases: [MessageData[], ChunkFragmenterOptions, string][] = [
    [["a", counting(1)], {}, "Cannot continue a text message with a binary chunk"],
    [[counting(1), ""], {}, "Cannot continue a binary message with a text chunk"],
    [["a"], { type: "binary" }, "Cannot continue a binary message with a text chunk"],
    [[counting(1)], { type: "text" }, "Cannot continue a text message with a binary chunk"],
  ];
  for (const [chunks, options, words] of cases) {
    assertThrows(() => framesOf(chunks, options), TypeError, words);
  }
  assertThrows(() => Reflect.apply(framesOf, undefined, [[undefined]]), TypeError, "Cannot send undefined");
});

Deno.test("a frame size without room for payload throws at once, because the message would never end", () => {
  for (const maxFrameBytes of [0, -1, 1.5, NaN]) {
    assertThrows(() => new ChunkFragmenter({ maxFrameBytes }), RangeError, `maxFrameBytes ${maxFrameBytes}`);
  }
});
