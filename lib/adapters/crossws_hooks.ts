/**
 * The hooks of crossws: finding and calling them.
 *
 * @module
 */
import { isThenable } from "../log_error.ts";
import { isObject } from "../option_kinds.ts";

/** A hook. crossws gives the arguments their types. */
export type CrosswsHook = (...args: never[]) => unknown;

/** The hooks of a connection: crossws' `Hooks`, except that `ping` and `pong` are not called. */
export interface CrosswsHooks {
  /** Decides about a request: returns a `Response` to refuse, or `headers`, `protocol`, `namespace` and `context`. */
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
  /** Not called. `socket.ping()` of Sluice resolves with the round trip time. */
  ping?: CrosswsHook;
  /** Not called. */
  pong?: CrosswsHook;
}

/** The result of the hook `upgrade`. */
export interface UpgradeChoice {
  /** Header fields of the response. */
  readonly headers?: HeadersInit;
  /** The subprotocol. */
  readonly protocol?: string;
  /** The namespace. */
  readonly namespace?: string;
  /** The context of the peer. */
  readonly context?: Record<string, unknown>;
}

/** Calls the hooks of one connection: the common hooks and those of its request. */
export class HookCaller {
  readonly #hooks: readonly CrosswsHooks[];

  /** @param hooks The hooks. Some may be missing. */
  constructor(...hooks: readonly (CrosswsHooks | undefined)[]) {
    this.#hooks = hooks.filter((each) => each !== undefined);
  }

  /** Whether there are no hooks at all. */
  get empty(): boolean {
    return this.#hooks.length === 0;
  }

  /** Calls a hook. Returns a promise if a called function is not done. */
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

  /** Calls the hooks `upgrade`. The last one that decides something counts. They may also throw a `Response`. */
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

/** The key under which crossws keeps the hooks that an application attaches to a request. */
const HOOKS: unique symbol = Symbol.for("crossws.hooks");

/**
 * Finds the hooks in an application's response to a handshake, as h3 provides them: in its property `crossws`, or attached to the
 * request.
 *
 * @param request The application's request.
 * @param answer Its response.
 * @returns The hooks, or hooks that refuse if the response is an error without hooks, or `undefined`.
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
