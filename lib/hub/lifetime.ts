/**
 * Waits that end at a deadline or with their owner.
 *
 * @module
 */
import { defer } from "../async.ts";
import { ConnectionError } from "../errors.ts";

/** The lifetime of a connection or a broker. All its waits end with it. */
export class Lifetime {
  readonly #ended = defer<unknown>();
  /** The waits under way. `Promise.race` against a long-lived promise would keep every race in memory. */
  readonly #waiting = new Set<(reason: unknown) => void>();
  #reason: { readonly value: unknown } | undefined;

  /** Resolves with the reason when it has ended. */
  get ended(): Promise<unknown> {
    return this.#ended.promise;
  }

  /** Whether it has ended. */
  get over(): boolean {
    return this.#reason !== undefined;
  }

  /** The number of waits under way. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Ends the lifetime. Only the first call counts.
   *
   * @param reason The error with which all waits reject.
   */
  end(reason: unknown): void {
    if (this.over) return;
    this.#reason = { value: reason };
    for (const reject of this.#waiting) reject(reason);
    this.#ended.resolve(reason);
  }

  /**
   * Waits for a promise, until a timeout or the end of this lifetime.
   *
   * @param promise The promise. Its outcome is ignored after the wait.
   * @param time The timeout in milliseconds; 0 for none.
   * @param what Names what did not happen in that time, for the error.
   *   @returns The result of the promise.
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
   * Waits for a time, or until the end of this lifetime.
   *
   * @param time Milliseconds.
   */
  async sleep(time: number): Promise<void> {
    const { promise, resolve } = defer<void>();
    const timer = setTimeout(resolve, time);
    await this.wait(promise, 0, "").finally(() => clearTimeout(timer));
  }
}
