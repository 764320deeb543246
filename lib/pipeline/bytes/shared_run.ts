/**
 * Frames that many queues write one after the other, joined once for all of them.
 *
 * @module
 */

/** The run that was begun last: the next queue most likely begins the same. */
let newest: SharedRun | undefined;

/** Encoded messages in a row. Queues that were given the same messages hold the same run. */
export class SharedRun {
  /** Bytes of all of them. */
  readonly length: number;
  readonly #before: SharedRun | undefined;
  readonly #last: Uint8Array<ArrayBuffer>;
  /** What this run became last when a message was added: it most likely becomes that again. */
  #longer: SharedRun | undefined;
  #joined: Uint8Array<ArrayBuffer> | undefined;

  private constructor(last: Uint8Array<ArrayBuffer>, before: SharedRun | undefined) {
    this.length = last.length + (before?.length ?? 0);
    this.#last = last;
    this.#before = before;
  }

  /** The run of one message. */
  static of(bytes: Uint8Array<ArrayBuffer>): SharedRun {
    if (newest === undefined || newest.#last !== bytes) newest = new SharedRun(bytes, undefined);
    return newest;
  }

  /** This run and one more message. */
  and(bytes: Uint8Array<ArrayBuffer>): SharedRun {
    if (this.#longer === undefined || this.#longer.#last !== bytes) this.#longer = new SharedRun(bytes, this);
    return this.#longer;
  }

  /** All of it, which must not be changed: a single message is not copied. */
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
