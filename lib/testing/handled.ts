/**
 * A handler at the server's end of a connection, as `serve` would have it there.
 *
 * @module
 */
import { Connection } from "../connection/connection.ts";
import { runHandler, type WebSocketHandler } from "../connection/readers/callbacks.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import { soon } from "./wait.ts";

/** What handles the server's end. */
export interface HandledOptions<Data = unknown> {
  /** What handles the server's end, as `serve` would have it. Without one, the test does. */
  handler?: WebSocketHandler<Data>;
  /** Gets what the handler throws. By default, disposing throws it, so that the test fails. */
  onError?(error: unknown): void;
}

/**
 * Runs a handler, if there is one.
 *
 * @param server The server's end.
 * @param options The handler.
 * @returns Waits until the handler is done with the connection, which has ended, and throws what it threw.
 */
export function handled<Data>(
  server: WebSocketConnection<Data>,
  { handler, onError }: HandledOptions<Data>,
): () => Promise<void> {
  // Whatever `accept` gives is a `Connection`: its type says less, for applications.
  if (handler === undefined || !(server instanceof Connection)) return () => Promise.resolve();
  const errors: unknown[] = [];
  const done = runHandler(server, handler, onError ?? ((error) => void errors.push(error)));
  return async () => {
    await soon(done, "The handler");
    if (errors.length > 0) throw errors[0];
  };
}
