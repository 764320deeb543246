/**
 * What is remembered for a time.
 *
 * @module
 */

/** Values that can be forgotten at any moment: more than these are. A name of 36 characters and a number take about 150 bytes: 10 MB. */
const MAX_VALUES = 65_536;

/** Values by name, each for some time after it was set. No timer: what is old is forgotten when something else is set. */
export class Expiring<Value> {
  readonly #time: number;
  /** The one that was set first comes first. */
  readonly #values = new Map<string, { readonly value: Value; readonly end: number }>();

  /** @param time Milliseconds. */
  constructor(time: number) {
    this.#time = time;
  }

  /** How many there are, old ones included. */
  get size(): number {
    return this.#values.size;
  }

  /** A value that is not too old. */
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
