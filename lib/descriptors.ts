/**
 * Errors of a process that has no free file descriptor.
 *
 * When an error of a TypeScript module is first asked for its stack, Deno 2.9 reads the module's source map from a file. If no
 * descriptor is free, Deno compiles the module again, opens another file for that, and ends the process because it cannot. A
 * server that runs out of descriptors reports errors just then.
 *
 * @module
 */

/** Milliseconds for which errors have no stack after an attempt to open a connection failed for want of a descriptor. */
const WITHOUT_STACK = 60_000;

let exhaustedAt = -Infinity;

/**
 * Makes the error of a failed attempt to open a connection safe to print. If no descriptor was free, so are other errors made for
 * the next minute.
 *
 * @param error The error.
 */
export function noteNotOpened(error: unknown): void {
  if (saysExhausted(error)) exhaustedAt = performance.now();
  omitStack(error);
}

/**
 * Replaces the stack of an error with its name and message if the process has no free file descriptor, or had none in the last
 * minute.
 *
 * @param error The error. Its causes are changed too.
 */
export function omitStack(error: unknown): void {
  if (performance.now() - exhaustedAt > WITHOUT_STACK && !saysExhausted(error)) return;
  for (const each of chain(error)) {
    const value = `${each.name}: ${each.message} (without a stack: the process ran out of file descriptors)`;
    try {
      Object.defineProperty(each, "stack", { value, configurable: true, writable: true });
    } catch {
      // The error is frozen.
    }
  }
}

/** EMFILE (24) and ENFILE (23), as Deno and Node report them. */
function saysExhausted(error: unknown): boolean {
  for (const each of chain(error)) {
    if ("code" in each && (each.code === "EMFILE" || each.code === "ENFILE")) return true;
    if (/\(os error 2[34]\)/.test(each.message)) return true;
  }
  return false;
}

/** An error, its causes, and the errors of an `AggregateError` or a `SuppressedError`. */
function chain(error: unknown, found = new Set<Error>()): Set<Error> {
  if (!(error instanceof Error) || found.has(error)) return found;
  found.add(error);
  chain(error.cause, found);
  if ("errors" in error && Array.isArray(error.errors)) { for (const each of error.errors) chain(each, found); }
  if ("error" in error) chain(error.error, found);
  if ("suppressed" in error) chain(error.suppressed, found);
  return found;
}
