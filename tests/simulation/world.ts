/**
 * A simulated world: one clock, one queue of events, one source of chance. An event runs, then every microtask that follows from
 * it, then the next event. Nothing real is awaited.
 *
 * @module
 */
import { Chance } from "./chance.ts";
import { type Invariant, Violation } from "./invariants.ts";
import type { Stage, Surroundings } from "./stage.ts";
import type { Trace } from "./trace.ts";

/** Something that will happen. */
interface Happening {
  at: number;
  order: number;
  /** `undefined` once it was called off. */
  run: (() => void) | undefined;
  /** A timer's number; 0 for what comes from outside. */
  readonly timer: number;
  readonly every: number | undefined;
}

/** The clock does not begin at 0: the library, as any code may, takes 0 for a time that was not noted. */
const BEGIN = 1_000;
/** More events than any plan has a use for. */
const MOST_EVENTS = 60_000;
/** The longest simulated time that any plan has a use for. */
const MOST_TIME = 1_000_000;
/** Events after a violation. */
const MOST_EVENTS_TO_LEAVE = 3_000;
/** A deadline may pass this much late, as deadlines share timers (lib/deadlines.ts), and then things take their course. */
export function late(time: number): number {
  return time * (1 + 1 / 128) + 10;
}

/** After so many milliseconds without an event the runtime is asked for unhandled rejections. */
const LONG = 150;

/** The world. */
export class World implements Surroundings {
  now = BEGIN;
  readonly trace: Trace;
  readonly #chance: Chance;
  readonly #heap: Happening[] = [];
  readonly #timers = new Map<number, Happening>();
  #checks: (() => boolean)[] = [];
  readonly #hosts = new Map<string, (signal: AbortSignal | undefined) => Promise<unknown>>();
  readonly #pending = new Map<object, string>();
  #order = 0;
  #timerId = 0;
  #violation: Violation | undefined;
  #lastEvent = Infinity;
  /** Is called with the first violation: all is to be left. */
  onviolation: () => void = () => {};
  /** How long the event loop stood still in all. */
  stalled = 0;
  /** Events that have run. */
  events = 0;

  /**
   * @param seed What chance is left in the world: keys and jitter.
   * @param trace Is told what happens.
   */
  constructor(seed: bigint, trace: Trace) {
    this.#chance = new Chance(seed);
    this.trace = trace;
  }

