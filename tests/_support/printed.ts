/**
 * What is printed to the console.
 *
 * @module
 */

/** Runs `work` and returns what it gave to `console.error` and `console.warn`, which nobody sees meanwhile. */
export async function printed(work: () => void | Promise<void>): Promise<unknown[]> {
  const all: unknown[] = [];
  const { error, warn } = console;
  const print = (...args: unknown[]) => void all.push(...args);
  Object.assign(globalThis.console, { error: print, warn: print });
  try {
    await work();
  } finally {
    Object.assign(globalThis.console, { error, warn });
  }
  return all;
}
