/**
 * The common part of wrappers that read a connection: the type of the connection, streams, and ending it for an invalid message.
 *
 * @module
 */
import { closeCodeOf, WebSocketError } from "../errors.ts";
import type { DrivenConnection } from "../connection/driven_connection.ts";
import type { SendOptions } from "../connection/socket_options.ts";
import type { CloseInfo } from "../connection/websocket_connection.ts";
import type { Message, MessageData } from "../pipeline/messages/message.ts";

/** A connection that carries messages: a `WebSocketConnection`, a `ReconnectingConnection`, or your own wrapper around one. */
export interface MessageConnection extends AsyncIterable<Message> {
  /** Resolves when the connection has ended. */
  readonly closed: Promise<CloseInfo>;
  /** Sends a message. */
  send(data: MessageData, options?: SendOptions): Promise<void>;
  /** Closes the connection. */
  close(code?: number, reason?: string): Promise<CloseInfo>;
}

/** The end of an iteration. */
export const END: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** Makes a stream of an iterator's values, one chunk at a time, without reading ahead. */
export function readableOf<Value>(
  values: AsyncIterator<Value>,
  cancel: (reason: unknown) => Promise<void>,
): ReadableStream<Value> {
  return new ReadableStream<Value>({
    async pull(controller) {
      const { done, value } = await values.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel,
  }, { highWaterMark: 0 });
}

/**
 * Ends a connection for an invalid message. A Sluice connection fails with the error, as for a violation of the protocol. A
 * mistake of the application is thrown to the application, and only closes the connection.
 */
export function refuse(connection: MessageConnection, error: unknown): void {
  if (error instanceof WebSocketError && isFallible(connection)) connection.fail(error);
  else void connection.close(closeCodeOf(error), error instanceof WebSocketError ? error.reason : "");
}

/** The same for a callback, where the connection itself handles mistakes of the application. */
export function refused(connection: MessageConnection, error: unknown): never {
  if (error instanceof WebSocketError) refuse(connection, error);
  throw error;
}

function isFallible(connection: MessageConnection): connection is MessageConnection & Pick<DrivenConnection, "fail"> {
  return "fail" in connection && typeof connection.fail === "function";
}
