/**
 * The one place where something incomplete is held: a private buffer that grows with what has arrived, never with what was
 * claimed (CVE-2022-35922), and never keeps a view of a read (the memory-pinning advisories of 2026).
 *
 * @module
 */
import { acquireBuffer, releaseBuffer } from "./buffer_pool.ts";
import { copyWithHeadroom, HEADROOM, markHeadroom, MIN_BYTES_FOR_HEADROOM } from "./headroom.ts";

/** The least that is allocated, unless less is expected. */
const MIN_BUFFER = 1024;

/** How far ahead of what has arrived `writableView` allocates: each doubling less copies half of the message less. */
const AHEAD = 4;

/** Bytes that arrive in parts and are handed on as one. */
export class GrowingBuffer {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #length = 0;
  /** Whether the bytes are still where the first part was read to. */
  #inRead = false;
  readonly #pooled: boolean;

  /** @param options Whether large memory comes from the pool: it goes back there with all but `take`, whose taker gives it back. */
  constructor({ pooled = false }: { pooled?: boolean } = {}) {
    this.#pooled = pooled;
  }

  /** The number of bytes held. */
  get length(): number {
    return this.#length;
  }

  /**
   * Takes a first part without copying it, because the next read is expected to go right behind it. As soon as reads go
   * elsewhere, call {@linkcode GrowingBuffer.leaveRead}.
   *
   * @param part What arrived.
   */
  hold(part: Uint8Array<ArrayBuffer>): void {
    this.#bytes = part;
    this.#length = part.length;
    this.#inRead = true;
  }

  /**
   * Copies a part in, unless it is in its place already: read to {@linkcode GrowingBuffer.writableView}, or right behind what is held.
   *
   * @param part What arrived. It is not kept.
   * @param expected How many bytes are still expected after it, where that is known. It only bounds the growth.
   */
  append(part: Uint8Array, expected = Infinity): void {
    const length = this.#length + part.length;
    if (!this.#precedes(part)) {
      const most = length + expected;
      if (length > this.#bytes.length) this.#grow(Math.min(Math.max(2 * length, MIN_BUFFER), most), most);
      this.#bytes.set(part, this.#length);
    } else if (this.#inRead) {
      this.#bytes = new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, length);
    }
    this.#length = length;
  }

  /**
   * Where the next bytes may be read to, so that they need not be copied; nothing while they are to be read behind what is held.
   *
   * @param expected How many bytes are still expected.
   * @returns Some of that: never more than a few times what has arrived.
   */
  writableView(expected: number): Uint8Array<ArrayBuffer> | undefined {
    if (this.#inRead) return undefined;
    if (this.#length === this.#bytes.length) this.#growAhead(expected);
    return this.#bytes.subarray(this.#length, this.#length + expected);
  }

  /** The next read goes elsewhere: what is held moves to a buffer of its own, and keeps nothing of the read alive. */
  leaveRead(expected: number): void {
    if (this.#inRead) this.#growAhead(expected);
  }

  /**
   * Lends what is held and starts again in the same memory.
   *
   * @returns The bytes held, until the next `append`.
   */
  lend(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return bytes;
  }

  /**
   * Hands on what is held and starts again.
   *
   * @returns The bytes held, in a buffer that nothing else writes to. If it is memory of the pool, the caller has to return it. A
   *   large one may have room for a header in front of it.
   */
  take(): Uint8Array<ArrayBuffer> {
    const { bytes, length, large } = this.#leave();
    const exact = length === bytes.length ? bytes : this.#pooled ? bytes.subarray(0, length) : bytes.slice(0, length);
    if (large && exact.byteOffset === HEADROOM) markHeadroom(exact);
    return exact;
  }

  /**
   * Hands on what is held in memory that is the taker's for good, and starts again.
   *
   * A large payload is copied out of memory that is used again: that costs less than to read to memory that is new, and so zeroed.
   * No read to {@linkcode GrowingBuffer.writableView} may be under way: it would write into memory that belongs to another.
   */
  detachCopy(): Uint8Array<ArrayBuffer> {
    const { bytes, length, large } = this.#leave();
    const held = length === bytes.length ? bytes : bytes.subarray(0, length);
    if (large) {
      // The pool may be full: then the memory is the taker's, unless it is more than the message.
      const exact = bytes.buffer.byteLength === HEADROOM + length;
      if (releaseBuffer(bytes.buffer) || !exact) return copyWithHeadroom(held);
      markHeadroom(held);
    }
    return held === bytes ? held : held.slice();
  }

  /** Shows what is held to `look`, which keeps nothing of it, and starts again. No read may be under way here either. */
  show<Result>(look: (bytes: Uint8Array<ArrayBuffer>) => Result): Result {
    const { bytes, length, large } = this.#leave();
    try {
      return look(bytes.subarray(0, length));
    } finally {
      if (large) releaseBuffer(bytes.buffer);
    }
  }

  /** Starts again, and gives what was held; `large` says that it is in memory that was made for it with room in front. */
  #leave(): { bytes: Uint8Array<ArrayBuffer>; length: number; large: boolean } {
    const left = {
      bytes: this.#bytes,
      length: this.#length,
      large: !this.#inRead && this.#bytes.byteOffset === HEADROOM,
    };
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
    this.#inRead = false;
    return left;
  }

  /** Whether a part stands right behind what is held, in the same memory. */
  #precedes(part: Uint8Array): boolean {
    return part.buffer === this.#bytes.buffer && part.byteOffset === this.#bytes.byteOffset + this.#length;
  }

  #growAhead(expected: number): void {
    const size = this.#length + expected;
    this.#grow(Math.min(Math.max(AHEAD * this.#length, MIN_BUFFER), size), size);
  }

  /** Makes room for `size` bytes, or for as many as are wanted where a pooled buffer has it. */
  #grow(size: number, wanted: number): void {
    const room = size < MIN_BYTES_FOR_HEADROOM ? 0 : HEADROOM;
    const memory = this.#pooled && room > 0 ? acquireBuffer(room + size, room + wanted) : new ArrayBuffer(room + size);
    const grown = new Uint8Array(memory, room, Math.min(memory.byteLength - room, wanted));
    grown.set(this.#bytes.subarray(0, this.#length));
    if (this.#pooled && !this.#inRead) releaseBuffer(this.#bytes.buffer);
    this.#bytes = grown;
    this.#inRead = false;
  }
}
