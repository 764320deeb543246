/**
 * Observers, which get the events of connections and handshakes, for metrics and logs.
 *
 * @module
 */
import { ConnectionError, HandshakeError } from "../../errors.ts";
import { type Kind, like } from "../../option_kinds.ts";
import type { UpgradeRequest } from "../../handshake/server_handshake.ts";
import { isThenable, logError } from "../../log_error.ts";
import type { CloseInfo, WebSocketConnection } from "../websocket_connection.ts";
import type { Address } from "../../transport/transport.ts";

/** The direction of bytes: from the peer (`in`) or to it (`out`). */
export type Direction = "in" | "out";

/**
 * Gets the events of one connection. Its methods are called in the call stack of the read or write, so they must be quick. If it
 * throws, the error is printed to the console, and it is not called again.
 */
export interface ConnectionObserver {
  /**
   * Called when a network read was processed.
   *
   * @param messages The number of messages that it completed.
   * @param bytes Its bytes, including headers.
   */
  received?(messages: number, bytes: number): void;
  /**
   * Called when the transport took a write.
   *
   * @param messages The number of messages that ended in it.
   * @param bytes Its bytes, including headers.
   * @param queued The bytes that are still queued.
   */
  sent?(messages: number, bytes: number, queued: number): void;
  /**
   * Called when backpressure ends.
   *
   * @param direction `in`: reading waited for the application. `out`: `send` waited for the peer.
   * @param ms How long it lasted, in milliseconds.
   */
  held?(direction: Direction, ms: number): void;
  /**
   * Called when the pong for a ping has arrived, including pings of keepalive.
   *
   * @param ms The round trip in milliseconds.
   */
  roundTrip?(ms: number): void;
  /**
   * Called when the connection has ended. No call follows.
   *
   * @param info How it ended. If a limit was exceeded, `info.error` is a `LimitError` with the name of the limit.
   */
  closed?(info: CloseInfo): void;
}

/** The facts of a handshake that was refused or failed. On a server this is the same object that `upgrade` gets. */
export interface RefusalInfo {
  /** The peer's address, if it is known; behind one of `proxies`, the client's. */
  readonly remoteAddr: Address | undefined;
  /** The local address, if it is known. */
  readonly localAddr: Address | undefined;
  /** The request, if it has arrived and asks for a WebSocket. */
  readonly request?: UpgradeRequest | undefined;
}

/**
 * Gets the connections of a server, or of a client: the option `observer` of `serve`, `accept` and `connect`. Without an observer
 * nothing is counted and no clock is read. Errors that it throws are printed to the console.
 */
export interface Observer {
  /**
   * Called when a connection is open, before anything is read from it, so a `tap` here misses nothing.
   *
   * @param socket The connection.
   * @returns An observer for the events of the connection, or `undefined`.
   */
  opened?(socket: WebSocketConnection): ConnectionObserver | undefined | void;
  /**
   * Called when a handshake was refused or failed.
   *
   * @param error A `HandshakeError` if it was refused, on a server with the status that was sent; a `ConnectionError` if the peer
   *   disconnected.
   * @param info The facts of the handshake.
   */
  refused?(error: HandshakeError | ConnectionError, info: RefusalInfo): void;
}

/** The check of the option `observer`. */
export const OBSERVER: Kind = like("an observer: an object with callbacks opened and refused", {
  optional: ["opened", "refused"],
});

/**
 * Calls an observer, whose errors must not end a connection.
 *
 * @param call The call.
 * @returns Its result, or `undefined` if it threw.
 */
export function notify<T>(call: () => T): T | undefined {
  try {
    const returned = call();
    if (isThenable(returned)) Promise.resolve(returned).catch((error) => logError(error));
    return returned;
  } catch (error) {
    logError(error);
    return undefined;
  }
}

/**
 * Reports a refused or failed handshake to an observer. An abort and a mistake of the caller are not reported.
 *
 * @param observer The observer, if there is one.
 * @param error The error.
 * @param info The facts of the handshake.
 */
export function notifyRefused(observer: Observer | undefined, error: unknown, info: RefusalInfo): void {
  if (observer === undefined || !(error instanceof HandshakeError || error instanceof ConnectionError)) return;
  notify(() => observer.refused?.(error, info));
}
