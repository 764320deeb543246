/**
 * What is printed to the console.
 *
 * @module
 */

/** Runs `work` and returns what it gave to `console.error`, which nobody sees meanwhile. */
export async function printed(work: () => void | Promise<void>): Promise<unknown[]> {
  const all: unknown[] = [];
  const { error } = console;
  Object.assign(globalThis.console, { error: (...args: unknown[]) => void all.push(...args) });
  try {
    await work();
  } finally {
    Object.assign(globalThis.console, { error });
  }
  return all;
}
