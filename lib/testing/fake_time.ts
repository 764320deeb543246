/**
 * A clock that only moves when a test moves it. Timers can then be tested by what they do, without waiting and on any machine.
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
  /** Milliseconds to the next run of an interval. */
  readonly every: number | undefined;
}

type Callback = (...args: unknown[]) => void;

/** `performance.now` does not begin at 0: this library, as any code may, uses 0 for a time that was not recorded. */
const BEGIN = 1_000;

/** The clock that {@linkcode fakeTime} installs in place of the real one, until it is disposed of. */
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
   * @param options The start of the clock.
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

  /** The number of active timers. */
  get timers(): number {
    return this.#timers.size;
  }

  /** The number of timers that were started so far. */
  get started(): number {
    return this.#id;
  }

  /**
   * Moves the clock forwards and runs the timers that become due, in order. All work in memory that a timer starts is done before
   * the next timer runs.
   *
   * @param time Milliseconds. With 0, the timers that are due now run.
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
   * Moves the clock without a turn of the event loop, as a stall does. Timers that are due wait for the next `advance`.
   *
   * @param time Milliseconds.
   */
  stall(time: number): void {
    this.#now += time;
  }

  /** Restores the real clock. Timers that are still active never fire. */
  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#real);
    performance.now = this.#realNow;
    Date.now = this.#realDate;
  }

  #start(timer: Timer): number {
    this.#timers.set(++this.#id, timer);
    return this.#id;
  }

  /**
   * Returns the first timer that is due at `end`. If two are due at the same time, the one that was started first comes first.
   */
  #next(end: number): [number, Timer] | undefined {
    return [...this.#timers].filter(([, { at }]) => at <= end).toSorted(([a, one], [b, two]) =>
      one.at - two.at || a - b
    )[0];
  }
}

/**
 * Stops the clock: the test controls `setTimeout`, `setInterval`, `clearTimeout`, `clearInterval`, `performance.now` and
 * `Date.now` until the returned clock is disposed of. Everything in this library that depends on time uses these: keepalive,
 * timeouts, and delays before a reconnect. `new Date()` and `AbortSignal.timeout` stay real.
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
 * @param options The start of the clock.
 * @returns The clock.
 */
export function fakeTime(options: FakeTimeOptions = {}): FakeTime {
  return new FakeTime(options);
}

function pick({ setTimeout, setInterval, clearTimeout, clearInterval }: typeof globalThis): Partial<typeof globalThis> {
  return { setTimeout, setInterval, clearTimeout, clearInterval };
}

function timeOf(time = 0): number {
  // The limit of the web: a time that does not fit in 31 bits is ignored, and the timer fires at once.
  return time > 0 && time <= LONGEST_TIME ? time : 0;
}
