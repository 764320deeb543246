/**
 * Token buckets: how much may come, and how long to wait for the next. They know no clock.
 *
 * @module
 */

/** How fast something may come. */
export interface RateInit {
  /** How many a second. */
  readonly perSecond: number;
  /** How many at once, after a pause. */
  readonly burst: number;
}

/**
 * A token bucket. It fills at a rate up to its burst. What is larger than the burst takes a full bucket and leaves a debt, so that it
 * comes through and the rate still holds.
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
   * How long to wait until so many may be taken.
   *
   * @param count How many.
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

  /** Takes so many, whether or not they are there. */
  take(count: number): void {
    this.#tokens -= count;
  }
}
