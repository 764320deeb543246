/**
 * Frames to bytes as hixie-75 (§4.3) and hixie-76 (§5.3) have them.
 *
 * @module
 */
import { type Frame, Opcode } from "../pipeline/frames/frame.ts";
import type { HixieVersion } from "./translated_request.ts";

/**
 * Writes one frame. The drafts have whole text messages and, in hixie-76, a closing handshake that says nothing but itself.
 *
 * @param frame The frame: `TEXT`, or `CLOSE`, whose code and reason stay here.
 * @param version The draft.
 * @returns The bytes; none for a `CLOSE` in hixie-75, where the end of the connection is all there is.
 * @throws {TypeError} For binary messages, fragments, pings, pongs and reserved bits, and for text that is not UTF-8 because it
 * holds the byte that ends a frame.
 */
export function serializeHixieFrame(frame: Frame, version: HixieVersion): Uint8Array<ArrayBuffer> {
  const { fin, rsv, opcode, payload } = frame;
  if (opcode === Opcode.CLOSE) return version === "hixie-76" ? Uint8Array.of(0xff, 0x00) : new Uint8Array(0);
  if (opcode !== Opcode.TEXT || !fin || rsv !== 0) {
    const what = opcode === Opcode.TEXT ? "a fragment or reserved bits" : `opcode ${opcode}`;
    throw new TypeError(`Cannot send ${what}: ${version} has whole text messages only`);
  }
  // UTF-8 never does. What follows would be read as frames of ours.
  if (payload.includes(0xff)) throw new TypeError("Cannot send text with a byte 0xFF: it is not UTF-8");
  const bytes = new Uint8Array(payload.length + 2);
  bytes.set(payload, 1);
  bytes[bytes.length - 1] = 0xff;
  return bytes;
}
