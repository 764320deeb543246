/**
 * Puts a simulated world in the place of the real one: clock, timers, turns of the event loop, randomness, digests, dialling.
 *
 * The globals are replaced once for many worlds, as to replace them makes the engine compile again what has used them.
 *
 * @module
 */
import { randomMaskKey } from "../../lib/pipeline/bytes/mask.ts";
import { sha1 } from "./sha1.ts";

/** What the library asks of its surroundings. */
export interface Surroundings {
  /** Milliseconds, as `performance.now` counts them. */
  readonly now: number;
  /** Starts a timer: its number. */
  startTimer(run: () => void, time: number, every?: number): number;
  /** Stops a timer. */
  stopTimer(id: number): void;
  /** Runs something in a task of its own, as soon as it can be. */
  immediately(run: () => void): void;
  /** A number from 0 up to 1. */
  fraction(): number;
  /** Fills memory with chance. */
  fill(memory: ArrayBufferView): void;
  /** Connects to a host, as `Deno.connect` does. */
  dial(options: { hostname?: string; port: number; signal?: AbortSignal }): Promise<unknown>;
  /** A rejection was not handled. */
  unhandled(reason: unknown): void;
  /** Something is printed, as an error or as a warning. */
  printed(level: "error" | "warning", what: unknown): void;
}

type Callback = (...args: unknown[]) => void;

/** `Date.now` at the beginning of every world. */
const BEGIN = Date.UTC(2030, 0, 1);

/** The web's limit: a longer time fires at once. */
const LONGEST_TIME = 0x7fff_ffff;

/** Runs all microtasks at once, and those that they make, as the end of a task does; `undefined` where the runtime shows no such call. */
const RUN_MICROTASKS: (() => void) | undefined = await findRunMicrotasks();

/** What the references of the world that runs hold: a collector that no seed decides on collects nothing of it. */
let referred: object[] = [];

/** Stands for `WeakRef`: holds its target for as long as the world lasts, and nothing from then on. */
class WorldRef {
  readonly #world = referred;
  readonly #at: number;

  constructor(target: object) {
    this.#at = referred.push(target) - 1;
  }

  deref(): object | undefined {
    return this.#world[this.#at];
  }
}

/** Replaces the globals until it is disposed of. Worlds come and go meanwhile, one at a time. */
export class Stage implements Disposable {
  readonly #restore: () => void;
  readonly #weakRef = Reflect.get(globalThis, "WeakRef");
  #current: Surroundings | undefined;
  readonly #setImmediate = globalThis.setImmediate;
  readonly #stackTraceLimit = Error.stackTraceLimit;

  /** @param stacks Whether errors have stacks: to make them is a third of the time of many a world. */
  constructor({ stacks = false } = {}) {
    if (!stacks) Error.stackTraceLimit = 0;
    this.#restore = replaceAll([
      [globalThis, {
        setTimeout: (world, run: Callback, time = 0, ...args: unknown[]) =>
          world.startTimer(() => run(...args), due(time)),
        setInterval: (world, run: Callback, time = 0, ...args: unknown[]) => {
          const every = Math.max(due(time), 1);
          return world.startTimer(() => run(...args), every, every);
        },
        clearTimeout: (world, id = 0) => world.stopTimer(id),
        clearInterval: (world, id = 0) => world.stopTimer(id),
        setImmediate: (world, run: Callback, ...args: unknown[]) => world.immediately(() => run(...args)),
      }],
      [performance, { now: (world) => world.now }],
      [Date, { now: (world) => BEGIN + Math.floor(world.now) }],
      [console, {
        error: (world, what: unknown) => world.printed("error", what),
        warn: (world, what: unknown) => world.printed("warning", what),
      }],
      [Math, { random: (world) => world.fraction() }],
      [crypto, {
        getRandomValues: <Memory extends ArrayBufferView>(world: Surroundings, memory: Memory) => {
          world.fill(memory);
          return memory;
        },
        randomUUID: (world) => uuid((memory) => world.fill(memory)),
      }],
      [crypto.subtle, {
        digest: (_, name: string, data: Uint8Array) =>
          name === "SHA-1"
            ? Promise.resolve(sha1(data).buffer)
            : Promise.reject(new Error(`The simulated world has no ${name}`)),
      }],
      [Deno, { connect: (world, options: Parameters<Surroundings["dial"]>[0]) => world.dial(options) }],
    ], () => this.#current);
    Reflect.set(globalThis, "WeakRef", WorldRef);
    globalThis.addEventListener("unhandledrejection", this.#unhandled);
    globalThis.addEventListener("error", this.#uncaught);
  }

  /** Lets a world begin. */
  enter(world: Surroundings): void {
    this.#current = world;
    referred.length = 0;
    referred = [];
    // The pool of masking keys outlives a world: what is left of it is used up, so that the first key is this world's.
    let refilled = false;
    const { fill } = world;
    world.fill = (memory) => {
      refilled = true;
      fill.call(world, memory);
    };
    while (!refilled) randomMaskKey();
    world.fill = fill;
  }

  /** Lets the world end. */
  leave(): void {
    this.#current = undefined;
  }

  /**
   * Calls `step` again and again, each time in a turn of its own: after every microtask that follows from the call before.
   *
   * A real turn costs as much as all the rest of a small step. So microtasks are run by the call that Deno's own loop makes, where
   * that does what it should, and a real turn is made where `step` asks for one: then the runtime reports unhandled
   * rejections.
   *
   * @param step Says what comes next.
   * @returns Resolves when `step` says that it is over.
   */
  loop(step: () => "next" | "turn" | "over"): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const go = () => {
      for (let next = step(); next !== "over"; next = step()) {
        if (next === "turn" || RUN_MICROTASKS === undefined) return void this.#setImmediate(go);
        RUN_MICROTASKS();
      }
      // Two turns: in the first one the runtime looks for rejections, and tells of them behind it.
      this.#setImmediate(() => void this.#setImmediate(resolve));
    };
    this.#setImmediate(go);
    return promise;
  }

