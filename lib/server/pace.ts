/**
 * The least speed of a peer that reads or sends a body.
 *
 * @module
 */
import { withDeadline } from "../transport/opening.ts";

/** Bytes that a peer takes or sends within `bodyTimeout`. */
export const PACE_BYTES = 64 * 1024;

/** Counts the time in which a peer is waited for. What we take ourselves does not count. */
export class Pace {
  readonly #timeout: number;
  readonly #late: () => unknown;
  #left: number;
  #bytes = 0;

  /**
   * @param timeout Milliseconds that the peer may be waited for until it has moved 64 KiB. 0: none.
   * @param late Makes the error for a peer that is slower.
   */
  constructor(timeout: number, late: () => unknown) {
    this.#timeout = this.#left = timeout;
    this.#late = late;
  }

  /** Waits for the peer. Throws what `late` makes when its time is up. */
  async wait<T>(step: Promise<T>): Promise<T> {
    if (this.#timeout === 0) return await step;
    const start = performance.now();
    try {
      return await withDeadline(step, { time: Math.max(this.#left, 1), late: this.#late });
    } finally {
      this.#left -= performance.now() - start;
    }
  }

  /** Counts bytes that the peer moved. */
  moved(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < PACE_BYTES) return;
    this.#bytes = 0;
    this.#left = this.#timeout;
  }
}
