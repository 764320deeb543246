/**
 * Token buckets. They do not read a clock; the caller passes the time.
 *
 * @module
 */

/** The options of a token bucket. */
export interface RateInit {
  /** The rate per second. */
  readonly perSecond: number;
  /** The maximum number of tokens at once, after a pause. */
  readonly burst: number;
}

/**
 * A token bucket. It fills at a rate, up to its burst. A request for more than the burst takes a full bucket and leaves a debt, so
 * it passes and the average rate still holds.
 */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;

  /**
   * @param init The rate and the burst.
   * @param now Milliseconds by the clock of the caller.
   */
  constructor({ perSecond, burst }: RateInit, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAt = now;
  }

  /**
   * Returns the time until tokens may be taken.
   *
   * @param count The number of tokens.
   * @param now Milliseconds by the same clock.
   * @returns Milliseconds; 0 if they may be taken now.
   */
  delay(count: number, now: number): number {
    const passed = Math.max(0, now - this.#filledAt);
    this.#tokens = Math.min(this.#burst, this.#tokens + passed * this.#perSecond / 1000);
    this.#filledAt = now;
    const missing = Math.min(count, this.#burst) - this.#tokens;
    return missing <= 0 ? 0 : Math.max(1, Math.ceil(missing * 1000 / this.#perSecond));
  }

  /** Takes tokens, whether or not they are available. */
  take(count: number): void {
    this.#tokens -= count;
  }
}
