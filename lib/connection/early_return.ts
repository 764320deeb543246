/**
 * Handler functions that return at once: a function holds its connection only for as long as it runs.
 *
 * @module
 */

/** What is looked at of a connection. */
export interface HeldConnection {
  /** 1 while it is open. */
  readonly readyState: number;
  /** What it is read through, if anything has begun to. */
  readonly reader: unknown;
}

const ADVICE = "A handler function returned at once, without reading, and its connection was closed with 1000. " +
  "A function holds its connection while it runs: read in it (for await (const message of socket) { … }) and await the end. " +
  "To be called for each message, pass callbacks: { message(socket, data) { … } }. " +
  "If the end is meant, call socket.close().";

let warned = false;

/**
 * Waits for what a handler function returned. Where it returned at once, and had not begun to read, the first such function of the
 * process is warned of on the console: those who come from other libraries register listeners, and wonder why the connection ends.
 *
 * @param connection The connection that the function was given.
 * @param returned What it returned: a promise, or anything.
 * @returns What is to be awaited.
 */
export function untilReturned(connection: HeldConnection, returned: unknown): unknown {
  if (warned || connection.reader !== undefined) return returned;
  let atOnce = true;
  // The promise of a function that awaits nothing has been resolved before this microtask is queued, and goes on before it.
  const waited = Promise.resolve(returned).then(() => warn(connection, atOnce));
  queueMicrotask(() => atOnce = false);
  return waited;
}

function warn({ readyState, reader }: HeldConnection, atOnce: boolean): void {
  if (!atOnce || warned || reader !== undefined || readyState !== 1) return;
  warned = true;
  // deno-lint-ignore no-console -- the connection ends for no reason that the application could see
  console.warn(ADVICE);
}
