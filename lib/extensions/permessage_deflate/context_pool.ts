/**
 * Contexts that are lent to one message at a time: idle connections without context takeover cost no memory.
 *
 * @module
 */

/** Contexts kept of each window size. Everything is synchronous, so more are in use only while messages come in fragments. */
const KEPT = 4;

/** A pool of contexts, which are reset before they are given back. */
export class ContextPool<Context extends { close(): void }> {
  readonly #free = new Map<number, Context[]>();

  /** Takes a context with a window of so many bits, if there is one. */
  take(windowBits: number): Context | undefined {
    return this.#free.get(windowBits)?.pop();
  }

  /** Gives a context back. */
  give(windowBits: number, context: Context): void {
    let free = this.#free.get(windowBits);
    if (free === undefined) this.#free.set(windowBits, free = []);
    if (free.length < KEPT) free.push(context);
    else context.close();
  }
}