  /** Runs until nothing more will happen. Throws the first violation. */
  async run(stage: Stage): Promise<void> {
    await stage.loop(() => this.#step());
    stage.leave();
    if (this.#violation !== undefined) throw this.#violation;
  }

  /** Has something happen in so many milliseconds. */
  after(time: number, run: () => void): void {
    this.#push({ at: this.now + time, order: 0, run, timer: 0, every: undefined });
  }

  /** Has something checked after every event, for as long as the check says that there is more to see. */
  always(check: () => boolean): void {
    this.#checks.push(check);
  }

  /** Lets the event loop stand still: what was due meanwhile comes late, timers before what the transports bring, or behind it. */
  stall(time: number, timersFirst: boolean): void {
    this.now += time;
    this.stalled += time;
    const late: Happening[] = [];
    while (this.#heap.length > 0 && this.#heap[0]!.at <= this.now) late.push(pop(this.#heap)!);
    const isFirst = ({ timer }: Happening) => (timer !== 0) === timersFirst;
    for (const one of [...late.filter(isFirst), ...late.filter((one) => !isFirst(one))]) {
      one.at = this.now;
      this.#push(one);
    }
  }

  /** Notes the first violation; the world ends with it. */
  fail(invariant: Invariant, detail: string): void {
    this.#violation ??= new Violation(invariant, detail);
  }

  /** Notes a violation unless a condition holds. */
  must(holds: boolean, invariant: Invariant, detail: () => string): void {
    if (!holds) this.fail(invariant, detail());
  }

  /** Follows a promise, which must settle. */
  follow<Value>(what: string, promise: Promise<Value>): Promise<Value> {
    const key = {};
    this.#pending.set(key, what);
    const settled = () => void this.#pending.delete(key);
    promise.then(settled, settled);
    return promise;
  }

  /** What has not settled. */
  get pending(): string[] {
    return [...this.#pending.values()];
  }

  /** How many timers run. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Says who answers at a host. */
  host(name: string, answer: (signal: AbortSignal | undefined) => Promise<unknown>): void {
    this.#hosts.set(name, answer);
  }

  startTimer(run: () => void, time: number, every?: number): number {
    const timer = ++this.#timerId;
    const happening = { at: this.now + time, order: 0, run, timer, every };
    this.#timers.set(timer, happening);
    this.#push(happening);
    return timer;
  }

  stopTimer(id: number): void {
    const timer = this.#timers.get(id);
    if (timer === undefined) return;
    timer.run = undefined;
    this.#timers.delete(id);
  }

  immediately(run: () => void): void {
    this.after(0, run);
  }

  fraction(): number {
    return this.#chance.fraction();
  }

  fill(memory: ArrayBufferView): void {
    this.#chance.fill(memory);
  }

  dial({ hostname = "", signal }: { hostname?: string; signal?: AbortSignal }): Promise<unknown> {
    return this.#hosts.get(hostname)?.(signal) ??
      Promise.reject(new Deno.errors.ConnectionRefused(`No host ${hostname}`));
  }

  unhandled(reason: unknown): void {
    this.fail("handled", reason instanceof Error ? reason.stack ?? reason.message : String(reason));
  }

  printed(level: "error" | "warning", what: unknown): void {
    if (level === "error") this.fail("our-fault", `printed: ${what instanceof Error ? what.stack : what}`);
    else this.trace.note(this.now, "world", `is warned: ${what}`);
  }

  /** Looks at what the last event has come to, and lets the next one happen. */
  #step(): "next" | "turn" | "over" {
    let over = 0;
    for (const check of this.#checks) if (!check()) over++;
    if (over > 0) this.#checks = this.#checks.filter((check) => check());
    const next = this.#next();
    if (next === undefined || this.#isOver()) return "over";
    if (next.at > this.now) this.now = next.at;
    if (++this.events > MOST_EVENTS || this.now > BEGIN + MOST_TIME) {
      this.fail("quiet", `After ${this.events} events and ${Math.round(this.now - BEGIN)} ms there is no end`);
    }
    if (next.timer !== 0) this.#fire(next);
    try {
      next.run?.();
    } catch (error) {
      this.unhandled(error);
    }
    const after = this.#heap[0];
    return after !== undefined && after.at - this.now >= LONG ? "turn" : "next";
  }

  /** After a violation everybody leaves and has some time for it: what a world holds on to would be there in the next one. */
  #isOver(): boolean {
    if (this.#violation === undefined) return false;
    if (this.#lastEvent === Infinity) {
      this.#lastEvent = this.events + MOST_EVENTS_TO_LEAVE;
      this.onviolation();
    }
    return this.events > this.#lastEvent;
  }

  /** Takes the next event that was not called off. */
  #next(): Happening | undefined {
    let next = pop(this.#heap);
    while (next !== undefined && next.run === undefined) next = pop(this.#heap);
    return next;
  }

  /** A timer that repeats starts again, and any other is gone. */
  #fire(happening: Happening): void {
    const { timer, every, run } = happening;
    if (every === undefined) return void this.#timers.delete(timer);
    const again = { at: this.now + every, order: 0, run, timer, every };
    this.#timers.set(timer, again);
    this.#push(again);
  }

  #push(happening: Happening): void {
    happening.order = ++this.#order;
    const heap = this.#heap;
    let at = heap.push(happening) - 1;
    for (let up = (at - 1) >> 1; at > 0 && isBefore(happening, heap[up]!); up = (at - 1) >> 1) {
      heap[at] = heap[up]!;
      at = up;
    }
    heap[at] = happening;
  }
}

function isBefore(one: Happening, other: Happening): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** Takes the first one out of a heap. */
function pop(heap: Happening[]): Happening | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined || heap.length === 0) return first;
  let at = 0;
  for (let down = 1; down < heap.length; down = 2 * at + 1) {
    if (down + 1 < heap.length && isBefore(heap[down + 1]!, heap[down]!)) down++;
    if (!isBefore(heap[down]!, last)) break;
    heap[at] = heap[down]!;
    at = down;
  }
  heap[at] = last;
  return first;
}