  /** Puts everything back. */
  [Symbol.dispose](): void {
    this.#restore();
    Reflect.set(globalThis, "WeakRef", this.#weakRef);
    Error.stackTraceLimit = this.#stackTraceLimit;
    globalThis.removeEventListener("unhandledrejection", this.#unhandled);
    globalThis.removeEventListener("error", this.#uncaught);
  }

  readonly #unhandled = (event: PromiseRejectionEvent): void => {
    if (this.#current === undefined) return;
    event.preventDefault();
    this.#current.unhandled(event.reason);
  };

  readonly #uncaught = (event: ErrorEvent): void => {
    if (this.#current === undefined) return;
    event.preventDefault();
    this.#current.unhandled(event.error);
  };
}

/** Stands for a member of the platform's: the world comes before its arguments. */
type StandIn = (world: Surroundings, ...args: never[]) => unknown;

/** Replaces members of objects by what asks the world, where there is one; gives what puts them back. */
function replaceAll(
  replacements: readonly (readonly [object, Record<string, StandIn>])[],
  worldNow: () => Surroundings | undefined,
): () => void {
  const undo = replacements.flatMap(([target, members]) =>
    Object.entries(members).map(([name, standIn]) => {
      const before = Object.getOwnPropertyDescriptor(target, name);
      const real: unknown = Reflect.get(target, name);
      const value = (...args: unknown[]): unknown => {
        const world = worldNow();
        if (world !== undefined) return Reflect.apply(standIn, undefined, [world, ...args]);
        return real instanceof Function ? Reflect.apply(real, target, args) : undefined;
      };
      Object.defineProperty(target, name, {
        value,
        writable: true,
        configurable: true,
        enumerable: before?.enumerable ?? false,
      });
      return () => {
        if (before === undefined) Reflect.deleteProperty(target, name);
        else Object.defineProperty(target, name, before);
      };
    })
  );
  return () => undo.toReversed().forEach((one) => one());
}

function due(time: number): number {
  return time > 0 && time <= LONGEST_TIME ? time : 0;
}

function uuid(fill: (memory: Uint8Array) => void): string {
  const bytes = new Uint8Array(16);
  fill(bytes);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** Finds the call, and tries it: it must do nothing less than a turn of the event loop. */
function findRunMicrotasks(): Promise<(() => void) | undefined> {
  const internal: unknown = Reflect.get(Deno, Reflect.get(Deno, "internal"));
  const core: unknown = internal instanceof Object ? Reflect.get(internal, "core") : undefined;
  const found: unknown = core instanceof Object ? Reflect.get(core, "runMicrotasks") : undefined;
  if (!(found instanceof Function)) return Promise.resolve(undefined);
  const runMicrotasks = () => void found();
  return new Promise((resolve) => {
    setTimeout(() => {
      let hops = 0;
      const hop = (): Promise<void> | void => ++hops < 1000 ? Promise.resolve().then(hop) : undefined;
      void hop();
      runMicrotasks();
      resolve(hops === 1000 ? runMicrotasks : undefined);
    }, 0);
  });
}
