import { assertEquals, assertStrictEquals } from "@std/assert";
import { frame, isControl, Opcode, Rsv } from "../../../lib/pipeline/frames/frame.ts";

Deno.test("frame creates a final frame without reserved bits and with an empty payload", () => {
  assertEquals(frame(Opcode.PING), { fin: true, rsv: 0, opcode: 9, payload: new Uint8Array(0) });
});

Deno.test("frame takes the payload unchanged, FIN and the reserved bits", () => {
  const payload = Uint8Array.of(1, 2);
  const made = frame(Opcode.BINARY, payload, { fin: false, rsv: Rsv.RSV1 | Rsv.RSV3 });
  assertEquals(made, { fin: false, rsv: 0b101, opcode: 2, payload });
  assertStrictEquals(made.payload, payload);
});

Deno.test("opcodes 8 to 15 are control frames (RFC 6455 §5.5)", () => {
  const control = Array.from({ length: 16 }, (_, opcode) => opcode).filter(isControl);
  assertEquals(control, [8, 9, 10, 11, 12, 13, 14, 15]);
});
