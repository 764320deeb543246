/**
 * What promises lack: one that is settled from outside, one that may be ignored, a pause that a signal ends, and the next task.
 *
 * @module
 */

/** A promise that is settled from outside: `Promise.withResolvers`, which Node 20 does not have. */
export interface Deferred<T> {
  /** The promise. */
  readonly promise: Promise<T>;
  /** Fulfils it. */
  readonly resolve: (value: T | PromiseLike<T>) => void;
  /** Rejects it. */
  readonly reject: (reason?: unknown) => void;
}

/** Makes a promise, and what settles it. */
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
 * Waits for a time, or until the signal is aborted. The caller reads the signal to find out which of the two it was.
 *
 * @param time Milliseconds.
 * @param signal Ends the wait. With a signal that is aborted already, there is no wait.
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
 * Waits for the next task of the event loop: all promises that are resolved now have run their reactions by then. A timer would take a
 * millisecond for it. It calls the global, because loading `node:timers` is not free.
 */
export function nextTask(): Promise<void> {
  const { setImmediate = setTimeout } = globalThis; // browsers have none
  return new Promise((resolve) => void setImmediate(resolve));
}

/** Makes a promise that is safe to ignore, and what settles it. */
export function deferHandled<T>(): Deferred<T> {
  const deferred = defer<T>();
  deferred.promise.catch(() => {});
  return deferred;
}
