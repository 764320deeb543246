/**
 * Waiting that ends: at a deadline, or with what it belongs to.
 *
 * @module
 */
import { defer } from "../async.ts";
import { ConnectionError } from "../errors.ts";

/** The time of a connection, or of a broker. What is waited for in it ends with it. */
export class Lifetime {
  readonly #ended = defer<unknown>();
  /** `Promise.race` against one promise that lives long would keep every race. */
  readonly #waiting = new Set<(reason: unknown) => void>();
  #reason: { readonly value: unknown } | undefined;

  /** Resolves with the reason when it is over. */
  get ended(): Promise<unknown> {
    return this.#ended.promise;
  }

  /** Whether it is over. */
  get over(): boolean {
    return this.#reason !== undefined;
  }

  /** How many waits are under way. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Ends it. Only the first time counts.
   *
   * @param reason What everything that waits is rejected with.
   */
  end(reason: unknown): void {
    if (this.over) return;
    this.#reason = { value: reason };
    for (const reject of this.#waiting) reject(reason);
    this.#ended.resolve(reason);
  }

  /**
   * Waits for a promise, not longer than a time and not longer than this lasts.
   *
   * @param promise The promise. Its outcome is ignored once the wait is over.
   * @param time Milliseconds; 0 for any time.
   * @param what What did not happen in that time.
   * @returns What the promise resolves with.
   * @throws {ConnectionError} If the time is up.
   */
  wait<T>(promise: Promise<T>, time: number, what: string): Promise<T> {
    const { promise: answer, resolve, reject } = defer<T>();
    const late = () => reject(new ConnectionError(`${what} took more than ${time} ms`));
    const timer = time === 0 ? undefined : setTimeout(late, time);
    if (this.#reason !== undefined) reject(this.#reason.value);
    this.#waiting.add(reject);
    promise.then(resolve, reject);
    return answer.finally(() => {
      clearTimeout(timer);
      this.#waiting.delete(reject);
    });
  }

  /**
   * Waits for a time, not longer than this lasts.
   *
   * @param time Milliseconds.
   */
  async sleep(time: number): Promise<void> {
    const { promise, resolve } = defer<void>();
    const timer = setTimeout(resolve, time);
    await this.wait(promise, 0, "").finally(() => clearTimeout(timer));
  }
}
