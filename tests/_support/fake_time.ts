/**
 * A clock that stands still until a test moves it: timers are tested by what they do, at once and on any machine.
 *
 * @module
 */
import { settle } from "./wait.ts";

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** Replaces `setTimeout`, `clearTimeout` and `performance.now` until it is disposed of. */
export class FakeTime implements Disposable {
  readonly #real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  readonly #realNow = performance.now;
  readonly #timers = new Map<number, Timer>();
  #now = 1_000;
  #id = 0;

  constructor() {
    Object.assign(globalThis, {
      setTimeout: (run: () => void, time = 0) => {
        // The web's limit: what does not fit 31 bits fires at once.
        this.#timers.set(++this.#id, { at: this.#now + (time > 0x7fff_ffff ? 0 : time), run });
        return this.#id;
      },
      clearTimeout: (id?: number) => void (id !== undefined && this.#timers.delete(id)),
    });
    performance.now = () => this.#now;
  }

  /** How many timers run. */
  get timers(): number {
    return this.#timers.size;
  }

  /** How many timers were started so far. */
  get started(): number {
    return this.#id;
  }

  /** Moves the clock and runs every timer on the way, each with all that follows from it. */
  async advance(time: number): Promise<void> {
    await settle();
    const end = this.#now + time;
    for (;;) {
      const due = [...this.#timers].filter(([, { at }]) => at <= end).toSorted(([, a], [, b]) => a.at - b.at)[0];
      if (due === undefined) break;
      const [id, { at, run }] = due;
      this.#timers.delete(id);
      this.#now = Math.max(this.#now, at);
      run();
      await settle();
    }
    this.#now = end;
  }

  /** Moves the clock with no turn of the event loop, as a stall does: timers that are due wait for the next `advance`. */
  stall(time: number): void {
    this.#now += time;
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#real);
    performance.now = this.#realNow;
  }
}
