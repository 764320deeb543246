/**
 * Values that expire.
 *
 * @module
 */

/**
 * The maximum number of values that are kept; beyond that, the oldest are removed. A name of 36 characters and a number take
 * about 150 bytes, so all of them take 10 MB.
 */
const MAX_VALUES = 65_536;

/** Values by name, each for some time after it was set. There is no timer; old values are removed when another one is set. */
export class Expiring<Value> {
  readonly #time: number;
  /** The values, the oldest first. */
  readonly #values = new Map<string, { readonly value: Value; readonly end: number }>();

  /** @param time Milliseconds. */
  constructor(time: number) {
    this.#time = time;
  }

  /** The number of values, including expired ones. */
  get size(): number {
    return this.#values.size;
  }

  /** Returns a value that has not expired. */
  get(name: string): Value | undefined {
    const known = this.#values.get(name);
    return known === undefined || known.end <= performance.now() ? undefined : known.value;
  }

  /** Sets a value. */
  set(name: string, value: Value): void {
    const now = performance.now();
    this.#values.delete(name);
    this.#values.set(name, { value, end: now + this.#time });
    for (const [old, { end }] of this.#values) {
      if (end > now && this.#values.size <= MAX_VALUES) break;
      this.#values.delete(old);
    }
  }
}
