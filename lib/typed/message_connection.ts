/**
 * What is common to everything that stands on a connection and reads it: its type, its streams, and how it is ended for what came.
 *
 * @module
 */
import { closeCodeOf, WebSocketError } from "../errors.ts";
import type { DrivenConnection } from "../connection/driven_connection.ts";
import type { SendOptions } from "../connection/socket_options.ts";
import type { CloseInfo } from "../connection/websocket_connection.ts";
import type { Message, MessageData } from "../pipeline/messages/message.ts";

/** What carries messages: a `WebSocketConnection`, a `ReconnectingConnection`, or what an application puts around one. */
export interface MessageConnection extends AsyncIterable<Message> {
  /** Resolves when it has ended. */
  readonly closed: Promise<CloseInfo>;
  /** Sends a message. */
  send(data: MessageData, options?: SendOptions): Promise<void>;
  /** Ends it. */
  close(code?: number, reason?: string): Promise<CloseInfo>;
}

/** The end of an iteration. */
export const END: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** A stream of what an iterator gives, one chunk at a time and none ahead. */
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
 * Ends a connection for a message that is refused. A connection of ours is failed, so that the error is how it ended, as with an error
 * of the protocol. A mistake of the application's own is thrown at the application, and only closes the connection.
 */
export function refuse(connection: MessageConnection, error: unknown): void {
  if (error instanceof WebSocketError && isFallible(connection)) connection.fail(error);
  else void connection.close(closeCodeOf(error), error instanceof WebSocketError ? error.reason : "");
}

/** The same in a callback, which the connection itself ends for a mistake of the application's own. */
export function refused(connection: MessageConnection, error: unknown): never {
  if (error instanceof WebSocketError) refuse(connection, error);
  throw error;
}

function isFallible(connection: MessageConnection): connection is MessageConnection & Pick<DrivenConnection, "fail"> {
  return "fail" in connection && typeof connection.fail === "function";
}
