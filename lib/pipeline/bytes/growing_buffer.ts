/**
 * The one place that holds incomplete data: a private buffer that grows with what has arrived, never with what the peer announced
 * (CVE-2022-35922), and that never keeps a view of a read (the memory-pinning advisories of 2026).
 *
 * @module
 */
import { acquireBuffer, releaseBuffer } from "./buffer_pool.ts";
import { copyWithHeadroom, HEADROOM, markHeadroom, MIN_BYTES_FOR_HEADROOM } from "./headroom.ts";

/** The least size that is allocated, unless fewer bytes are expected. */
const MIN_BUFFER = 1024;

/**
 * How far ahead of the received bytes `writableView` allocates. Each doubling that this saves also saves copying half of the
 * message.
 */
const AHEAD = 4;

/** Collects bytes that arrive in parts and hands them on as one. */
export class GrowingBuffer {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #length = 0;
  /** True while the bytes are still where the first part was read to. */
  #inRead = false;
  readonly #pooled: boolean;

  /**
   * @param options Whether large memory comes from the pool. All methods but `take` return it to the pool; after `take` the
   *    caller must.
   */
  constructor({ pooled = false }: { pooled?: boolean } = {}) {
    this.#pooled = pooled;
  }

  /** The number of bytes held. */
  get length(): number {
    return this.#length;
  }

  /**
   * Takes a first part without copying it, because the next read is expected to go directly behind it. Call {@linkcode
   * GrowingBuffer.leaveRead} as soon as reads go elsewhere.
   *
   * @param part The bytes that arrived.
   */
  hold(part: Uint8Array<ArrayBuffer>): void {
    this.#bytes = part;
    this.#length = part.length;
    this.#inRead = true;
  }

  /**
   * Appends a part. It is copied unless it is already in place: read to {@linkcode GrowingBuffer.writableView}, or directly
   * behind the bytes held.
   *
   * @param part The bytes that arrived. The buffer does not keep the view.
   * @param expected How many bytes are still expected after it, if known. It only bounds the growth.
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
   * Returns the memory to read the next bytes to, so that they need not be copied. Returns `undefined` while they are read
   * directly behind the bytes held.
   *
   * @param expected How many bytes are still expected.
   * @returns Memory for some of them: never more than a few times what has arrived.
   */
  writableView(expected: number): Uint8Array<ArrayBuffer> | undefined {
    if (this.#inRead) return undefined;
    if (this.#length === this.#bytes.length) this.#growAhead(expected);
    return this.#bytes.subarray(this.#length, this.#length + expected);
  }

  /**
   * Says that the next read goes elsewhere. The bytes held are copied to a private buffer, so that they do not keep the read's
   * memory alive.
   */
  leaveRead(expected: number): void {
    if (this.#inRead) this.#growAhead(expected);
  }

  /**
   * Lends the bytes held and starts again in the same memory.
   *
   * @returns The bytes held. They are valid until the next `append`.
   */
  lend(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return bytes;
  }

  /**
   * Hands over the bytes held and starts again.
   *
   * @returns The bytes held, in a buffer that nothing else writes to. If the buffer comes from the pool, the caller has to return
   *    it. A large buffer may have room for a header in front of the bytes.
   */
  take(): Uint8Array<ArrayBuffer> {
    const { bytes, length, large } = this.#leave();
    const exact = length === bytes.length ? bytes : this.#pooled ? bytes.subarray(0, length) : bytes.slice(0, length);
    if (large && exact.byteOffset === HEADROOM) markHeadroom(exact);
    return exact;
  }

  /**
   * Hands over the bytes held, in memory that the caller may keep, and starts again.
   *
   * A large payload is copied out of pooled memory: the copy costs less than reading into new memory, which must be zeroed first.
   * Do not call this while a read to {@linkcode GrowingBuffer.writableView} is pending: the read would write into the caller's
   * memory.
   */
  detachCopy(): Uint8Array<ArrayBuffer> {
    const { bytes, length, large } = this.#leave();
    const held = length === bytes.length ? bytes : bytes.subarray(0, length);
    if (large) {
      // If the pool is full, the caller gets this memory, unless it is larger than the message.
      const exact = bytes.buffer.byteLength === HEADROOM + length;
      if (releaseBuffer(bytes.buffer) || !exact) return copyWithHeadroom(held);
      markHeadroom(held);
    }
    return held === bytes ? held : held.slice();
  }

  /**
   * Calls `look` with the bytes held, then starts again. `look` must not keep the view, and no read may be pending here either.
   */
  show<Result>(look: (bytes: Uint8Array<ArrayBuffer>) => Result): Result {
    const { bytes, length, large } = this.#leave();
    try {
      return look(bytes.subarray(0, length));
    } finally {
      if (large) releaseBuffer(bytes.buffer);
    }
  }

  /** Starts again and returns what was held. `large` says that the memory was allocated with room in front. */
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

  /** Whether a part lies directly behind the bytes held, in the same memory. */
  #precedes(part: Uint8Array): boolean {
    return part.buffer === this.#bytes.buffer && part.byteOffset === this.#bytes.byteOffset + this.#length;
  }

  #growAhead(expected: number): void {
    const size = this.#length + expected;
    this.#grow(Math.min(Math.max(AHEAD * this.#length, MIN_BUFFER), size), size);
  }

  /** Makes room for `size` bytes, or for `wanted` bytes if a pooled buffer has that much. */
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
