import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { decodeHex } from "@std/encoding/hex";
import { ProtocolError } from "../../../lib/errors.ts";
import {
  checkClosePayload,
  CloseCode,
  decodeClosePayload,
  encodeClosePayload,
  isSendableCloseCode,
  MAX_REASON_BYTES,
} from "../../../lib/pipeline/frames/close_code.ts";
import { assertBytes } from "../../_support/bytes.ts";

const SENDABLE = [
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014],
  ...Array.from({ length: 2000 }, (_, i) => 3000 + i),
];

Deno.test("F14: 1000-1003, 1007-1014 and 3000-4999 are valid in a close frame, and no other 16-bit code is", () => {
  const sendable = Array.from({ length: 65_536 }, (_, code) => code).filter(isSendableCloseCode);
  assertEquals(sendable, SENDABLE);
});

Deno.test("F14: only an integer is a close code", () => {
  for (const code of [NaN, Infinity, -1, 1000.5, 3000.5]) assert(!isSendableCloseCode(code), `${code}`);
});

Deno.test("every named close code may be sent except 1005 and 1006", () => {
  const kept = Object.values(CloseCode).filter((code) => !isSendableCloseCode(code));
  assertEquals(kept, [CloseCode.NO_STATUS, CloseCode.ABNORMAL]);
});

Deno.test("F14: a close payload is parsed back exactly if its code may be sent", () => {
  const payload = new Uint8Array(2);
  for (let code = 0; code < 65_536; code++) {
    payload[0] = code >> 8;
    payload[1] = code;
    if (isSendableCloseCode(code)) {
      assertStrictEquals(decodeClosePayload(payload).closeCode, code);
    } else {
      let error: unknown;
      try {
        decodeClosePayload(payload);
      } catch (thrown) {
        error = thrown;
      }
      assert(error instanceof ProtocolError && error.closeCode === 1002, `${code}`);
    }
  }
});

Deno.test("F14: a close payload of one byte is refused with 1002", () => {
  const error = assertThrows(() => decodeClosePayload(Uint8Array.of(3)), ProtocolError, "one byte");
  assertEquals([error.closeCode, error.section], [1002, "RFC 6455 §5.5.1"]);
});

Deno.test("F14: the error for a refused code names it", () => {
  const error = assertThrows(
    () => decodeClosePayload(decodeHex("03ed")),
    ProtocolError,
    "Close code 1005 may not be sent",
  );
  assertEquals([error.closeCode, error.section], [1002, "RFC 6455 §7.4"]);
});

Deno.test("F14: a reason that is not UTF-8 is refused with 1007", () => {
  for (const hex of ["03e8ff", "03e8e282", "03e8eda080", "03e8f4908080"]) {
    const error = assertThrows(() => decodeClosePayload(decodeHex(hex)), ProtocolError, "not UTF-8");
    assertEquals([error.closeCode, error.section], [1007, "RFC 6455 §5.5.1"]);
  }
});

Deno.test("F15: an empty close payload is parsed as 1005, and no code writes an empty one", () => {
  assertEquals(decodeClosePayload(new Uint8Array(0)), { closeCode: 1005, reason: "" });
  assertBytes(encodeClosePayload(), new Uint8Array(0));
  assertBytes(encodeClosePayload(undefined, ""), new Uint8Array(0));
});

Deno.test("a close code and its reason round-trip", () => {
  const cases: [code: number, reason: string, hex: string][] = [
    [1000, "", "03e8"],
    [1001, "bye", "03e9627965"],
    [4999, "€", "1387e282ac"],
    [3000, "\u{feff}", "0bb8efbbbf"],
  ];
  for (const [closeCode, reason, hex] of cases) {
    assertBytes(encodeClosePayload(closeCode, reason), decodeHex(hex));
    assertEquals(decodeClosePayload(decodeHex(hex)), { closeCode, reason });
  }
});

Deno.test("F20: a reason of 123 bytes of UTF-8 is the longest", () => {
  assertStrictEquals(MAX_REASON_BYTES, 123);
  assertStrictEquals(encodeClosePayload(1000, "€".repeat(41)).length, 125);
  assertThrows(() => encodeClosePayload(1000, "€".repeat(41) + "a"), RangeError, "124 bytes: the limit is 123");
});

Deno.test("F20: a code that must not be sent, and a reason without a code, throw at the call", () => {
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65_536, NaN]) {
    assertThrows(() => encodeClosePayload(code), RangeError, `Cannot send close code ${code}`);
  }
  assertThrows(() => encodeClosePayload(undefined, "why"), RangeError, "without a close code");
});

Deno.test("a close payload passes the check exactly if it can be parsed: its length, its code and its reason", () => {
  const outcome = (work: () => unknown) => {
    try {
      work();
      return "passed";
    } catch (error) {
      return error instanceof ProtocolError ? `${error.closeCode} ${error.message}` : String(error);
    }
  };
  const reasons = ["", "62c3a9", "62c3", "c3", "eda080", "62ff", "f09f9880"];
  for (const code of ["", "03", "03e8", "03ed", "03ee", "0bb7", "0bb8", "1387", "1388"]) {
    for (const reason of code.length === 4 ? reasons : [""]) {
      const payload = decodeHex(code + reason);
      const checked = outcome(() => checkClosePayload(payload));
      assertEquals(checked, outcome(() => decodeClosePayload(payload)), code + reason);
      assertEquals(
        checked === "passed",
        code === "" || (/^(03e8|0bb8|1387)$/.test(code) && /^(62c3a9|f09f9880)?$/.test(reason)),
      );
    }
  }
});
