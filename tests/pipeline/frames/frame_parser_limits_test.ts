import { assertEquals, assertInstanceOf, assertLessOrEqual, assertStrictEquals, assertThrows } from "@std/assert";
import { decodeHex } from "@std/encoding/hex";
import { ConnectionError, LimitError } from "../../../lib/errors.ts";
import { type Frame, frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import { FrameParser } from "../../../lib/pipeline/frames/frame_parser.ts";
import type { Message } from "../../../lib/pipeline/messages/message.ts";
import { MessageAssembler } from "../../../lib/pipeline/messages/message_assembler.ts";
import { composeStages } from "../../../lib/pipeline/stage.ts";
import { allocations, assertBytes, counting } from "../../_support/bytes.ts";
import { lines, utf8 } from "../../_support/frames.ts";
import { push } from "./_support.ts";

Deno.test("F6: a declared length that is too large is refused before any allocation", () => {
  const frames: Frame[] = [];
  const parser = new FrameParser({ role: "client" });
  const bytes = decodeHex("827f0080000000000001");
  assertEquals(allocations(() => assertThrows(() => parser.push(bytes, frames), LimitError)), []);
  // In parts it is a header of at most 14 bytes that is held.
  const slow = new FrameParser({ role: "client" });
  const sizes = allocations(() =>
    assertThrows(() => {
      for (let at = 0; at < bytes.length; at++) slow.push(bytes.subarray(at, at + 1), frames);
    }, LimitError)
  );
  assertEquals(sizes, [14]);
});

Deno.test("F6: a declared length within the limit allocates for the arrived bytes, not for the declared ones (CVE-2022-35922)", () => {
  const parser = new FrameParser({ role: "client" });
  const frames: Frame[] = [];
  parser.push(decodeHex("827f0000000001000000"), frames); // 16 MiB
  let arrived = 0;
  for (const length of [1, 100, 3000, 10_000]) {
    const chunk = counting(length);
    arrived += length;
    for (const size of allocations(() => parser.push(chunk, frames))) {
      assertLessOrEqual(size, Math.max(2 * arrived, 1024));
    }
  }
  assertEquals(frames, []);
});

Deno.test("F6: a length beyond 2^32 is parsed if no limit forbids it", () => {
  const parser = new FrameParser({ role: "client", maxMessageBytes: Infinity, split: true });
  const [part] = push(parser, decodeHex("827f001fffffffffffff" + "6162"));
  assertEquals(lines([part!]), lines([frame(Opcode.BINARY, utf8("ab"), { fin: false })]));
  assertThrows(() => parser.end(), ConnectionError);
});

Deno.test("F8: 131 072 fragments of 64 bytes pass, 8 MiB in one message: twice what Autobahn 9.3.1 sends", () => {
  const message = readFragments(131_072);
  assertBytes(message, counting(131_072 * 64));
});

Deno.test("F8: 131 073 fragments are refused with 1008", () => {
  const error = assertThrows(() => readFragments(131_073), LimitError, "maxFragments 131072");
  assertEquals([error.closeCode, error.actual], [1008, 131_073]);
});

/** Reads one message in fragments of 64 bytes that count up, all in one chunk. */
function readFragments(count: number): Uint8Array {
  const fragment = Uint8Array.of(0x00, 64, ...counting(64));
  const bytes = new Uint8Array(count * fragment.length);
  for (let i = 0; i < count; i++) {
    fragment.set(counting(64, 64 * i), 2);
    bytes.set(fragment, i * fragment.length);
  }
  bytes[0] = 0x02;
  bytes[(count - 1) * fragment.length]! |= 0x80;
  const messages: Message[] = [];
  const stage = composeStages(new FrameParser({ role: "client" }), new MessageAssembler());
  stage.push(bytes, messages);
  assertStrictEquals(messages.length, 1);
  const [message] = messages;
  assertInstanceOf(message, Uint8Array);
  return message;
}

Deno.test("F8: a flood of empty fragments is refused with 1008 at the 129th in a row", () => {
  const parser = new FrameParser({ role: "client" });
  const flood = new Uint8Array(2000);
  flood[0] = 0x01;
  const frames: Frame[] = [];
  const error = assertThrows(() => parser.push(flood, frames), LimitError, "maxEmptyFragments 128");
  assertEquals([error.closeCode, error.limit, error.actual, frames.length], [1008, "maxEmptyFragments", 129, 128]);
});

Deno.test("F8: control frames between empty fragments do not hide them", () => {
  const parser = new FrameParser({ role: "client", maxEmptyFragments: 3 });
  push(parser, decodeHex("0100" + "8900" + "0000" + "8900" + "0000" + "8900"));
  const error = assertThrows(() => push(parser, decodeHex("0000")), LimitError);
  assertStrictEquals(error.limit, "maxEmptyFragments");
});

Deno.test("F8: empty fragments are counted in a row, and from 0 for each message", () => {
  const parser = new FrameParser({ role: "client", maxEmptyFragments: 2 });
  const message = "0100" + "0000" + "000161" + "0000" + "8000";
  assertStrictEquals(push(parser, decodeHex(message.repeat(3))).length, 15);
});

Deno.test("F8: an empty message in one frame does not count as an empty fragment", () => {
  const parser = new FrameParser({ role: "client", maxEmptyFragments: 0 });
  assertStrictEquals(push(parser, decodeHex("8100" + "8200" + "010161" + "800161" + "8100")).length, 5);
  assertThrows(() => push(parser, decodeHex("0100")), LimitError, "maxEmptyFragments 0");
});

Deno.test("F8: fragments are counted from 0 for each message", () => {
  const parser = new FrameParser({ role: "client", maxFragments: 2 });
  assertStrictEquals(push(parser, decodeHex("010161800162".repeat(5) + "8100")).length, 11);
});

Deno.test("F9: bytes are counted from 0 for each message", () => {
  const parser = new FrameParser({ role: "client", maxMessageBytes: 2 });
  assertStrictEquals(push(parser, decodeHex("010161800162".repeat(5) + "81026162")).length, 11);
});

Deno.test("F9: control frames do not count", () => {
  const parser = new FrameParser({ role: "client", maxMessageBytes: 2, maxFragments: 2 });
  assertStrictEquals(push(parser, decodeHex("010161" + "890361626389036162638a03616263" + "800162")).length, 5);
});
