/**
 * Frames that many queues write one after the other, joined once for all of them.
 *
 * @module
 */

/** The run that was started last. The next queue most likely starts with the same message. */
let newest: SharedRun | undefined;

/** Encoded messages in a row. Queues with the same messages share one run. */
export class SharedRun {
  /** The total number of bytes. */
  readonly length: number;
  readonly #before: SharedRun | undefined;
  readonly #last: Uint8Array<ArrayBuffer>;
  /** The last run that was made from this one by adding a message. The next queue most likely adds the same. */
  #longer: SharedRun | undefined;
  #joined: Uint8Array<ArrayBuffer> | undefined;

  private constructor(last: Uint8Array<ArrayBuffer>, before: SharedRun | undefined) {
    this.length = last.length + (before?.length ?? 0);
    this.#last = last;
    this.#before = before;
  }

  /** Returns the run of one message. */
  static of(bytes: Uint8Array<ArrayBuffer>): SharedRun {
    if (newest === undefined || newest.#last !== bytes) newest = new SharedRun(bytes, undefined);
    return newest;
  }

  /** Returns the run of this one and one more message. */
  and(bytes: Uint8Array<ArrayBuffer>): SharedRun {
    if (this.#longer === undefined || this.#longer.#last !== bytes) this.#longer = new SharedRun(bytes, this);
    return this.#longer;
  }

  /** The joined bytes, which must not be changed: a single message is not copied. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#joined ??= this.#before === undefined ? this.#last : this.#join();
  }

  #join(): Uint8Array<ArrayBuffer> {
    const joined = new Uint8Array(this.length);
    // deno-lint-ignore no-this-alias -- it walks back from here
    for (let run: SharedRun | undefined = this; run !== undefined; run = run.#before) {
      joined.set(run.#last, run.length - run.#last.length);
    }
    return joined;
  }
}
