/**
 * Limits the rate of a peer's pings, because a pong costs us more than its ping costs the peer.
 *
 * @module
 */
import { LimitError } from "../errors.ts";
import type { Limits } from "../limits.ts";

/** Counts the pings of each second. */
export class PingRate {
  readonly #max: number;
  #second = 0;
  #pings = 0;

  /** @param limits `maxPingsPerSecond`. */
  constructor({ maxPingsPerSecond }: Pick<Limits, "maxPingsPerSecond">) {
    this.#max = maxPingsPerSecond;
  }

  /** Counts a ping. Returns the error if it is one too many. */
  count(): LimitError | undefined {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#pings = 0;
    }
    const max = this.#max;
    if (++this.#pings <= max) return undefined;
    return new LimitError(`Peer sent more than maxPingsPerSecond ${max} pings`, {
      limit: "maxPingsPerSecond",
      max,
      actual: this.#pings,
      closeCode: 1008,
    });
  }
}
