/**
 * The least speed of a peer that reads or sends a body.
 *
 * @module
 */
import type { Deadline, DeadlineList } from "../deadlines.ts";
import { withDeadline } from "../transport/opening.ts";

/** Bytes that a peer takes or sends within `bodyTimeout`. */
export const PACE_BYTES = 64 * 1024;

/** Measures the time spent waiting for a peer. The server's own time does not count. It waits for one step at a time. */
export class Pace implements Deadline {
  due = 0;
  previous: Deadline | undefined;
  next: Deadline | undefined;
  readonly #timeout: number;
  readonly #late: () => unknown;
  readonly #list: DeadlineList | undefined;
  #left: number;
  #bytes = 0;
  /** Ends the current wait in the list of deadlines. */
  #stop: ((error: unknown) => void) | undefined;

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
  wait<T>(step: Promise<T>): Promise<T> {
    if (this.#timeout === 0) return step;
    if (this.#list !== undefined && this.#left === this.#timeout) return this.#within(step, this.#list);
    return this.#waitAlone(step);
  }

  /** Waits with its own timer, because less than the whole time is left. */
  async #waitAlone<T>(step: Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await withDeadline(step, { time: Math.max(this.#left, 1), late: this.#late });
    } finally {
      this.#left -= performance.now() - start;
    }
  }

  /** Waits in the list. The pace itself is the deadline, so that a wait creates one promise and nothing else. */
  #within<T>(step: Promise<T>, list: DeadlineList): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#stop = reject;
      list.set(this);
      step.then((value) => {
        this.#waited(list);
        resolve(value);
      }, (error) => {
        this.#waited(list);
        reject(error);
      });
    });
  }

  #waited(list: DeadlineList): void {
    if (this.#stop === undefined) return; // the deadline has passed
    this.#stop = undefined;
    list.cancel(this);
    this.#left -= performance.now() - (this.due - list.time);
  }

  expired(): void {
    this.#stop?.(this.#late());
    this.#stop = undefined;
    this.#left = 0;
  }

  /** Counts bytes that the peer moved. */
  moved(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < PACE_BYTES) return;
    this.#bytes = 0;
    this.#left = this.#timeout;
  }
}
