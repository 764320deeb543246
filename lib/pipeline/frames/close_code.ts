/**
 * Close codes and the payload of a close frame (RFC 6455 §5.5.1 and §7.4).
 *
 * @module
 */
import { ProtocolError } from "../../errors.ts";
import { decodeUtf8, Utf8Validator } from "../bytes/utf8.ts";

/** The close codes that RFC 6455 §7.4.1 and the IANA registry define. */
export const CloseCode = {
  /** The purpose of the connection is fulfilled. */
  NORMAL: 1000,
  /** A server shuts down, or a browser leaves the page. */
  GOING_AWAY: 1001,
  /** The peer violated the protocol. */
  PROTOCOL_ERROR: 1002,
  /** The peer sent a type of data that cannot be accepted. */
  UNSUPPORTED_DATA: 1003,
  /** Never sent: the close frame had no code. */
  NO_STATUS: 1005,
  /** Never sent: the connection ended without a close frame. */
  ABNORMAL: 1006,
  /** The data does not match its type, such as text that is not UTF-8. */
  INVALID_PAYLOAD: 1007,
  /** The peer violated a policy of this endpoint. */
  POLICY_VIOLATION: 1008,
  /** A message is too big. */
  MESSAGE_TOO_BIG: 1009,
  /** The server did not accept an extension that the client requires. */
  MANDATORY_EXTENSION: 1010,
  /** An unexpected error in this endpoint. */
  INTERNAL_ERROR: 1011,
  /** The service restarts (IANA). */
  SERVICE_RESTART: 1012,
  /** The service is overloaded, or the peer does not keep up (IANA). */
  TRY_AGAIN_LATER: 1013,
  /** A gateway received an invalid response (IANA). */
  BAD_GATEWAY: 1014,
} as const;

/** The longest reason of a close frame, in bytes of UTF-8: §5.5's 125 minus two for the code. */
export const MAX_REASON_BYTES = 123;

/** The content of a close frame. */
export interface ClosePayload {
  /** The code; 1005 if the frame had none. */
  readonly closeCode: number;
  /** The reason; empty if there is none. */
  readonly reason: string;
}

/**
 * Whether a code may be sent in a close frame: the codes of §7.4.1 and IANA, and 3000 to 4999 (§7.4.2).
 *
 * @example Codes for applications start at 3000
 * ```ts
 * import { isSendableCloseCode } from "@sluice/websocket/frames";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([1000, 1005, 1006, 2999, 3000, 4999].filter(isSendableCloseCode), [1000, 3000, 4999]);
 * ```
 */
export function isSendableCloseCode(code: number): boolean {
  return Number.isInteger(code) &&
    ((code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999));
}

/**
 * Checks the payload of a close frame.
 *
 * @param payload The payload, 0 to 125 bytes.
 * @throws {ProtocolError} If the payload is one byte long, if the code must not be sent (1002), or if the reason is not UTF-8
 *    (1007).
 */
export function checkClosePayload(payload: Uint8Array): void {
  if (payload.length === 0) return;
  if (payload.length === 1) throw new ProtocolError("Close frame has a payload of one byte", "RFC 6455 §5.5.1");
  const closeCode = closeCodeIn(payload);
  if (!isSendableCloseCode(closeCode)) {
    throw new ProtocolError(`Close code ${closeCode} may not be sent`, "RFC 6455 §7.4");
  }
  const reason = new Utf8Validator();
  if (reason.push(payload.subarray(2)) !== -1 || !reason.complete) {
    throw new ProtocolError("Close reason is not UTF-8", "RFC 6455 §5.5.1", CloseCode.INVALID_PAYLOAD);
  }
}

/**
 * Reads the payload of a close frame.
 *
 * @param payload The payload, 0 to 125 bytes.
 * @returns The code and the reason.
 * @throws {ProtocolError} If the payload is one byte long, if the code must not be sent (1002), or if the reason is not UTF-8
 *    (1007).
 */
export function decodeClosePayload(payload: Uint8Array): ClosePayload {
  checkClosePayload(payload);
  if (payload.length === 0) return { closeCode: CloseCode.NO_STATUS, reason: "" };
  return { closeCode: closeCodeIn(payload), reason: decodeUtf8(payload, 2) ?? "" };
}

function closeCodeIn(payload: Uint8Array): number {
  return (payload[0]! << 8) | payload[1]!;
}

const ENCODER = new TextEncoder();
const NO_REASON = new Uint8Array(0);

/**
 * Makes the payload of a close frame.
 *
 * @example Encode and decode
 * ```ts
 * import { CloseCode, decodeClosePayload, encodeClosePayload } from "@sluice/websocket/frames";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const payload = encodeClosePayload(CloseCode.GOING_AWAY, "see you");
 * assertEquals(decodeClosePayload(payload), { closeCode: 1001, reason: "see you" });
 * assertThrows(() => encodeClosePayload(1006), RangeError);
 * ```
 *
 * @param closeCode The code, or `undefined` for an empty payload.
 * @param reason The reason, at most 123 bytes of UTF-8.
 * @returns The payload.
 * @throws {RangeError} If the code must not be sent, if the reason is too long, or if there is a reason without a code.
 */
export function encodeClosePayload(closeCode?: number, reason = ""): Uint8Array<ArrayBuffer> {
  if (closeCode === undefined) {
    if (reason !== "") throw new RangeError("Cannot send a close reason without a close code");
    return new Uint8Array(0);
  }
  if (!isSendableCloseCode(closeCode)) {
    throw new RangeError(`Cannot send close code ${closeCode}: it must be 1000-1003, 1007-1014 or 3000-4999`);
  }
  if (typeof reason !== "string") throw new TypeError(`Cannot send a close reason that is a ${typeof reason}`);
  const text = reason === "" ? NO_REASON : ENCODER.encode(reason);
  if (text.length > MAX_REASON_BYTES) {
    throw new RangeError(`Cannot send a close reason of ${text.length} bytes: the limit is ${MAX_REASON_BYTES}`);
  }
  const payload = new Uint8Array(2 + text.length);
  payload[0] = closeCode >>> 8;
  payload[1] = closeCode & 0xff;
  payload.set(text, 2);
  return payload;
}
