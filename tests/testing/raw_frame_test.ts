import { assertEquals, assertMatch } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { frame, Opcode, type Role } from "../../lib/pipeline/frames/frame.ts";
import {
  binary,
  closeFrame,
  codeOf,
  continuation,
  decodeRawFrame,
  describeFrame,
  encodeRawFrame,
  ping,
  pong,
  type RawFrame,
  rawFrame,
  sameFrame,
  text,
  violation,
} from "../../lib/testing/raw_frame.ts";
import { counting, fromHex } from "../_support/bytes.ts";
import { randomFrames, utf8 } from "../_support/frames.ts";
import { naiveBytes } from "../_support/naive_frames.ts";
import { seeded } from "../_support/random.ts";

const hex = (frame: RawFrame, role: Role) => encodeHex(encodeRawFrame(frame, role));

Deno.test("the examples of RFC 6455 §5.7 are written exactly", () => {
  assertEquals(hex(text("Hello"), "server"), "810548656c6c6f");
  assertEquals(hex(text("Hello"), "client"), "818537fa213d7f9f4d5158");
  assertEquals(hex(text("Hel", { fin: false }), "server") + hex(continuation("lo"), "server"), "010348656c80026c6f");
  assertEquals(hex(ping("Hello"), "server"), "890548656c6c6f");
  assertEquals(hex(pong("Hello"), "client"), "8a8537fa213d7f9f4d5158");
  assertEquals(hex(binary(new Uint8Array(256)), "server").slice(0, 8), "827e0100");
  assertEquals(hex(binary(new Uint8Array(65_536)), "server").slice(0, 20), "827f0000000000010000");
});

Deno.test("frames are written and read like those of the naive writer, for either role", () => {
  for (const sent of randomFrames(seeded())) {
    for (const role of ["client", "server"] as const) {
      const bytes = encodeRawFrame(sent, role);
      assertEquals(bytes, Uint8Array.from(naiveBytes(sent, role === "client" ? [0x37, 0xfa, 0x21, 0x3d] : undefined)));
      const received = decodeRawFrame(Uint8Array.of(...bytes, 1, 2, 3))!;
      assertEquals([received.frame, received.size, received.masked], [sent, bytes.length, role === "client"]);
      assertEquals(violation(received, role, false), undefined);
      for (const cut of [0, 1, bytes.length - 1]) assertEquals(decodeRawFrame(bytes.subarray(0, cut)), undefined);
    }
  }
});

Deno.test("a frame may be masked by the wrong end, declare a wrong length, or encode it in too many bytes", () => {
  assertEquals(hex(text("a", { masked: false }), "client"), "810161");
  assertEquals(hex(text("a", { masked: true }), "server"), "818137fa213d56");
  assertEquals(hex(text("a", { lengthBytes: 2 }), "server"), "817e000161");
  assertEquals(hex(text("a", { length: 5 }), "server"), "810561");
  assertEquals(hex(binary(counting(1), { length: 2n ** 63n }), "server"), "827f800000000000000000");
  assertEquals(hex(rawFrame(11, "?", { rsv: 7, fin: false }), "server"), "7b013f");
});

Deno.test("a close frame may have no code, and any code", () => {
  assertEquals(closeFrame().payload, new Uint8Array(0));
  assertEquals(closeFrame(1005, "why").payload, Uint8Array.of(3, 237, ...utf8("why")));
  assertEquals([codeOf(closeFrame().payload), codeOf(closeFrame(4999).payload)], [1005, 4999]);
});

const VIOLATIONS: [digits: string, sender: Role, broken: RegExp][] = [
  ["81 00", "client", /not masked .*§5\.1/],
  ["81 80 00 00 00 00", "server", /is masked .*§5\.1/],
  ["c1 00", "server", /reserved bits 4.*§5\.2/],
  ["83 00", "server", /opcode 3.*§5\.2/],
  ["81 7e 00 01 61", "server", /length 1 in 2 bytes.*§5\.2/],
  ["09 00", "server", /fragmented control frame.*§5\.5/],
  [`89 7e 00 7e ${"00".repeat(126)}`, "server", /control frame of 126 bytes.*§5\.5/],
  ["88 01 03", "server", /close frame of one byte.*§5\.5\.1/],
  ["88 02 03 ed", "server", /close code 1005.*§7\.4/],
  ["88 02 13 88", "server", /close code 5000.*§7\.4/],
  ["88 03 03 e8 ff", "server", /reason that is not UTF-8.*§5\.5\.1/],
];

for (const [digits, sender, broken] of VIOLATIONS) {
  Deno.test(`a ${sender}'s ${digits.slice(0, 20)} breaks ${broken.source}`, () => {
    assertMatch(violation(decodeRawFrame(fromHex(digits))!, sender, false) ?? "no rule", broken);
  });
}

Deno.test("reserved bits and opcodes are allowed with extensions", () => {
  for (const digits of ["c1 00", "83 00", "fb 00"]) {
    assertEquals(violation(decodeRawFrame(fromHex(digits))!, "server", true), undefined);
  }
});

Deno.test("frames are described so that a failure is readable", () => {
  assertEquals(describeFrame(text("Hello")), 'text "Hello"');
  assertEquals(describeFrame(text("Hel", { fin: false, rsv: 4 })), 'text not final rsv 4 "Hel"');
  assertEquals(describeFrame(text(Uint8Array.of(0xff))), "text <ff>");
  assertEquals(describeFrame(binary(counting(100))), `binary <${encodeHex(counting(64))}> and more, 100 bytes in all`);
  assertEquals(describeFrame(closeFrame(1002, "Bad")), 'close 1002 "Bad"');
  assertEquals(describeFrame(closeFrame()), 'close ""');
  assertEquals(describeFrame(frame(11)), 'opcode 11 ""');
});

Deno.test("frames are equal if their contents are equal", () => {
  assertEquals(sameFrame(text("a", { masked: false, lengthBytes: 8 }), frame(Opcode.TEXT, utf8("a"))), true);
  for (const other of [text("b"), text("ab"), ping("a"), text("a", { fin: false }), text("a", { rsv: 1 })]) {
    assertEquals(sameFrame(text("a"), other), false);
  }
});
