/**
 * Runs a handler at the server's end of a connection, as `serve` does.
 *
 * @module
 */
import { Connection } from "../connection/connection.ts";
import { runHandler, type WebSocketHandler } from "../connection/readers/callbacks.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import { soon } from "./wait.ts";

/** The handler of the server's end. */
export interface HandledOptions<Data = unknown> {
  /** The handler of the server's end, as for `serve`. Without one, the test uses the server's end itself. */
  handler?: WebSocketHandler<Data>;
  /** Called with the handler's errors. By default, disposing throws them, so that the test fails. */
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
  const done = runHandler(server, handler, onError ?? ((error) => void errors.push(error)));
  return async () => {
    await soon(done, "The handler");
    if (errors.length > 0) throw errors[0];
  };
}
