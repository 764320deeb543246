/**
 * A clock that stands still until a test moves it: timers are tested by what they do, at once and on any machine.
 *
 * @module
 */
import { checkOptions } from "../options.ts";
import { FAKE_TIME_OPTION_KINDS, type FakeTimeOptions } from "./testing_options.ts";
import { LONGEST_TIME } from "../option_kinds.ts";
import { settle } from "./wait.ts";

interface Timer {
  readonly at: number;
  readonly run: () => void;
  /** Milliseconds to the next run, where it repeats. */
  readonly every: number | undefined;
}

type Callback = (...args: unknown[]) => void;

/** `performance.now` does not begin at 0: the library, as any code may, takes 0 for a time that was not noted. */
const BEGIN = 1_000;

/**
 * The clock that {@linkcode fakeTime} puts in the place of the real one, until it is disposed of.
 */
export class FakeTime implements Disposable {
  readonly #real = pick(globalThis);
  readonly #realNow = performance.now;
  readonly #realDate = Date.now;
  readonly #timers = new Map<number, Timer>();
  #now = BEGIN;
  #id = 0;

  /**
   * Stops the clock.
   *
   * @param options Where it begins.
   */
  constructor(options: FakeTimeOptions = {}) {
    checkOptions("fakeTime()", options, FAKE_TIME_OPTION_KINDS);
    const { date = Date.now() } = options;
    const begin = Number(date) - BEGIN;
    const clear = (id?: number) => void (id !== undefined && this.#timers.delete(id));
    Object.assign(globalThis, {
      setTimeout: (run: Callback, time?: number, ...args: unknown[]) =>
        this.#start({ at: this.#now + timeOf(time), run: () => run(...args), every: undefined }),
      setInterval: (run: Callback, time?: number, ...args: unknown[]) => {
        const every = Math.max(timeOf(time), 1);
        return this.#start({ at: this.#now + every, run: () => run(...args), every });
      },
      clearTimeout: clear,
      clearInterval: clear,
    });
    performance.now = () => this.#now;
    Date.now = () => begin + this.#now;
  }

  /** How many timers run. */
  get timers(): number {
    return this.#timers.size;
  }

  /** How many timers were started so far. */
  get started(): number {
    return this.#id;
  }

  /**
   * Moves the clock and runs every timer on the way in its order, each with all that follows from it in memory.
   *
   * @param time Milliseconds; with 0, what is due now runs.
   */
  async advance(time: number): Promise<void> {
    await settle();
    const end = this.#now + time;
    for (let due = this.#next(end); due !== undefined; due = this.#next(end)) {
      const [id, timer] = due;
      this.#now = Math.max(this.#now, timer.at);
      if (timer.every === undefined) this.#timers.delete(id);
      else this.#timers.set(id, { ...timer, at: this.#now + timer.every });
      timer.run();
      await settle();
    }
    this.#now = end;
  }

  /**
   * Moves the clock with no turn of the event loop, as a stall does: timers that are due wait for the next `advance`.
   *
   * @param time Milliseconds.
   */
  stall(time: number): void {
    this.#now += time;
  }

  /** Puts the real clock back. Timers that still run never fire. */
  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#real);
    performance.now = this.#realNow;
    Date.now = this.#realDate;
  }

  #start(timer: Timer): number {
    this.#timers.set(++this.#id, timer);
    return this.#id;
  }

  /** The first timer that is due at `end`; of two at the same time, the one that was started first. */
  #next(end: number): [number, Timer] | undefined {
    return [...this.#timers].filter(([, { at }]) => at <= end).toSorted(([a, one], [b, two]) =>
      one.at - two.at || a - b
    )[0];
  }
}

/**
 * Stops the clock: puts `setTimeout`, `setInterval`, `clearTimeout`, `clearInterval`, `performance.now` and `Date.now` under
 * the test's control, until what it returns is disposed of. Everything in this library that takes time goes by these:
 * keepalive, deadlines, pauses before a new connection. `new Date()` and `AbortSignal.timeout` stay real.
 *
 * @example A peer that is silent is dropped after `pingInterval` and `pongTimeout`
 * ```ts
 * import { fakeTime, rawClient } from "@sluice/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * using time = fakeTime();
 * await using raw = await rawClient({ server: { pingInterval: 20_000, pongTimeout: 10_000 } });
 * await time.advance(29_999);
 * assertEquals(raw.server.readyState, 1);
 * await time.advance(1);
 * assertEquals((await raw.server.closed).closeCode, 1006);
 * ```
 *
 * @param options Where the clock begins.
 * @returns The clock.
 */
export function fakeTime(options: FakeTimeOptions = {}): FakeTime {
  return new FakeTime(options);
}

function pick({ setTimeout, setInterval, clearTimeout, clearInterval }: typeof globalThis): Partial<typeof globalThis> {
  return { setTimeout, setInterval, clearTimeout, clearInterval };
}

function timeOf(time = 0): number {
  // The web's limit: a time that does not fit 31 bits is none, and the timer fires at once.
  return time > 0 && time <= LONGEST_TIME ? time : 0;
}
