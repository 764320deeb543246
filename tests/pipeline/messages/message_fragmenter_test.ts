import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { type Frame, frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import type { MessageData } from "../../../lib/pipeline/messages/message.ts";
import { MessageFragmenter, type MessageFragmenterOptions } from "../../../lib/pipeline/messages/message_fragmenter.ts";
import { counting } from "../../_support/bytes.ts";
import { lines, utf8 } from "../../_support/frames.ts";
import { naiveMessages } from "../../_support/naive_frames.ts";

function fragment(messages: MessageData[], options?: MessageFragmenterOptions): Frame[] {
  const frames: Frame[] = [];
  new MessageFragmenter(options).push(messages, frames);
  return frames;
}

Deno.test("a message is one frame by default, however large", () => {
  const large = counting(1_000_000);
  assertEquals(
    lines(fragment(["aé€𐍈", counting(3), "", new ArrayBuffer(0)])),
    lines([
      frame(Opcode.TEXT, utf8("aé€𐍈")),
      frame(Opcode.BINARY, counting(3)),
      frame(Opcode.TEXT),
      frame(Opcode.BINARY),
    ]),
  );
  assertStrictEquals(fragment([large])[0]!.payload, large);
});

Deno.test("a message longer than maxFrameBytes is a first frame, continuations and a last one (RFC 6455 §5.4)", () => {
  assertEquals(
    lines(fragment(["Hello", counting(6)], { maxFrameBytes: 2 })),
    lines([
      frame(Opcode.TEXT, utf8("He"), { fin: false }),
      frame(Opcode.CONTINUATION, utf8("ll"), { fin: false }),
      frame(Opcode.CONTINUATION, utf8("o")),
      frame(Opcode.BINARY, counting(2), { fin: false }),
      frame(Opcode.CONTINUATION, counting(2, 2), { fin: false }),
      frame(Opcode.CONTINUATION, counting(2, 4)),
    ]),
  );
});

Deno.test("reassembled fragments are the message again, at every size around maxFrameBytes", () => {
  for (const maxFrameBytes of [1, 2, 7, 8]) {
    for (let length = 0; length <= 25; length++) {
      const frames = fragment([counting(length), "é".repeat(length)], { maxFrameBytes });
      assertEquals(naiveMessages(frames).messages, [counting(length), "é".repeat(length)]);
      assertStrictEquals(
        frames.length,
        Math.max(1, Math.ceil(length / maxFrameBytes)) + Math.max(1, Math.ceil(2 * length / maxFrameBytes)),
      );
      assert(frames.every(({ payload }) => payload.length <= maxFrameBytes));
    }
  }
});

Deno.test("binary payloads are views of the message, not copies", () => {
  const message = counting(10);
  for (const { payload } of fragment([message, message.buffer, new DataView(message.buffer)], { maxFrameBytes: 4 })) {
    assert(payload.buffer === message.buffer);
  }
});

Deno.test("the messages before an invalid one become frames before the TypeError", () => {
  const frames: Frame[] = [];
  const fragmenter = new MessageFragmenter();
  assertThrows(() => Reflect.apply(fragmenter.push, fragmenter, [["a", 1], frames]), TypeError, "Cannot send 1");
  assertEquals(lines(frames), lines([frame(Opcode.TEXT, utf8("a"))]));
});

Deno.test("maxFrameBytes is an integer of at least 1, or Infinity", () => {
  new MessageFragmenter({ maxFrameBytes: 1 });
  new MessageFragmenter({ maxFrameBytes: Infinity });
  for (const maxFrameBytes of [0, -1, 1.5, NaN, -Infinity, 2 ** 53]) {
    assertThrows(
      () => new MessageFragmenter({ maxFrameBytes }),
      RangeError,
      `Cannot use maxFrameBytes ${maxFrameBytes}`,
    );
  }
});
