import { assertEquals, assertThrows } from "@std/assert";
import { LimitError, ProtocolError } from "../../../lib/errors.ts";
import {
  checkControlFin,
  checkControlLength,
  checkEmptyFragments,
  checkFragments,
  checkLengthForm,
  checkLengthSign,
  checkMask,
  checkMessageBytes,
  checkOpcode,
  checkReservedBits,
  checkSequence,
  DEFINED_OPCODES,
} from "../../../lib/pipeline/frames/frame_rules.ts";

/** Asserts that a rule is broken, with 1002, its section and its message. */
function assertBreaks(section: string, message: string, check: () => void): void {
  const error = assertThrows(check, ProtocolError);
  assertEquals([error.closeCode, error.section, error.reason], [1002, section, message]);
}

/** Asserts that a limit is passed, with its close code and numbers. */
function assertPasses(
  closeCode: number,
  { limit, max, actual }: { limit: string; max: number; actual: number },
  check: () => void,
): void {
  const error = assertThrows(check, LimitError);
  assertEquals([error.closeCode, error.limit, error.max, error.actual], [closeCode, limit, max, actual]);
}

const OPCODES = Array.from({ length: 16 }, (_, opcode) => opcode);

Deno.test("F1: a server requires a mask, and a client requires none", () => {
  checkMask(true, "server");
  checkMask(false, "client");
  assertBreaks("RFC 6455 §5.1", "Client frame is not masked", () => checkMask(false, "server"));
  assertBreaks("RFC 6455 §5.1", "Server frame is masked", () => checkMask(true, "client"));
});

Deno.test("F2: only owned reserved bits may be set", () => {
  for (let allowed = 0; allowed < 8; allowed++) {
    for (let rsv = 0; rsv < 8; rsv++) {
      if ([4, 2, 1].every((bit) => (rsv & bit) === 0 || (allowed & bit) !== 0)) {
        checkReservedBits(rsv, allowed);
      } else {
        const bits = rsv.toString(2).padStart(3, "0");
        assertBreaks(
          "RFC 6455 §5.2",
          `Reserved bits ${bits} were not negotiated`,
          () => checkReservedBits(rsv, allowed),
        );
      }
    }
  }
});

Deno.test("F3: six opcodes are defined, and others are valid only if an extension owns them", () => {
  for (const opcode of OPCODES) {
    if ([0, 1, 2, 8, 9, 10].includes(opcode)) {
      checkOpcode(opcode, DEFINED_OPCODES);
    } else {
      checkOpcode(opcode, DEFINED_OPCODES | (1 << opcode));
      assertBreaks("RFC 6455 §5.2", `Opcode ${opcode} is not defined`, () => checkOpcode(opcode, DEFINED_OPCODES));
    }
  }
});

Deno.test("F4: a control frame is not fragmented", () => {
  for (const opcode of OPCODES) {
    checkControlFin(true, opcode);
    if (opcode < 8) {
      checkControlFin(false, opcode);
    } else {
      assertBreaks(
        "RFC 6455 §5.5",
        `Control frame with opcode ${opcode} is fragmented`,
        () => checkControlFin(false, opcode),
      );
    }
  }
});

Deno.test("F4: a control frame has at most 125 bytes", () => {
  for (const opcode of OPCODES) {
    checkControlLength(opcode, 125);
    for (const code of [126, 127]) {
      if (opcode < 8) {
        checkControlLength(opcode, code);
      } else {
        assertBreaks(
          "RFC 6455 §5.5",
          `Control frame with opcode ${opcode} has a payload of more than 125 bytes`,
          () => checkControlLength(opcode, code),
        );
      }
    }
  }
});

Deno.test("F5: the highest bit of a 64-bit length is 0", () => {
  checkLengthSign(0x7fff_ffff);
  for (const high of [0x8000_0000, 0xffff_ffff]) {
    assertBreaks("RFC 6455 §5.2", "Length of 64 bits has its highest bit set", () => checkLengthSign(high));
  }
});

Deno.test("F5: a length is in its shortest form", () => {
  checkLengthForm(126, 126);
  checkLengthForm(126, 65_535);
  checkLengthForm(127, 65_536);
  checkLengthForm(127, 2 ** 63);
  for (const [code, length] of [[126, 0], [126, 125], [127, 0], [127, 126], [127, 65_535]] as const) {
    assertBreaks(
      "RFC 6455 §5.2",
      `Length ${length} is not in its shortest form`,
      () => checkLengthForm(code, length),
    );
  }
});

Deno.test("F6: a declared length above the limit is refused with 1009, and the limit itself is not", () => {
  checkMessageBytes(0, 10, 10);
  checkMessageBytes(0, 2 ** 63, Infinity);
  const limit = "maxMessageBytes";
  assertPasses(1009, { limit, max: 10, actual: 11 }, () => checkMessageBytes(0, 11, 10));
  assertPasses(1009, { limit, max: 10, actual: 2 ** 63 }, () => checkMessageBytes(0, 2 ** 63, 10));
});

Deno.test("F7: a continuation continues a message, and no other data frame comes inside one", () => {
  checkSequence(0, true);
  for (const opcode of OPCODES.slice(1)) checkSequence(opcode, false);
  for (const opcode of OPCODES.slice(8)) checkSequence(opcode, true);
  assertBreaks("RFC 6455 §5.4", "Continuation frame with nothing to continue", () => checkSequence(0, false));
  for (const opcode of OPCODES.slice(1, 8)) {
    assertBreaks(
      "RFC 6455 §5.4",
      `Data frame with opcode ${opcode} inside a fragmented message`,
      () => checkSequence(opcode, true),
    );
  }
});

Deno.test("F8: fragments and empty fragments above their limit are refused with 1008", () => {
  checkFragments(3, 3);
  assertPasses(1008, { limit: "maxFragments", max: 3, actual: 4 }, () => checkFragments(4, 3));
  checkEmptyFragments(2, 2);
  assertPasses(1008, { limit: "maxEmptyFragments", max: 2, actual: 3 }, () => checkEmptyFragments(3, 2));
});

Deno.test("F9: arrived bytes are added to the declared length, without rounding", () => {
  checkMessageBytes(4, 6, 10);
  const limit = "maxMessageBytes";
  assertPasses(1009, { limit, max: 10, actual: 11 }, () => checkMessageBytes(4, 7, 10));
  // 2^53 - 2 and 3 more is 2^53 + 1, which no double is: the sum rounds to 2^53.
  const max = 2 ** 53;
  assertPasses(1009, { limit, max, actual: max }, () => checkMessageBytes(2 ** 53 - 2, 3, max));
});
