/**
 * Reads a frame's header (RFC 6455 §5.2): the position and the value of each field. Nothing is checked here; the rules are in
 * `frame_rules.ts`. The functions take bytes and return numbers, because a header is read for each frame.
 *
 * ```text
 * first byte   FIN, RSV1 to RSV3, opcode (4 bits)
 * second byte  MASK, length (7 bits): 126 says that 2 bytes of length follow, 127 that 8 do
 * key          4 bytes, where MASK is set
 * ```
 *
 * @module
 */

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
