/**
 * The API of a reconnecting client, which presents one connection after another as one.
 *
 * @module
 */
import type { Message, MessageData } from "../pipeline/messages/message.ts";
import type { CloseInfo, WebSocketConnection } from "../connection/websocket_connection.ts";
import type { SendOptions } from "../connection/socket_options.ts";

/**
 * The state of a reconnecting connection: `connecting`, including `onConnect`; `open`; `waiting` for the next attempt; or
 * `closed` for good.
 */
export type ReconnectingState = "connecting" | "open" | "waiting" | "closed";

/**
 * A connection that reconnects.
 *
 * Keep reading it: the messages of all its connections arrive in order. At most `highWaterMark` bytes (64 KiB) of unread messages
 * are buffered, where each message counts as its data plus 100 bytes; then the peer has to wait. The next connection is opened
 * once the remaining messages of the last one fit.
 *
 * @typeParam Data The type of `socket.data`.
 */
export interface ReconnectingConnection<Data = unknown> extends AsyncIterable<Message>, AsyncDisposable {
  /** Its state. `onState` is called with each change. */
  readonly state: ReconnectingState;
  /**
   * The current connection while it is open, for its addresses and pings. Read messages from the reconnecting connection instead.
   */
  readonly socket: WebSocketConnection<Data> | undefined;
  /** The number of attempts that have failed in a row. A connection that did not last counts as failed. */
  readonly failures: number;
  /** The delay before the next attempt in milliseconds, counted from the start of the wait; 0 if it is not waiting. */
  readonly delay: number;
  /** How the last connection ended, or why the last attempt failed (1006, with the error); `undefined` before. */
  readonly lastClose: CloseInfo | undefined;
  /** The bytes that are queued, in the outbox or in the connection. */
  readonly bufferedAmount: number;
  /** Resolves when the connection has ended for good. It never rejects. */
  readonly closed: Promise<CloseInfo>;
  /**
   * Sends a message: at once if a connection is open, otherwise when the next one is open and `onConnect` has finished.
   *
   * A message is sent at most once, over one connection. If that connection is lost, the message may or may not have arrived;
   * only a reply from the peer could tell. It is not sent again: `recovering` of `./recovery/client` with `acknowledge` does that.
   *
   * @param data A string is sent as text, a buffer or a view as binary data. If it has to wait for a connection, it is copied at
   *    the call. Otherwise do not change it until the promise resolves.
   * @param options Whether to compress the message.
   * @returns Resolves when a connection has taken the message and has less than `highWaterMark` bytes queued. It rejects with a
   *    `LimitError` if the outbox is full, with the connection's error if the connection is lost meanwhile, and with the final
   *    error if no connection takes the message. After the end it rejects with an `InvalidStateError`, whose `cause` is the error
   *    that ended it, if there was one. You can ignore the promise: it never becomes an unhandled rejection.
   * @throws {TypeError} If `data` has another type, or has to wait and its buffer is detached. This is thrown at the call, in
   *    every state.
   */
  send(data: MessageData, options?: SendOptions): Promise<void>;
  /**
   * Ends the connection for good. If a connection is open, it first sends the waiting messages, for at most `closeTimeout`, then
   * closes with the closing handshake, and discards messages that arrive meanwhile. If no connection is open, the waiting
   * messages are not sent. Promises of messages that were not sent reject.
   *
   * @param code 1000 to 1003, 1007 to 1014 or 3000 to 4999; by default 1000.
   * @param reason At most 123 bytes of UTF-8; by default empty.
   * @returns How the last connection ended; 1006 without an error if there was none.
   * @throws {RangeError} If a close frame may not carry the code, or if the reason is too long.
   */
  close(code?: number, reason?: string): Promise<CloseInfo>;
  /**
   * Messages in order. Leaving the loop leaves the connection open. The loop ends with `closed`, and throws if that has an error.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message>;
}

/** The hooks of `reconnecting`. */
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
