/**
 * The first stack trace of a process.
 *
 * @module
 */

let made = false;

/**
 * Makes the first stack trace of the process. Deno 2.9 needs a file descriptor for it, and ends the process if none is free; a
 * server that has run out of them reports just such an error. So a server makes one when it starts.
 */
export function makeFirstStack(): void {
  if (made) return;
  made = new Error().stack !== undefined;
}
