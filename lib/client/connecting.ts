/**
 * Connecting from a constructor: invalid arguments throw at the call, the outcome is reported later, and it can be aborted.
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
import { authority, hostAndPort } from "./target.ts";
import { resolveUrl } from "./web_idl.ts";

/** All attempts of this thread stand in it. */
const LINE = new ConnectingLine();

/** The outcome: one of these is called, once, never before the constructor has returned. */
export interface ConnectingOutcome {
  /** The connection is open. It is this call that decides: what gives up afterwards comes too late. */
  opened(connection: Connection): void;
  /** It did not open: a `WebSocketError` with 1006, or the signal's reason. */
  failed(error: unknown): void;
}

/** An attempt to connect. */
export interface Connecting {
  /** The URL that is connected to. */
  readonly url: string;
  /** Fails the attempt, if it is still under way. */
  giveUp(): void;
}

/**
 * Starts to connect, or to wait until no other attempt of a class connects to the same host. A transport of one's own and a Unix
 * socket do not wait.
 *
 * @param url An absolute URL, or one that is relative to `location`.
 * @param options What to ask for. Its signal ends the handshake only.
 * @param outcome Gets the outcome.
 * @returns The attempt.
 * @throws What `connect` rejects with for a mistake of the caller: `SyntaxError`, `RangeError`, `TypeError`.
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

/** Throws what `connect` would reject with before it dials, and gives the limits. */
function check(url: URL, options: ConnectOptions): Limits {
  const { protocols: given = [], headers = [] } = options;
  const protocols = typeof given === "string" ? [given] : given;
  createUpgradeRequest({ url, protocols, extensions: offerExtensions(withPerMessageDeflate(options)), headers });
  // The web's classes compare subprotocols as Web Platform Tests do, without regard to case.
  if (new Set(protocols.map((protocol) => protocol.toLowerCase())).size < protocols.length) {
    throw new DOMException(`Subprotocols ${protocols.join(", ")} differ only in case`, "SyntaxError");
  }
  return resolveLimits(options);
}

/** The web's classes know of no refusals: the error is theirs, and what it was is its cause. */
function notOpened(cause: unknown): ConnectionError {
  return new ConnectionError(cause instanceof Error ? cause.message : "The connection did not open", { cause });
}
