/**
 * Where frames begin and end in bytes that somebody else judges: for counting them, and for showing them.
 *
 * @module
 */
import { isControl } from "./frame.ts";
import { MAX_HEADER_BYTES } from "./frame_serializer.ts";

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
      const code = header[1]! & 0x7f;
      const lengthSize = code < 126 ? 0 : code === 126 ? 2 : 8;
      const size = 2 + lengthSize + (header[1]! < 0x80 ? 0 : 4);
      if (this.#headerLength < size) continue;
      this.fin = header[0]! >= 0x80;
      this.rsv = (header[0]! >>> 4) & 0b111;
      this.opcode = header[0]! & 0b1111;
      this.length = this.remaining = lengthSize === 0 ? code : uint(header, 2, lengthSize);
      this.key = header[1]! < 0x80 ? undefined : uint(header, size - 4, 4);
      this.#headerLength = 0;
      break;
    }
    return at;
  }
}

/** A number of up to 8 bytes; above 2^53 it is not exact. */
function uint(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let i = 0; i < size; i++) value = 256 * value + bytes[at + i]!;
  return value;
}
