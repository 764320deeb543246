/**
 * Finds where frames begin and end, without checking them: to count them and to show them.
 *
 * @module
 */
import { isControl } from "./frame.ts";
import { isFinal, isMasked, opcodeOf, readLength, readUint32, reservedBitsOf, sizeWithoutKey } from "./frame_header.ts";
import { MAX_HEADER_BYTES } from "./frame_writer.ts";

/**
 * Walks over frames, RFC 6455 §5.2, step by step: each step ends with a frame, or with the bytes. No rule is checked, nothing is
 * copied and nothing changed, so bytes that go out to many can be walked over too.
 */
export class FrameScanner {
  /** The header in force: whether it is its message's last. */
  fin = false;
  /** The reserved bits. */
  rsv = 0;
  /** The opcode. */
  opcode = 0;
  /** The masking key, or `undefined` where the payload is not masked. */
  key: number | undefined;
  /** Bytes of the payload. */
  length = 0;
  /** Bytes of it that are yet to come. */
  remaining = 0;
  /** Where the part of the payload begins that the last step passed over. It ends where the step ended. */
  from = 0;
  /** Whether the last step completed the frame. */
  complete = false;

  readonly #header = new Uint8Array(MAX_HEADER_BYTES);
  #headerLength = 0;

  /**
   * Takes one step.
   *
   * @param bytes What comes next.
   * @param at Where in it the last step ended; 0 at first.
   * @returns Where this step ended.
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

  /** Walks to the end of `bytes` and returns how many messages ended in it. */
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
