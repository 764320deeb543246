/**
 * What must never happen while a program runs, whatever it does: errors without an owner, errors that the engine made and not the
 * library, promises that do not settle, timers and listeners that stay.
 *
 * @module
 */
import { until } from "../../_support/wait.ts";

/** An error of the application's own: its callbacks throw it, and wherever it turns up, that is in order. */
export class Boom extends Error {
  /** The name. */
  override readonly name = "Boom";
}

/**
 * How the engine words what it finds: the library looked at something that is not there. Conversions to a string are not among it: the web's
 * classes convert what they get, as Web IDL has it.
 */
const ENGINE =
  /^(Cannot read propert|Cannot set propert|Cannot destructure|Cannot perform|Cannot access|Cannot convert undefined|Cannot mix|Cannot use 'in'|Assignment to|Maximum call|Invalid (typed )?array|Right-hand side)|is not (a function|iterable|a constructor|an? \w*object)/;

/** What a wrong argument may throw at the call. */
const WRONG_ARGUMENT = ["TypeError", "RangeError", "SyntaxError", "InvalidAccessError", "TopicError", "LimitError"];

/** How a call is judged. */
export interface CallRules {
  /** An argument is wrong: it may throw at the call. */
  wrong?: boolean | undefined;
  /** It may be ignored, and then never becomes an unhandled rejection. By default a promise that it returns is looked at. */
  ignored?: boolean | undefined;
}

/** Watches over one program. While it exists, the process's unhandled errors, its console and its timers are its own. */
export class Judge implements Disposable {
  /** What was wrong, in the order in which it was found. */
  readonly findings: string[] = [];
  /** What the program did. */
  readonly lines: string[] = [];
  readonly #pending = new Map<number, string>();
  readonly #timers = new Map<unknown, string>();
  readonly #signals: { readonly text: string; readonly known: Map<unknown, string>; readonly signal: AbortSignal }[] =
    [];
  readonly #real = pickTimers(globalThis);
  readonly #console = { ...globalThis.console };
  #calls = 0;

  constructor() {
    globalThis.addEventListener("unhandledrejection", this.#unhandled);
    globalThis.addEventListener("error", this.#uncaught);
    const { setTimeout, setInterval, clearTimeout, clearInterval } = this.#real;
    const start =
      (make: (run: () => void, ms?: number) => unknown, once: boolean) =>
      (run: () => void, ms?: number, ...rest: unknown[]) => {
        const id = make(() => {
          if (once) this.#timers.delete(id);
          Reflect.apply(run, undefined, rest);
        }, ms);
        this.#timers.set(id, `${ms} ms, ${callerOf(new Error())}`);
        return id;
      };
    const clear = (stop: (id?: number) => void) => (id?: number) => {
      this.#timers.delete(id);
      stop(id);
    };
    Object.assign(globalThis, {
      setTimeout: start(setTimeout, true),
      setInterval: start(setInterval, false),
      clearTimeout: clear(clearTimeout),
      clearInterval: clear(clearInterval),
    });
    const print = (...args: unknown[]) => args.forEach((arg) => this.reported("console", arg));
    Object.assign(globalThis.console, { error: print, warn: print });
  }

  /** Gives the process back. */
  [Symbol.dispose](): void {
    globalThis.removeEventListener("unhandledrejection", this.#unhandled);
    globalThis.removeEventListener("error", this.#uncaught);
    Object.assign(globalThis, this.#real);
    Object.assign(globalThis.console, this.#console);
  }

  /** Notes what the program does. */
  note(line: string): void {
    this.lines.push(line);
  }

  /** Something is wrong. */
  find(what: string): void {
    this.findings.push(what);
  }

  /** An error reached a hook of the application's, or the console. */
  reported(where: string, error: unknown): void {
    if (isEngines(error)) this.find(`${where} got an error of the engine's: ${describe(error)}`);
  }

  /** Makes a call, and judges what it throws and what its promise does. */
  call<T>(text: string, { wrong = false, ignored = false }: CallRules, make: () => T): T | undefined {
    this.note(text);
    let result: T;
    try {
      result = make();
    } catch (error) {
      if (isEngines(error)) this.find(`the engine's error at the call: ${text}: ${describe(error)}`);
      else if (!(error instanceof Boom) && !(wrong && WRONG_ARGUMENT.includes(nameOf(error)))) {
        this.find(`thrown at the call: ${text}: ${describe(error)}`);
      }
      return undefined;
    }
    if (!ignored && result instanceof Promise) void this.watch(text, result);
    return result;
  }

  /** Expects a promise to settle, in whichever way, before the program is over. Never rejects. */
  async watch<T>(text: string, promise: PromiseLike<T>): Promise<T | undefined> {
    const call = ++this.#calls;
    this.#pending.set(call, text);
    try {
      return await promise;
    } catch (error) {
      this.reported(`rejected: ${text}`, error);
      return undefined;
    } finally {
      this.#pending.delete(call);
    }
  }

  /** Calls back later, with a timer that is not counted. */
  later(run: () => void, ms: number): void {
    this.#real.setTimeout(run, ms);
  }

  /** A signal whose listeners are counted. */
  controller(text: string): AbortController {
    const controller = new AbortController();
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    const known = new Map<unknown, string>();
    Object.assign(signal, {
      addEventListener: (type: string, listener: EventListener, options?: AddEventListenerOptions) => {
        known.set(listener, callerOf(new Error()));
        add(type, listener, options);
      },
      removeEventListener: (type: string, listener: EventListener) => {
        known.delete(listener);
        remove(type, listener);
      },
    });
    this.#signals.push({ text, known, signal });
    return controller;
  }

  /** The program is over and everything was ended: nothing may be left. */
  async end(): Promise<void> {
    try {
      await until(() => this.#pending.size === 0 && this.#timers.size === 0, "The end", 2_000);
    } catch {
      for (const text of this.#pending.values()) this.find(`does not settle: ${text}`);
      for (const text of this.#timers.values()) this.find(`a timer is left: ${text}`);
    }
    for (const { text, known, signal } of this.#signals) {
      if (!signal.aborted && known.size > 0) this.find(`listeners are left of ${text}: ${[...known.values()]}`);
    }
  }

  readonly #unhandled = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    this.find(`unhandled rejection: ${describe(event.reason)}`);
  };

  readonly #uncaught = (event: ErrorEvent): void => {
    event.preventDefault();
    // What a listener of an event throws is the process's, as in a browser.
    if (event.error instanceof Boom) return;
    this.find(`uncaught: ${describe(event.error)}`);
  };
}

function isEngines(error: unknown): boolean {
  return error instanceof ReferenceError ||
    (error instanceof Error && !(error instanceof Boom) && ENGINE.test(error.message));
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.constructor.name === "DOMException" ? error.name : error.constructor.name : "";
}

/** An error in a line, and where it comes from. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return `${typeof error} ${String(error)}`;
  const { cause } = error;
  const because = cause instanceof Error ? `, because of ${nameOf(cause)} ${cause.message}` : "";
  return `${nameOf(error)} "${error.message}" (${callerOf(error)})${because}`;
}

/** The first lines of a stack that are the library's. */
function callerOf({ stack = "" }: Error): string {
  const places = stack.split("\n").filter((line) => line.includes("/lib/"));
  return places.slice(0, 4).map((line) => line.replace(/.*\/lib\//, "lib/").replace(")", "")).join(" < ") ||
    "no place in lib";
}

function pickTimers({ setTimeout, setInterval, clearTimeout, clearInterval }: typeof globalThis) {
  return { setTimeout, setInterval, clearTimeout, clearInterval };
}
