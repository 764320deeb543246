/**
 * The rules of RFC 6455 §5 for a frame's header: one function each, in the order in which the bytes allow them to be checked.
 * Each throws a `ProtocolError` for what the peer must not send, before any byte of the payload is read.
 *
 * @module
 */
import { LimitError, ProtocolError } from "../../errors.ts";
import { isControl, Opcode, type Role } from "./frame.ts";

/** Bit n is set where RFC 6455 §5.2 defines opcode n. */
export const DEFINED_OPCODES = 0b0000_0111_0000_0111;

/** §5.2: "MUST be 0 unless an extension is negotiated that defines meanings for non-zero values." */
export function checkReservedBits(rsv: number, allowed: number): void {
  if ((rsv & ~allowed) !== 0) {
    throw new ProtocolError(`Reserved bits ${rsv.toString(2).padStart(3, "0")} were not negotiated`, "RFC 6455 §5.2");
  }
}

/** §5.2: "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_." */
export function checkOpcode(opcode: number, allowed: number): void {
  if (((allowed >>> opcode) & 1) === 0) {
    throw new ProtocolError(`Opcode ${opcode} is not defined`, "RFC 6455 §5.2");
  }
}

/** §5.5: "All control frames ... MUST NOT be fragmented." */
export function checkControlFin(fin: boolean, opcode: number): void {
  if (!fin && isControl(opcode)) {
    throw new ProtocolError(`Control frame with opcode ${opcode} is fragmented`, "RFC 6455 §5.5");
  }
}

/** §5.4: a continuation frame must continue a message, and only control frames may come before the last fragment of a message. */
export function checkSequence(opcode: number, insideMessage: boolean): void {
  if (opcode === Opcode.CONTINUATION) {
    if (!insideMessage) throw new ProtocolError("Continuation frame with nothing to continue", "RFC 6455 §5.4");
  } else if (insideMessage && !isControl(opcode)) {
    throw new ProtocolError(`Data frame with opcode ${opcode} inside a fragmented message`, "RFC 6455 §5.4");
  }
}

/** §5.1: "a client MUST mask all frames", "a server MUST NOT mask any frames". `role` is the role of the receiver. */
export function checkMask(masked: boolean, role: Role): void {
  if (masked !== (role === "server")) {
    throw new ProtocolError(
      role === "server" ? "Client frame is not masked" : "Server frame is masked",
      "RFC 6455 §5.1",
    );
  }
}

/** §5.5: "All control frames MUST have a payload length of 125 bytes or less." `code` is the header's seven bits. */
export function checkControlLength(opcode: number, code: number): void {
  if (code > 125 && isControl(opcode)) {
    throw new ProtocolError(
      `Control frame with opcode ${opcode} has a payload of more than 125 bytes`,
      "RFC 6455 §5.5",
    );
  }
}

/** §5.2, a length of 64 bits: "the most significant bit MUST be 0". `high` is the upper half of the length. */
export function checkLengthSign(high: number): void {
  if (high >= 0x8000_0000) {
    throw new ProtocolError("Length of 64 bits has its highest bit set", "RFC 6455 §5.2");
  }
}

/** §5.2: "the minimal number of bytes MUST be used to encode the length". `code` is the header's seven bits. */
export function checkLengthForm(code: number, length: number): void {
  if (length < (code === 127 ? 65_536 : 126)) {
    throw new ProtocolError(`Length ${length} is not in its shortest form`, "RFC 6455 §5.2");
  }
}

/** The limit on the size of a message: for messages held in memory, and for messages delivered in parts. */
export type BytesLimit = "maxMessageBytes" | "maxStreamedMessageBytes";

/**
 * §10.4: the limit on the size of a message. It counts the announced bytes together with the received ones, before any buffer
 * grows.
 */
export function checkMessageBytes(
  before: number,
  length: number,
  max: number,
  limit: BytesLimit = "maxMessageBytes",
): void {
  // Compare without adding: the sum of two large lengths is not exact (CVE-2020-27813).
  if (length > max - before) {
    throw new LimitError(
      before === 0
        ? `Message of ${length} bytes is larger than ${limit} ${max}`
        : `Message of ${before} bytes and ${length} more is larger than ${limit} ${max}`,
      { limit, max, actual: before + length, closeCode: 1009 },
    );
  }
}

/** §10.4: fragments take time whatever their size, so they are counted as well (CVE-2026-48779). */
export function checkFragments(count: number, max: number): void {
  if (count > max) {
    throw new LimitError(`Message has more than maxFragments ${max} fragments`, {
      limit: "maxFragments",
      max,
      actual: count,
      closeCode: 1008,
    });
  }
}

/** §10.4: empty fragments in a row make no progress (ws#2329). */
export function checkEmptyFragments(count: number, max: number): void {
  if (count > max) {
    throw new LimitError(`Message has more than maxEmptyFragments ${max} empty fragments in a row`, {
      limit: "maxEmptyFragments",
      max,
      actual: count,
      closeCode: 1008,
    });
  }
}
