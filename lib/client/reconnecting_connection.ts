/**
 * The surface of a client that comes back: one connection after another, seen as one.
 *
 * @module
 */
import type { Message, MessageData } from "../pipeline/messages/message.ts";
import type { CloseInfo, WebSocketConnection } from "../connection/websocket_connection.ts";
import type { SendOptions } from "../connection/socket_options.ts";

/**
 * What a connection that comes back is doing: `connecting`, `onConnect` included; `open`; `waiting` for the next attempt;
 * `closed` for good.
 */
export type ReconnectingState = "connecting" | "open" | "waiting" | "closed";

/**
 * A connection that comes back.
 *
 * Read it: messages of all connections come in their order. At most `highWaterMark` bytes (64 KiB) wait to be read, where each
 * message counts as 100 bytes more than its data; then the peer is held back. The next connection is made when the rest of what
 * came over the last one fits in.
 *
 * @typeParam Data What the application keeps with each connection.
 */
export interface ReconnectingConnection<Data = unknown> extends AsyncIterable<Message>, AsyncDisposable {
  /** Its state. `onState` is called with each change. */
  readonly state: ReconnectingState;
  /** The connection, while it is open: for its facts and its pings. Its messages are read here. */
  readonly socket: WebSocketConnection<Data> | undefined;
  /** How many attempts have failed in a row. One whose connection did not last failed as well. */
  readonly failures: number;
  /** How long it waits for the next attempt in milliseconds, from the start of the waiting; 0 where it does not wait. */
  readonly delay: number;
  /** How the last connection ended, or why the last attempt failed (1006, with the error); `undefined` before. */
  readonly lastClose: CloseInfo | undefined;
  /** Bytes that wait: for a connection, or in the connection for the transport. */
  readonly bufferedAmount: number;
  /** Resolves when it has ended for good, however it ended. It never rejects. */
  readonly closed: Promise<CloseInfo>;
  /**
   * Sends a message: at once where it is open, else in its turn when there is a connection and `onConnect` is done.
   *
   * It is sent at most once, over one connection. What was handed to a connection that was then lost may or may not have
   * arrived: only an answer of the peer's could tell, and nothing is sent twice without being asked for.
   *
   * @param data A string as text; a buffer or a view as binary data. If it has to wait for a connection it is copied at the call;
   *   otherwise it must not change until the promise resolves.
   * @param options Whether to compress it, where that was agreed on.
   * @returns Resolves when a connection has taken it and has less than `highWaterMark` bytes queued. Rejects with `LimitError`
   *   if it has to wait and the outbox has no room, with the connection's error if that was lost meanwhile, and with how it all
   *   ended if no connection took it; with an `InvalidStateError` if it is closed for good, whose `cause` is the error that ended
   *   it, if one did. A promise that is ignored never becomes an unhandled rejection.
   * @throws {TypeError} At the call, in every state: if `data` is none of these, or has to wait and its buffer is detached.
   */
  send(data: MessageData, options?: SendOptions): Promise<void>;
  /**
   * Ends it for good. An open connection first takes the messages that wait, as fast as the peer reads and for at most
   * `closeTimeout`, and then closes with the closing handshake; messages that come meanwhile are discarded. If no connection is
   * open, the messages that wait are not sent. Every promise of `send` settles: those of messages that were not sent reject.
   *
   * @param code 1000-1003, 1007-1014 or 3000-4999; 1000 by default.
   * @param reason At most 123 bytes of UTF-8.
   * @returns How the last connection ended; a code of 1006 and no error where there was none.
   * @throws {RangeError} If the code may not be sent or the reason is too long.
   */
  close(code?: number, reason?: string): Promise<CloseInfo>;
  /** Messages in order. Leaving the loop leaves it open. It ends with `closed`, and throws if that has an error. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message>;
}

/** What an application may have a say in. */
export interface ReconnectingHooks<Data = unknown> {
  /**
   * Called for each new connection before anything else is sent, to subscribe or authenticate again. It may read some messages
   * and leave the rest. If it throws, the connection closes with code 1011 and the attempt has failed.
   */
  onConnect?: ((socket: WebSocketConnection<Data>) => unknown) | undefined;
  /**
   * Called when `state` changes; `connecting` comes first. If it throws or rejects, the connection ends for good. Sluice does not
   * wait for its promise.
   */
  onState?: ((connection: ReconnectingConnection<Data>) => unknown) | undefined;
  /**
   * Decides whether to reconnect after the connection ended. It may be async. If it throws or rejects, the connection ends for
   * good.
   * @default {shouldReconnect}
   */
  shouldReconnect?: ((info: CloseInfo) => boolean | PromiseLike<boolean>) | undefined;
}
