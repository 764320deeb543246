/**
 * Finds the start and the end of frames without checking them, to count and to show them.
 *
 * @module
 */
import { isControl } from "./frame.ts";
import {
  isFinal,
  isMasked,
  MAX_HEADER_BYTES,
  opcodeOf,
  readLength,
  readUint32,
  reservedBitsOf,
  sizeWithoutKey,
} from "./frame_layout.ts";

/**
 * Walks over frames (RFC 6455 §5.2) step by step. Each step ends at the end of a frame or of the bytes. The scanner checks no
 * rules, copies nothing and changes nothing, so it can also walk over bytes that are sent to many connections.
 */
export class FrameScanner {
  /** FIN of the current header: whether the frame is the last of its message. */
  fin = false;
  /** The reserved bits. */
  rsv = 0;
  /** The opcode. */
  opcode = 0;
  /** The masking key, or `undefined` if the payload is not masked. */
  key: number | undefined;
  /** The length of the payload in bytes. */
  length = 0;
  /** How many bytes of the payload have not been passed yet. */
  remaining = 0;
  /** The start of the part of the payload that the last step skipped. The part ends where the step ended. */
  from = 0;
  /** Whether the last step completed the frame. */
  complete = false;

  readonly #header = new Uint8Array(MAX_HEADER_BYTES);
  #headerLength = 0;

  /**
   * Takes one step.
   *
   * @param bytes The next bytes.
   * @param at The position in `bytes` at which the last step ended; 0 at first.
   * @returns The position at which this step ended.
   */
  next(bytes: Uint8Array, at: number): number {
    this.complete = false;
    this.from = at;
    if (this.remaining === 0) {
      this.from = at = this.#readHeader(bytes, at);
      if (this.#headerLength > 0) return at;
    }
    const end = Math.min(at + this.remaining, bytes.length);
    this.remaining -= end - at;
    this.complete = this.remaining === 0;
    return end;
  }

  /** Walks to the end of `bytes` and returns how many messages ended in them. */
  countMessages(bytes: Uint8Array): number {
    let messages = 0;
    for (let at = 0; at < bytes.length;) {
      at = this.next(bytes, at);
      if (this.complete && this.fin && !isControl(this.opcode)) messages++;
    }
    return messages;
  }

  #readHeader(bytes: Uint8Array, at: number): number {
    const header = this.#header;
    while (at < bytes.length) {
      header[this.#headerLength++] = bytes[at++]!;
      if (this.#headerLength < 2) continue;
      const first = header[0]!;
      const second = header[1]!;
      const keyAt = sizeWithoutKey(second);
      if (this.#headerLength < keyAt + (isMasked(second) ? 4 : 0)) continue;
      this.fin = isFinal(first);
      this.rsv = reservedBitsOf(first);
      this.opcode = opcodeOf(first);
      this.length = this.remaining = readLength(header, 0);
      this.key = isMasked(second) ? readUint32(header, keyAt) : undefined;
      this.#headerLength = 0;
      break;
    }
    return at;
  }
}
