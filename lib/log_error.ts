/**
 * Errors that no caller can catch: they go to the application's hook, or to the console.
 *
 * @module
 */
import { omitStack } from "./descriptors.ts";

/** Options that may have the hook. */
export interface ErrorHook {
  /** Called with the error. */
  onError?(error: unknown): unknown;
}

/**
 * Reports an error. It never throws: if the hook itself throws or rejects, that is printed to the console.
 *
 * @param error The error.
 * @param options The options with the hook. Without `onError` the error is printed to the console.
 */
export function logError(error: unknown, options: ErrorHook = {}): void {
  omitStack(error);
  if (options.onError === undefined) print(error);
  else handleReturn(() => options.onError?.(error), print);
}

/**
 * Calls a hook of the application. A hook may return anything. If it throws, or returns a promise that rejects, `failed` is
 * called.
 *
 * @param hook The call.
 * @param failed Called with the error.
 */
export function handleReturn(hook: () => unknown, failed: (error: unknown) => void): void {
  try {
    const returned = hook();
    if (isThenable(returned)) Promise.resolve(returned).catch(failed);
  } catch (error) {
    failed(error);
  }
}

/**
 * Whether a hook allowed something: only `true` allows. A promise refuses, whatever it resolves to. It may still reject.
 *
 * @param returned What the hook returned.
 * @param failed Called with the error if the hook returned a promise that rejects.
 */
export function allows(returned: unknown, failed: (error: unknown) => void): boolean {
  if (isThenable(returned)) handleReturn(() => returned, failed);
  return returned === true;
}

/**
 * Returns what a hook returned, if it is no promise: the answer of a promise would come too late.
 *
 * @param returned What the hook returned.
 * @param hook The name of the hook, for the error.
 * @param failed Called with the error if the promise rejects.
 * @throws {TypeError} If it is a promise.
 */
export function atOnce<T>(returned: T, hook: string, failed: (error: unknown) => void): T {
  if (!isThenable(returned)) return returned;
  handleReturn(() => returned, failed);
  throw new TypeError(`${hook} must return its answer at once, not a promise`);
}

/** Whether a value is a promise, or has a `then` method that `await` would call. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function print(error: unknown): void {
  omitStack(error);
  // deno-lint-ignore no-console -- as `Deno.serve` does: an error without a hook must be visible
  console.error(error);
}
