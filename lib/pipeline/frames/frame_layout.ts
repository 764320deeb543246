/**
 * The layout of a frame (RFC 6455 §5.2): the values of a header that was received, and the bytes of a frame that is sent. All code
 * that reads or writes frames uses this module. Nothing is checked here; the rules are in `frame_rules.ts`. The functions take and
 * return numbers, because a header is read and written for each frame.
 *
 * ```text
 * first byte   FIN, RSV1 to RSV3, opcode (4 bits)
 * second byte  MASK, length (7 bits): 126 says that 2 bytes of length follow, 127 that 8 do
 * key          4 bytes, where MASK is set
 * ```
 *
 * @module
 */
import { maskRange } from "../bytes/mask.ts";
import { Opcode } from "./frame.ts";

/** The MASK bit, in the second byte. */
export const MASK_BIT = 0x80;

/** FIN: whether the frame is the last of its message. */
export function isFinal(first: number): boolean {
  return first >= 0x80;
}

/** The reserved bits, a sum of values of `Rsv`. */
export function reservedBitsOf(first: number): number {
  return (first >>> 4) & 0b111;
}

/** The opcode. */
export function opcodeOf(first: number): number {
  return first & 0b1111;
}

/** MASK: whether a masking key follows and the payload is masked. */
export function isMasked(second: number): boolean {
  return second >= MASK_BIT;
}

/** The seven bits of the length. Up to 125 they are the length itself. */
export function lengthCodeOf(second: number): number {
  return second & 0x7f;
}

/** The size of the header in bytes, without the masking key. */
export function sizeWithoutKey(second: number): number {
  const code = lengthCodeOf(second);
  return code < 126 ? 2 : code === 126 ? 4 : 10;
}

/**
 * Returns the length of the payload. Above 2^53 the number is not exact.
 *
 * @param bytes The bytes that contain the header.
 * @param at Where the header begins. The length field must have arrived.
 */
export function readLength(bytes: Uint8Array, at: number): number {
  const code = lengthCodeOf(bytes[at + 1]!);
  if (code < 126) return code;
  if (code === 126) return (bytes[at + 2]! << 8) | bytes[at + 3]!;
  return readUint32(bytes, at + 2) * 2 ** 32 + readUint32(bytes, at + 6);
}

/** Reads four bytes as a number, the highest first: a masking key, or half of a length. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** The longest header: 2 bytes, a length of 8, a key of 4. */
export const MAX_HEADER_BYTES = 14;

/** Up to this many characters, a loop over ASCII is faster than a call of the runtime's encoder. */
const SHORT_TEXT = 64;
const ENCODER = new TextEncoder();

/** Returns the first byte of a header. */
export function firstByte(opcode: number, fin = true, rsv = 0): number {
  return (fin ? 0x80 : 0) | (rsv << 4) | opcode;
}

/** The first byte of a text message in one frame. */
const WHOLE_TEXT = firstByte(Opcode.TEXT);

/** Returns the size of a frame's header in bytes. */
export function headerSize(payloadLength: number, masked: boolean): number {
  return 2 + (payloadLength < 126 ? 0 : payloadLength < 65_536 ? 2 : 8) + (masked ? 4 : 0);
}

/**
 * Writes a frame's header, with the length in its shortest form.
 *
 * @param target The memory to write to. It must have room.
 * @param at Where the header begins.
 * @param header The first byte (FIN, reserved bits, opcode), the payload's length, and the masking key or `undefined`.
 * @returns Where the payload begins.
 */
export function writeHeader(
  target: Uint8Array,
  at: number,
  header: { first: number; length: number; key: number | undefined },
): number {
  const { first, length, key } = header;
  const maskBit = key === undefined ? 0 : 0x80;
  target[at++] = first;
  if (length < 126) {
    target[at++] = maskBit | length;
  } else if (length < 65_536) {
    target[at++] = maskBit | 126;
    target[at++] = length >>> 8;
    target[at++] = length;
  } else {
    target[at++] = maskBit | 127;
    at = writeUint32(target, at, Math.floor(length / 2 ** 32));
    at = writeUint32(target, at, length);
  }
  return key === undefined ? at : writeUint32(target, at, key);
}

/**
 * Writes a frame.
 *
 * @param target The memory to write to. It must have room.
 * @param start Where the frame begins.
 * @param header The first byte, and the masking key or `undefined`.
 * @param payload The payload. It is copied and not changed.
 * @returns Where the frame ends.
 */
export function writeFrame(
  target: Uint8Array,
  start: number,
  { first, key }: { first: number; key: number | undefined },
  payload: Uint8Array,
): number {
  const { length } = payload;
  const at = writeHeader(target, start, { first, length, key });
  target.set(payload, at);
  if (key !== undefined) maskRange(target, at, at + length, key);
  return at + length;
}

/**
 * Writes a text message as one frame, without an intermediate copy of its bytes.
 *
 * @param target The memory to write to. It must have room for three bytes for each UTF-16 unit, and for the longest header.
 * @param start Where the frame begins.
 * @param text The text.
 * @param key The masking key or `undefined`.
 * @returns Where the frame ends.
 */
export function writeText(target: Uint8Array, start: number, text: string, key: number | undefined): number {
  const masked = key !== undefined;
  // The header's size is guessed as if the text were ASCII. If other text needs a longer header, the text is moved.
  const guess = start + headerSize(text.length, masked);
  let length = 0;
  if (text.length <= SHORT_TEXT) {
    for (; length < text.length; length++) {
      const unit = text.charCodeAt(length);
      if (unit >= 0x80) break;
      target[guess + length] = unit;
    }
  }
  if (length < text.length) length = ENCODER.encodeInto(text, target.subarray(guess)).written;
  const at = length === text.length ? guess : start + headerSize(length, masked);
  if (at !== guess) target.copyWithin(at, guess, guess + length);
  writeHeader(target, start, { first: WHOLE_TEXT, length, key });
  if (masked) maskRange(target, at, at + length, key);
  return at + length;
}

function writeUint32(target: Uint8Array, at: number, value: number): number {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
  return at + 4;
}
