/**
 * What is printed to the console.
 *
 * @module
 */

/** Runs `work` and returns what it gave to `console.error` and `console.warn`, which are not printed meanwhile. */
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

/**
 * Keeps off the console what the tests of a file bring about and do not look at, from now on.
 *
 * @param lines What the lines match.
 */
export function overlook(...lines: readonly RegExp[]): void {
  const { error, warn } = console;
  const overlooked = (args: unknown[]) => lines.some((line) => line.test(String(args[0])));
  Object.assign(globalThis.console, {
    error: (...args: unknown[]) => overlooked(args) || error(...args),
    warn: (...args: unknown[]) => overlooked(args) || warn(...args),
  });
}

/** A handler function returned at once. */
export const RETURNED_AT_ONCE = /^A handler function returned at once/;

/** A page's origin was refused. */
export const ORIGIN_REFUSED = /^A page of \S+ was refused with 403/;

/** A server is full. */
export const SERVER_FULL = /^maxConnections \d+ is reached/;
