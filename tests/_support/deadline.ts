/**
 * Deadlines in tests: what hangs fails, with its name, and leaves no timer behind.
 *
 * @module
 */
import { soon } from "./wait.ts";

/**
 * Waits for `promise`, `ms` milliseconds at most; `what` names what did not happen. It is `soon` with more patience, for what other
 * programs have a part in.
 */
export function within<T>(promise: PromiseLike<T>, ms = 10_000, what = "The promise"): Promise<T> {
  return soon(promise, what, ms);
}

/** What {@linkcode standstill} looks at, and for how long. */
export interface StandstillOptions {
  /** Milliseconds for which the value must be the same. */
  quiet: number;
  /** Milliseconds after which it is an error that the value still moves. */
  ms?: number;
  /** Names the value. */
  what?: string;
}

/** Looks at a value until it has not moved for `quiet` milliseconds, and returns it. */
export async function standstill(
  read: () => number,
  { quiet, ms = 15_000, what = "The value" }: StandstillOptions,
): Promise<number> {
  const start = performance.now();
  let value = read();
  for (let since = start; performance.now() - since < quiet;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const next = read();
    if (next === value) continue;
    value = next;
    since = performance.now();
    if (since - start > ms) throw new Error(`${what} still moves after ${ms} ms: ${value}`);
  }
  return value;
}
