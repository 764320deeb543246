/**
 * Detects handler functions that return at once. The connection closes when its handler function returns.
 *
 * @module
 */

/** The part of a connection that is used. */
export interface HeldConnection {
  /** 1 while it is open. */
  readonly readyState: number;
  /** The way in which it is read, if reading has begun. */
  readonly reader: unknown;
}

const ADVICE = "A handler function returned at once, without reading, and its connection was closed with 1000. " +
  "A function holds its connection while it runs: read in it (for await (const message of socket) { … }) and await the end. " +
  "To be called for each message, pass callbacks: { message(socket, data) { … } }. " +
  "If the end is meant, call socket.close().";

let warned = false;

/**
 * Waits for the result of a handler function. If the function returned at once without reading, a warning is printed, once for
 * each process. In other libraries a handler only registers listeners, and users wonder why the connection ends.
 *
 * @param connection The connection of the handler function.
 * @param returned Its result: a promise, or any value.
 * @returns The value to await.
 */
export function untilReturned(connection: HeldConnection, returned: unknown): unknown {
  if (warned || connection.reader !== undefined) return returned;
  let atOnce = true;
  // The promise of a function that awaits nothing resolves before this microtask runs.
  const waited = Promise.resolve(returned).then(() => warn(connection, atOnce));
  queueMicrotask(() => atOnce = false);
  return waited;
}

function warn({ readyState, reader }: HeldConnection, atOnce: boolean): void {
  if (!atOnce || warned || reader !== undefined || readyState !== 1) return;
  warned = true;
  // deno-lint-ignore no-console -- the application could not see why the connection ends
  console.warn(ADVICE);
}
