/**
 * The least speed of a peer that reads or sends a body.
 *
 * @module
 */
import { defer } from "../async.ts";
import { type DeadlineList, Timeout } from "../deadlines.ts";
import { withDeadline } from "../transport/opening.ts";

/** Bytes that a peer takes or sends within `bodyTimeout`. */
export const PACE_BYTES = 64 * 1024;

/** Measures the time spent waiting for a peer. The server's own time does not count. */
export class Pace {
  readonly #timeout: number;
  readonly #late: () => unknown;
  readonly #list: DeadlineList | undefined;
  #left: number;
  #bytes = 0;

  /**
   * @param timeout The longest time to wait for the peer for each 64 KiB, in milliseconds. 0 means no limit.
   * @param late Makes the error for a peer that is slower.
   * @param list A list of deadlines of that time, so that a fast peer needs no timer.
   */
  constructor(timeout: number, late: () => unknown, list?: DeadlineList) {
    this.#timeout = this.#left = timeout;
    this.#late = late;
    this.#list = list;
  }

  /** Waits for the peer. Throws the error of `late` when the time is up. */
  async wait<T>(step: Promise<T>): Promise<T> {
    if (this.#timeout === 0) return await step;
    const start = performance.now();
    try {
      if (this.#list !== undefined && this.#left === this.#timeout) return await this.#within(step, this.#list);
      return await withDeadline(step, { time: Math.max(this.#left, 1), late: this.#late });
    } finally {
      this.#left -= performance.now() - start;
    }
  }

  async #within<T>(step: Promise<T>, list: DeadlineList): Promise<T> {
    const stop = defer<never>();
    const timeout = new Timeout(list, () => stop.reject(this.#late()));
    try {
      return await Promise.race([step, stop.promise]);
    } finally {
      timeout.cancel();
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
