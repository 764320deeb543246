/**
 * Runs a handler at the server's end of a connection, as `serve` does.
 *
 * @module
 */
import { Connection } from "../connection/connection.ts";
import { runHandler, type WebSocketHandler } from "../connection/readers/callbacks.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import { logError } from "../log_error.ts";
import { soon } from "./wait.ts";

/** The handler of the server's end. */
export interface HandledOptions<Data = unknown, Socket = WebSocketConnection<Data>> {
  /** The handler of the server's end, as for `serve`. Without one, the test uses the server's end itself. */
  handler?: WebSocketHandler<Data, Socket>;
  /**
   * Called with the handler's errors. By default each is printed to the console when it occurs, and disposing throws the first, so
   * that the test fails. An assertion that failed before does not hide it.
   */
  onError?(error: unknown): void;
}

/**
 * Runs a handler, if there is one.
 *
 * @param server The server's end.
 * @param options The handler.
 * @returns A function that waits until the connection has ended and the handler has returned, and throws the handler's errors.
 */
export function handled<Data>(
  server: WebSocketConnection<Data>,
  { handler, onError }: HandledOptions<Data>,
): () => Promise<void> {
  // `accept` always returns a `Connection`. Its declared type has fewer members, for applications.
  if (handler === undefined || !(server instanceof Connection)) return () => Promise.resolve();
  const errors: unknown[] = [];
  // If the test has failed before, a test runner shows the error that disposing throws only as a part of a `SuppressedError`.
  const report = (error: unknown) => {
    errors.push(error);
    logError(error);
  };
  const done = runHandler(server, handler, onError ?? report);
  return async () => {
    await soon(done, "The handler");
    if (errors.length > 0) throw errors[0];
  };
}
