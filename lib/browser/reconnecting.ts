/**
 * `reconnecting` for browsers: over their own `WebSocket`.
 *
 * @module
 */
import { RECONNECT_DELAY_OPTION_KINDS, type ReconnectDelayOptions } from "../backoff.ts";
import { ConnectionError } from "../errors.ts";
import type { Fresh } from "../client/client_options.ts";
import type { ReconnectingConnection, ReconnectingHooks } from "../client/reconnecting_connection.ts";
import { Reconnector } from "../client/reconnector.ts";
import {
  LIMIT_KINDS,
  type Limits,
  RECONNECT_LIMIT_KINDS,
  type ReconnectLimits,
  resolveLimits,
  resolveReconnectLimits,
} from "../limits.ts";
import { ANYTHING, CALLBACK, type OptionKinds, SIGNAL, TEXT_OR_TEXTS } from "../option_kinds.ts";
import { bag, takeOptions, without } from "../options.ts";
import { withDeadline } from "../transport/opening.ts";
import { openInBrowser } from "./open.ts";

/** The limits of a connection in a browser. The browser has its own for the others. */
export type BrowserLimits = Pick<
  Limits,
  "maxMessageBytes" | "highWaterMark" | "maxQueuedBytes" | "closeTimeout" | "handshakeTimeout"
>;

/**
 * How a page connects, and connects again.
 *
 * @typeParam Data The type of `socket.data`.
 */
export interface BrowserReconnectingOptions<Data = unknown>
  extends Partial<BrowserLimits>, Partial<ReconnectLimits>, ReconnectingHooks<Data> {
  /** The subprotocols to offer, the preferred one first. */
  protocols?: string | readonly string[];
  /** Your data for each connection, available as `socket.data`. */
  data?: Data;
  /** The delays between attempts: by default up to 5 s before the first and up to a minute before any. */
  delay?: Omit<ReconnectDelayOptions, "retryAfter">;
  /** Ends it for good and at once. Pending reads and sends reject with the signal's reason. */
  signal?: AbortSignal;
}

/** The URL, or a function that returns one for each attempt. */
export type BrowserUrl = Fresh<string | URL>;

const { maxMessageBytes, highWaterMark, maxQueuedBytes, closeTimeout, handshakeTimeout } = LIMIT_KINDS;

/** What they take. */
export const BROWSER_RECONNECTING_OPTION_KINDS: OptionKinds<BrowserReconnectingOptions> = {
  maxMessageBytes,
  highWaterMark,
  maxQueuedBytes,
  closeTimeout,
  handshakeTimeout,
  ...RECONNECT_LIMIT_KINDS,
  protocols: TEXT_OR_TEXTS,
  data: ANYTHING,
  delay: bag(without(RECONNECT_DELAY_OPTION_KINDS, "retryAfter")),
  signal: SIGNAL,
  onConnect: CALLBACK,
  onState: CALLBACK,
  shouldReconnect: CALLBACK,
};

/**
 * Opens a WebSocket connection from a page, and opens it again when it is lost: `reconnecting` of the library, with the browser's own
 * `WebSocket` below. When the browser says that the network is back (`online`), it connects without waiting.
 *
 * A browser does not say why a connection failed, so every failed attempt is followed by another; it shows no pings; and it allows a
 * page to close with 1000 and 3000 to 4999 only: other codes, such as 1007, are sent 3000 higher, as 4007.
 *
 * @example On a page, and here in Deno
 * ```ts
 * import { reconnecting } from "@sluice/websocket/browser";
 * import { serve } from "@sluice/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0, hostname: "127.0.0.1" }, {
 *   message: (socket, data) => void socket.send(data),
 * });
 * await using connection = reconnecting(server.url, { onConnect: (socket) => socket.send("hello") });
 * assertEquals((await connection[Symbol.asyncIterator]().next()).value, "hello");
 * ```
 *
 * @typeParam Data The type of `socket.data`.
 * @param url The URL, absolute or relative to the page, `http` or `ws`; or a function that gives one for each attempt. If it throws, the
 *   attempt has failed.
 * @param options What to offer, the limits, the delays and the hooks.
 * @returns The connection, which has begun to connect.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function reconnecting<Data = unknown>(
  url: BrowserUrl,
  options: BrowserReconnectingOptions<Data> = {},
): ReconnectingConnection<Data> {
  options = takeOptions("reconnecting()", options, BROWSER_RECONNECTING_OPTION_KINDS);
  const { protocols = [], data, delay, signal, onConnect, onState, shouldReconnect } = options;
  const limits = resolveLimits(options);
  const { handshakeTimeout: time, highWaterMark, closeTimeout } = limits;
  const late = () => new ConnectionError(`The URL took more than ${time} ms`);
  return new Reconnector<Data>({
    async open(signal) {
      const target = await withDeadline(fresh(url), { time, late, signal });
      return await openInBrowser(target, { protocols, limits, data, signal });
    },
    limits: resolveReconnectLimits(options),
    highWaterMark,
    closeTimeout,
    delay,
    signal,
    onConnect,
    onState,
    shouldReconnect,
    network: "addEventListener" in globalThis ? globalThis : undefined,
  });
}

async function fresh(url: BrowserUrl): Promise<string | URL> {
  if (!(url instanceof Function)) return url;
  try {
    return await url();
  } catch (cause) {
    throw new ConnectionError("The function for the URL failed", { cause });
  }
}
