/**
 * Connecting from a constructor. Invalid arguments throw at the call; the outcome is reported later. The attempt can be aborted.
 *
 * @module
 */
import { ConnectionError, WebSocketError } from "../errors.ts";
import { offerExtensions } from "../extensions/negotiation.ts";
import { withPerMessageDeflate } from "../extensions/permessage_deflate/permessage_deflate.ts";
import { createUpgradeRequest } from "../handshake/client_handshake.ts";
import { type Limits, resolveLimits } from "../limits.ts";
import type { Connection } from "../connection/connection.ts";
import { openConnection } from "./connect.ts";
import type { ConnectOptions } from "./client_options.ts";
import { ConnectingLine } from "./connecting_line.ts";
import { routeOf } from "./route.ts";
import { authority, hostAndPort } from "./target.ts";
import { resolveUrl } from "./web_idl.ts";

/** The queue of all attempts of this thread. */
const LINE = new ConnectingLine();

/** Callbacks for the outcome. Exactly one is called, once, after the constructor has returned. */
export interface ConnectingOutcome {
  /** Called when the connection is open. After this call the attempt can no longer be cancelled. */
  opened(connection: Connection): void;
  /** Called when the connection did not open, with a `WebSocketError` of code 1006 or the signal's reason. */
  failed(error: unknown): void;
}

/** An attempt to connect. */
export interface Connecting {
  /** The URL to connect to. */
  readonly url: string;
  /** Fails the attempt, if it is still under way. */
  giveUp(): void;
}

/**
 * Starts to connect, or waits until no other attempt of these classes connects to the same host. With your own connection, or a
 * Unix socket, it does not wait.
 *
 * @param url An absolute URL, or one that is relative to `location`.
 * @param options The options of the connection. The signal aborts the handshake only.
 * @param outcome Gets the outcome.
 * @returns The attempt.
 * @throws The errors of `connect` for mistakes of the caller: `SyntaxError`, `RangeError`, `TypeError`.
 */
export function startConnecting(url: string | URL, options: ConnectOptions, outcome: ConnectingOutcome): Connecting {
  const parsed = resolveUrl(url);
  const { handshakeTimeout } = check(parsed, options);
  const dials = options.conn === undefined && options.path === undefined;
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);

  const connect = async (): Promise<void> => {
    await null; // the constructor returns first
    let connection: Connection;
    try {
      signal.throwIfAborted(); // before anything is dialled
      const open = () => openConnection(parsed, { ...options, signal });
      connection = dials
        ? await LINE.take(authority(hostAndPort(parsed)), { signal, handshakeTimeout }, open)
        : await open();
    } catch (error) {
      return outcome.failed(error === signal.reason || error instanceof WebSocketError ? error : notOpened(error));
    }
    if (!signal.aborted) return outcome.opened(connection);
    connection.abort(signal.reason);
    outcome.failed(signal.reason);
  };
  void connect();
  return {
    url: parsed.href,
    giveUp: () => stop.abort(new ConnectionError("The connection was closed before it was open")),
  };
}

/** Throws the errors that `connect` rejects with before it dials, and returns the limits. */
function check(url: URL, options: ConnectOptions): Limits {
  const { protocols: given = [], headers = [] } = options;
  const protocols = typeof given === "string" ? [given] : given;
  routeOf(url, options);
  createUpgradeRequest({ url, protocols, extensions: offerExtensions(withPerMessageDeflate(options)), headers });
  // The web's classes compare subprotocols as Web Platform Tests do, without regard to case.
  if (new Set(protocols.map((protocol) => protocol.toLowerCase())).size < protocols.length) {
    throw new DOMException(`Subprotocols ${protocols.join(", ")} differ only in case`, "SyntaxError");
  }
  return resolveLimits(options);
}

/** Wraps an error for the web's classes, which have no error for refusals. The original error becomes the cause. */
function notOpened(cause: unknown): ConnectionError {
  return new ConnectionError(cause instanceof Error ? cause.message : "The connection did not open", { cause });
}
