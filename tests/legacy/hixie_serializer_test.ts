import { assertEquals, assertThrows } from "@std/assert";
import { serializeHixieFrame } from "../../lib/legacy/hixie_serializer.ts";
import { encodeClosePayload } from "../../lib/pipeline/frames/close_code.ts";
import { frame, Opcode } from "../../lib/pipeline/frames/frame.ts";
import { utf8 } from "../_support/frames.ts";

for (const version of ["hixie-75", "hixie-76"] as const) {
  const send = (text: string) => serializeHixieFrame(frame(Opcode.TEXT, utf8(text)), version);

  Deno.test(`${version}: text goes out between 00 and FF`, () => {
    assertEquals(send("Hello"), Uint8Array.of(0x00, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0xff));
    assertEquals(send("é"), Uint8Array.of(0x00, 0xc3, 0xa9, 0xff));
    assertEquals(send(""), Uint8Array.of(0x00, 0xff));
    assertEquals(send("\0"), Uint8Array.of(0x00, 0x00, 0xff));
  });

  Deno.test(`X9: ${version}: a binary message, a fragment, a ping, a pong and a reserved bit throw`, () => {
    const text = utf8("Hello");
    for (const opcode of [Opcode.BINARY, Opcode.CONTINUATION, Opcode.PING, Opcode.PONG, 3, 11]) {
      assertThrows(() => serializeHixieFrame(frame(opcode, text), version), TypeError, `Cannot send opcode ${opcode}`);
    }
    assertThrows(() => serializeHixieFrame(frame(Opcode.TEXT, text, { fin: false }), version), TypeError, "a fragment");
    assertThrows(() => serializeHixieFrame(frame(Opcode.TEXT, text, { rsv: 4 }), version), TypeError, "reserved bits");
  });

  Deno.test(`X10: ${version}: a lone surrogate is sent as U+FFFD, and U+00FF as UTF-8 without a byte FF`, () => {
    assertEquals(send("\ud800"), Uint8Array.of(0x00, 0xef, 0xbf, 0xbd, 0xff));
    assertEquals(send("\u00ff"), Uint8Array.of(0x00, 0xc3, 0xbf, 0xff));
  });

  Deno.test(`X10: ${version}: bytes that are not UTF-8 cannot end the frame and begin another`, () => {
    const smuggled = frame(Opcode.TEXT, Uint8Array.of(0x61, 0xff, 0x00, 0x62));
    assertThrows(() => serializeHixieFrame(smuggled, version), TypeError, "byte 0xFF");
  });
}

Deno.test("X6: a close frame is FF 00 in hixie-76 and nothing in hixie-75; neither carries a code", () => {
  for (const payload of [new Uint8Array(0), encodeClosePayload(1001, "bye")]) {
    assertEquals(serializeHixieFrame(frame(Opcode.CLOSE, payload), "hixie-76"), Uint8Array.of(0xff, 0x00));
    assertEquals(serializeHixieFrame(frame(Opcode.CLOSE, payload), "hixie-75"), new Uint8Array(0));
  }
});
