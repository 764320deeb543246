/**
 * Frames to bytes in the framing of hixie-75 (§4.3) and hixie-76 (§5.3).
 *
 * @module
 */
import { type Frame, Opcode } from "../pipeline/frames/frame.ts";
import type { HixieVersion } from "./translated_request.ts";

/**
 * Writes one frame. The drafts have whole text messages and, in hixie-76, a closing handshake without a code.
 *
 * @param frame The frame: `TEXT`, or `CLOSE`, whose code and reason are not sent.
 * @param version The draft.
 * @returns The bytes; none for a `CLOSE` in hixie-75, where closing the connection is the only end.
 * @throws {TypeError} For binary messages, fragments, pings, pongs and reserved bits, and for text that is not UTF-8 because it
 *    contains the byte that ends a frame.
 */
export function serializeHixieFrame(frame: Frame, version: HixieVersion): Uint8Array<ArrayBuffer> {
  const { fin, rsv, opcode, payload } = frame;
  if (opcode === Opcode.CLOSE) return version === "hixie-76" ? Uint8Array.of(0xff, 0x00) : new Uint8Array(0);
  if (opcode !== Opcode.TEXT || !fin || rsv !== 0) {
    const what = opcode === Opcode.TEXT ? "a fragment or reserved bits" : `opcode ${opcode}`;
    throw new TypeError(`Cannot send ${what}: ${version} has whole text messages only`);
  }
  // UTF-8 never contains this byte. What follows it would be read as further frames.
  if (payload.includes(0xff)) throw new TypeError("Cannot send text with a byte 0xFF: it is not UTF-8");
  const bytes = new Uint8Array(payload.length + 2);
  bytes.set(payload, 1);
  bytes[bytes.length - 1] = 0xff;
  return bytes;
}
