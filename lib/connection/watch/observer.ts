/**
 * Observers: they get what happens to connections and handshakes, for counting and for logs.
 *
 * @module
 */
import { ConnectionError, HandshakeError } from "../../errors.ts";
import { type Kind, like } from "../../option_kinds.ts";
import type { UpgradeRequest } from "../../handshake/server_handshake.ts";
import { isThenable, logError } from "../../log_error.ts";
import type { CloseInfo, WebSocketConnection } from "../websocket_connection.ts";
import type { Address } from "../../transport/transport.ts";

/** Which way bytes go: from the peer, or to it. */
export type Direction = "in" | "out";

/**
 * Gets what happens to one connection. It is called in the call stack of the read or write that it is about, so it must be quick.
 * If it throws, the error is printed to the console, and it is not called again.
 */
export interface ConnectionObserver {
  /**
   * A network read was dealt with.
   *
   * @param messages How many messages it completed.
   * @param bytes Its bytes, headers included.
   */
  received?(messages: number, bytes: number): void;
  /**
   * The transport took a write.
   *
   * @param messages How many messages ended in it.
   * @param bytes Its bytes, headers included.
   * @param queued Bytes that are queued still.
   */
  sent?(messages: number, bytes: number, queued: number): void;
  /**
   * Backpressure is over.
   *
   * @param direction `in`: nothing was read, because the application did not take what was there. `out`: `send` waited, because the peer did not read.
   * @param ms Milliseconds that it took.
   */
  held?(direction: Direction, ms: number): void;
  /**
   * A pong came for a ping, one of keepalive's included.
   *
   * @param ms The round trip in milliseconds.
   */
  roundTrip?(ms: number): void;
  /**
   * The connection has ended. No call follows.
   *
   * @param info How. Where a limit was hit, `info.error` is a `LimitError` with the limit's name.
   */
  closed?(info: CloseInfo): void;
}

/** The facts of a handshake that was refused or failed. On a server this is the object that `upgrade` was given. */
export interface RefusalInfo {
  /** The peer's address, where it is known; behind one of `proxies`, the client's. */
  readonly remoteAddr: Address | undefined;
  /** Our address, where it is known. */
  readonly localAddr: Address | undefined;
  /** The request, where it came and is a request to open a WebSocket. */
  readonly request?: UpgradeRequest | undefined;
}

/**
 * Gets the connections of a server, or of a client: the option `observer` of `serve`, `accept` and `connect`. Without it
 * nothing is counted and no clock is read. What it throws is printed to the console.
 */
export interface Observer {
  /**
   * A connection is open, and nothing of it has been read: a `tap` from here on misses nothing.
   *
   * @param socket The connection.
   * @returns What gets its events from now on, if anything.
   */
  opened?(socket: WebSocketConnection): ConnectionObserver | undefined | void;
  /**
   * No connection came of a handshake.
   *
   * @param error A `HandshakeError` where it was refused, on a server with our status; a `ConnectionError` where the peer went away.
   * @param info Who it was.
   */
  refused?(error: HandshakeError | ConnectionError, info: RefusalInfo): void;
}

/** An observer, to the checks of options. */
export const OBSERVER: Kind = like("an observer: an object with callbacks opened and refused", {
  optional: ["opened", "refused"],
});

/**
 * Calls an observer. Its mistakes must not end a connection.
 *
 * @param call The call.
 * @returns What it returned, and `undefined` where it threw.
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
 * @param observer The observer, where there is one.
 * @param error Why.
 * @param info Who it was.
 */
export function notifyRefused(observer: Observer | undefined, error: unknown, info: RefusalInfo): void {
  if (observer === undefined || !(error instanceof HandshakeError || error instanceof ConnectionError)) return;
  notify(() => observer.refused?.(error, info));
}
