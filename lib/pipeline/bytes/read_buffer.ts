/**
 * The buffer for reads. Its size follows the traffic, and it is left to the application if the application keeps what was read.
 *
 * @module
 */

import { acquireBuffer } from "./buffer_pool.ts";

/** The size for an idle connection. */
const LEAST = 512;
/** The least size for a connection that has filled that. */
const BUSY = 4 * 1024;
/**
 * Enough for four messages of 64 KiB with their headers and the start of another. With 256 KiB the fourth message is cut, and
 * 1.15 times fewer are echoed.
 */
const MOST = 320 * 1024;
/** The buffer shrinks after this many small reads in a row. Keepalive pongs are such reads. */
const PATIENCE = 3;
/** A read is small if it fills less than this part of the buffer. */
const SMALL = 1 / 32;
/**
 * The read buffer of one connection. Each read is handed on as a view. If the view is kept, the memory belongs to the
 * application, which may transfer it, and the next read uses a new buffer. A kept message therefore pins at most the buffer it
 * arrived in, of its own connection. If no view is kept, the same memory is used again.
 */
export class ReadBuffer {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(LEAST);
  #at = 0;
  #smallReads = 0;

  /** The memory in use. */
  get memory(): ArrayBuffer {
    return this.#bytes.buffer;
  }

  /** The memory for the next read. */
  get writableView(): Uint8Array<ArrayBuffer> {
    if (this.#bytes.length === 0) this.#renew(LEAST); // a callback has transferred the lent memory
    return this.#at === 0 ? this.#bytes : this.#bytes.subarray(this.#at);
  }

  /**
   * Returns the bytes of a read.
   *
   * @param count The number of bytes that were written at the start of `writableView`.
   */
  take(count: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#at, this.#at + count);
  }

  /**
   * Says that a read was processed. Call it before the next read.
   *
   * @param count The number of bytes that were read.
   * @param options Whether a view of them is kept for good, and how many bytes the last, incomplete frame still misses while a
   *    view of it is held. If there is room, the next read goes directly behind it.
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

  /** Leaves the lent memory to its reader and takes other memory from the pool. */
  replace(): void {
    const { length } = this.#bytes;
    this.#renew(length, acquireBuffer(length));
  }

  /** Switches to other memory. A kept view must not pin more than its buffer, and pooled memory may be larger. */
  #renew(size: number, memory = new ArrayBuffer(size)): void {
    if (size !== this.#bytes.length) this.#smallReads = 0;
    this.#bytes = new Uint8Array(memory, 0, size);
    this.#at = 0;
  }
}
