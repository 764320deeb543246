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
 * Makes the error of a failed attempt to open a connection safe to print. If no descriptor was free, the same is
 * done to errors of the next minute.
 *
 * @param error The error.
 */
export function noteNotOpened(error: unknown): void {
  if (saysExhausted(chain(error))) exhaustedAt = performance.now();
  omitStack(error);
}

/**
 * Opens something that needs a file descriptor.
 *
 * @param open Opens it.
 * @returns What it returns.
 * @throws What it throws, which is safe to print.
 */
export function opened<Opened>(open: () => Opened): Opened {
  try {
    return open();
  } catch (error) {
    noteNotOpened(error);
    throw error;
  }
}

/**
 * Replaces the stack of an error with its name and message if the process has no free file descriptor, or had none in the last
 * minute. Every error that an application may print goes through here.
 *
 * @param error The error. Its causes are changed too.
 */
export function omitStack(error: unknown): void {
  const errors = chain(error);
  if (performance.now() - exhaustedAt > WITHOUT_STACK && !saysExhausted(errors)) return;
  for (const each of errors) {
    try {
      const value = `${each.name}: ${each.message} (without a stack: the process ran out of file descriptors)`;
      Object.defineProperty(each, "stack", { value, configurable: true, writable: true });
    } catch {
      // The error is frozen, or its getters throw.
    }
  }
}

/** EMFILE (24) and ENFILE (23), as Deno and Node report them. */
function saysExhausted(errors: Iterable<Error>): boolean {
  for (const each of errors) {
    try {
      if ("code" in each && (each.code === "EMFILE" || each.code === "ENFILE")) return true;
      if (/\(os error 2[34]\)/.test(each.message)) return true;
    } catch {
      // A getter of an application's error throws.
    }
  }
  return false;
}

/** An error, its causes, and the errors of an `AggregateError` or a `SuppressedError`. An application's error may be a proxy. */
function chain(error: unknown, found = new Set<Error>()): Set<Error> {
  try {
    if (!(error instanceof Error) || found.has(error)) return found;
    found.add(error);
    chain(error.cause, found);
    if ("errors" in error && Array.isArray(error.errors)) { for (const each of error.errors) chain(each, found); }
    if ("error" in error) chain(error.error, found);
    if ("suppressed" in error) chain(error.suppressed, found);
  } catch {
    // What was found before its traps threw counts.
  }
  return found;
}
