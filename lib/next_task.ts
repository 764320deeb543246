/**
 * The next task of the event loop.
 *
 * @module
 */

/**
 * Waits for the next task: all promises that are resolved now have run their reactions by then. A timer would take a millisecond for
 * it. The global, because loading `node:timers` is not free.
 */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => globalThis.setImmediate(resolve));
}
