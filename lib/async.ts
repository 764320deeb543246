/**
 * Helpers for promises: one that is settled from outside, one that may be ignored, a delay that a signal can end, and the next
 * task.
 *
 * @module
 */

/** A promise that is settled from outside: `Promise.withResolvers`, which Node 20 does not have. */
export interface Deferred<T> {
  /** The promise. */
  readonly promise: Promise<T>;
  /** Resolves it. */
  readonly resolve: (value: T | PromiseLike<T>) => void;
  /** Rejects it. */
  readonly reject: (reason?: unknown) => void;
}

/** Makes a promise, with the functions that settle it. */
export function defer<T>(): Deferred<T> {
  let resolve!: Deferred<T>["resolve"];
  let reject!: Deferred<T>["reject"];
  const promise = new Promise<T>((...settle) => [resolve, reject] = settle);
  return { promise, resolve, reject };
}

/** Makes a promise safe to ignore: its rejection is never unhandled. Awaiting it still throws. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/**
 * Waits for a time, or until the signal is aborted. Read the signal to find out which of the two happened.
 *
 * @param time Milliseconds.
 * @param signal Ends the wait. If it is already aborted, there is no wait.
 */
export function sleep(time: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, time);
    signal.addEventListener("abort", wake);
    if (signal.aborted) wake();
  });
}

/**
 * Waits for the next task of the event loop. By then, all promises that are resolved now have run their reactions. A timer would
 * take a millisecond. This uses the global function, because loading `node:timers` takes time.
 */
export function nextTask(): Promise<void> {
  const { setImmediate = setTimeout } = globalThis; // browsers have none
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Makes a promise that is safe to ignore, with the functions that settle it. */
export function deferHandled<T>(): Deferred<T> {
  const deferred = defer<T>();
  deferred.promise.catch(() => {});
  return deferred;
}
