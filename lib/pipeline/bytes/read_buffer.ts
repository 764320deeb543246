/**
 * Where reads go: one buffer that fits the traffic, and that is left to the application where it keeps what was read.
 *
 * @module
 */

import { acquireBuffer } from "./buffer_pool.ts";

/** An idle connection holds this much. */
const LEAST = 512;
/** And one that has filled that, this much at least. */
const BUSY = 4 * 1024;
/** Four messages of 64 KiB with their headers, and the start of another: with 256 KiB, where the fourth is cut, 1.15 times fewer are echoed. */
const MOST = 320 * 1024;
/** This many reads in a row that are small against the buffer, and it shrinks. Keepalive's pongs are such reads. */
const PATIENCE = 3;
/** What small means. */
const SMALL = 1 / 32;
/**
 * The buffer of one connection's reads. What a read brought is handed on as a view. Where that is kept, the memory is the
 * application's, which may transfer it: the next read goes to a new buffer. So a kept message pins at most the buffer it came in, of
 * its own connection. Where nothing is kept, the same memory is read to again.
 */
export class ReadBuffer {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(LEAST);
  #at = 0;
  #smallReads = 0;

  /** The memory in use. */
  get memory(): ArrayBuffer {
    return this.#bytes.buffer;
  }

  /** Where the next read goes. */
  get writableView(): Uint8Array<ArrayBuffer> {
    if (this.#bytes.length === 0) this.#renew(LEAST); // a callback has transferred what it was lent
    return this.#at === 0 ? this.#bytes : this.#bytes.subarray(this.#at);
  }

  /**
   * What a read brought.
   *
   * @param count The number of bytes that it wrote at the start of `writableView`.
   */
  take(count: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#at, this.#at + count);
  }

  /**
   * Says that a read was dealt with, before the next one.
   *
   * @param count Its number of bytes.
   * @param options Whether a view of them was kept for good. How many bytes are missing of what they end with and is
   *   held as a view until then: if there is room, the next read goes right behind it.
   * @returns Whether the next read goes elsewhere.
   */
  advance(count: number, { kept, missing = 0 }: { kept: boolean; missing?: number }): boolean {
    const size = this.#bytes.length;
    let next = size;
    if (count === size - this.#at) {
      this.#smallReads = 0;
      next = Math.min(Math.max(4 * size, BUSY), MOST);
    } else if (count > size * SMALL) {
      this.#smallReads = 0;
    } else if (++this.#smallReads >= PATIENCE) {
      next = Math.max(size / 4, LEAST);
    }
    if (!kept && missing > 0 && missing <= size - this.#at - count) {
      this.#at += count;
      return false;
    }
    this.#at = 0;
    if (kept || next !== size) this.#renew(next);
    return true;
  }

  /** Leaves the lent memory to its reader, and takes other memory from the pool. */
  replace(): void {
    const { length } = this.#bytes;
    this.#renew(length, acquireBuffer(length));
  }

  /** Goes on with other memory. What is kept must not pin more than its buffer, and memory of the pool may be larger. */
  #renew(size: number, memory = new ArrayBuffer(size)): void {
    if (size !== this.#bytes.length) this.#smallReads = 0;
    this.#bytes = new Uint8Array(memory, 0, size);
    this.#at = 0;
  }
}
