/**
 * The hooks of crossws, and how they are found and called.
 *
 * @module
 */
import { isThenable } from "../log_error.ts";
import { isObject } from "../option_kinds.ts";

/** A hook. crossws gives the arguments their types. */
export type CrosswsHook = (...args: never[]) => unknown;

/** The hooks of a connection: crossws' `Hooks`, but for `ping` and `pong`, which are not called. */
export interface CrosswsHooks {
  /** Decides about a request: refuses with a `Response`, or gives `headers`, `protocol`, `namespace` and `context`. */
  upgrade?: CrosswsHook;
  /** A connection is open. */
  open?: CrosswsHook;
  /** A message arrived. */
  message?: CrosswsHook;
  /** Less than `highWaterMark` bytes are queued again. */
  drain?: CrosswsHook;
  /** A connection has ended. */
  close?: CrosswsHook;
  /** A connection did not end cleanly. */
  error?: CrosswsHook;
  /** Is not called: `socket.ping()` of ours resolves with the time that the answer took. */
  ping?: CrosswsHook;
  /** Is not called. */
  pong?: CrosswsHook;
}

/** What the hook `upgrade` gives. */
export interface UpgradeChoice {
  /** Header fields of the answer. */
  readonly headers?: HeadersInit;
  /** The subprotocol. */
  readonly protocol?: string;
  /** The namespace. */
  readonly namespace?: string;
  /** What the peer keeps. */
  readonly context?: Record<string, unknown>;
}

/** Calls the hooks of one connection: those of all, and those of its request. */
export class HookCaller {
  readonly #hooks: readonly CrosswsHooks[];

  /** @param hooks The hooks, of which some may be missing. */
  constructor(...hooks: readonly (CrosswsHooks | undefined)[]) {
    this.#hooks = hooks.filter((each) => each !== undefined);
  }

  /** Whether there are no hooks at all. */
  get empty(): boolean {
    return this.#hooks.length === 0;
  }

  /** Calls a hook. Returns a promise if one of those called is not done. */
  call(name: keyof CrosswsHooks, ...args: readonly unknown[]): Promise<unknown> | undefined {
    let busy: Promise<unknown> | undefined;
    for (const hooks of this.#hooks) {
      const hook = hooks[name];
      if (hook === undefined) continue;
      const returned: unknown = Reflect.apply(hook, hooks, args);
      if (isThenable(returned)) busy = busy === undefined ? Promise.resolve(returned) : Promise.all([busy, returned]);
    }
    return busy;
  }

  /** Asks the hooks `upgrade`, of which the last that decides something counts. A `Response` may be thrown too. */
  async upgrade(request: Request): Promise<UpgradeChoice | Response> {
    let choice: UpgradeChoice | Response = {};
    try {
      for (const hooks of this.#hooks) {
        if (hooks.upgrade === undefined) continue;
        const returned: unknown = await Reflect.apply(hooks.upgrade, hooks, [request]);
        if (isObject(returned)) choice = returned;
      }
    } catch (error) {
      const thrown = isObject(error) && "response" in error ? error.response : error;
      if (thrown instanceof Response) return thrown;
      throw error;
    }
    return choice;
  }
}

/** Where crossws keeps the hooks that an application attaches to a request. */
const HOOKS: unique symbol = Symbol.for("crossws.hooks");

/**
 * The hooks in an application's answer to a handshake, as h3 gives them: its property `crossws`, or what was attached to the request.
 *
 * @param request The request that the application was given.
 * @param answer What it answered.
 * @returns The hooks; hooks that refuse with the answer where there are none and it is an error; else `undefined`.
 */
export function hooksIn(request: Request, answer: unknown): CrosswsHooks | undefined {
  const attached: unknown = Reflect.get(request, HOOKS);
  const hooks = isObject(answer) && "crossws" in answer && answer.crossws !== undefined ? answer.crossws : attached;
  if (!(answer instanceof Response)) return isHooks(hooks) ? hooks : undefined;
  if (!isHooks(hooks) && !answer.ok) return { upgrade: () => answer };
  if (answer.body !== null) void answer.body.cancel().catch(() => {});
  return isHooks(hooks) ? hooks : undefined;
}

function isHooks(value: unknown): value is CrosswsHooks {
  return isObject(value);
}
