/**
 * A client that reconnects.
 *
 * @module
 */
import { ConnectionError } from "../errors.ts";
import { resolveLimits, resolveReconnectLimits } from "../limits.ts";
import { withDeadline } from "../transport/opening.ts";
import { openConnection } from "./connect.ts";
import { routeOf } from "./route.ts";
import {
  CONNECT_OPTION_KINDS,
  type ConnectOptions,
  type Fresh,
  RECONNECTING_OPTION_KINDS,
  type ReconnectingOptions,
} from "./client_options.ts";
import { pick, takeOptions, without } from "../options.ts";
import type { ReconnectingConnection } from "./reconnecting_connection.ts";
import { Reconnector } from "./reconnector.ts";

/** The options that every attempt has. */
const FIXED_OPTION_KINDS = without(CONNECT_OPTION_KINDS, "conn", "headers", "signal");

/**
 * Opens a WebSocket connection, and opens it again whenever it is lost.
 *
 * Before each attempt it waits for a random time. The longest delay doubles with each failure (RFC 6455 §7.2.3), and
 * `Retry-After` of a refusal is added. A connection that brings a message or lasts for `stableInterval` resets the delay. While
 * no connection is open, `send` keeps messages, up to `maxOutboxBytes` and `maxOutboxMessages`. Each message is sent at most
 * once.
 *
 * @example Subscribe anew on each connection
 * ```ts
 * import { reconnecting, serve } from "@sluice/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * // A server that drops its first client.
 * let clients = 0;
 * await using server = serve({ port: 0, hostname: "127.0.0.1" }, async (socket) => {
 *   const first = ++clients === 1;
 *   for await (const message of socket) {
 *     if (first) return socket.abort();
 *     await socket.send(`${message} to client ${clients}`);
 *   }
 * });
 *
 * await using connection = reconnecting(server.url, {
 *   delay: { first: 100 },
 *   onConnect: (socket) => socket.send("news"),
 * });
 * for await (const message of connection) {
 *   assertEquals(message, "news to client 2");
 *   break;
 * }
 * ```
 *
 * @typeParam Data The type of `socket.data`.
 * @param url An absolute URL as for `connect`, or a function that returns one for each attempt. If the function throws, or takes
 *   longer than `handshakeTimeout`, the attempt has failed.
 * @param options The header fields, the limits, the backoff and the hooks.
 * @returns The connection. It has begun to connect.
 * @throws {DOMException} `SyntaxError` for an invalid URL.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function reconnecting<Data = unknown>(
  url: Fresh<string | URL>,
  options: ReconnectingOptions<Data> = {},
): ReconnectingConnection<Data> {
  options = takeOptions("reconnecting()", options, RECONNECTING_OPTION_KINDS);
  const { headers = [], delay, signal, onConnect, onState, shouldReconnect } = options;
  const { handshakeTimeout: time, highWaterMark, closeTimeout } = resolveLimits(options);
  if (!(url instanceof Function)) routeOf(url, options); // a mistake of the caller throws at the call
  const given = pick<Omit<ConnectOptions<Data>, "conn" | "headers" | "signal">>(options, FIXED_OPTION_KINDS);
  const late = () => new ConnectionError(`The URL and the header fields took more than ${time} ms`);
  return new Reconnector<Data>({
    async open(signal) {
      const asking = Promise.all([fresh(url), fresh(headers)]);
      const [target, fields] = await withDeadline(asking, { time, late, signal });
      return await openConnection(target, { ...given, headers: fields, signal });
    },
    limits: resolveReconnectLimits(options),
    highWaterMark,
    closeTimeout,
    delay,
    signal,
    onConnect,
    onState,
    shouldReconnect,
  });
}

/** A function that fails does not mean that the URL is invalid: the next attempt may succeed. */
async function fresh<Value>(value: Fresh<Value>): Promise<Value> {
  if (!(value instanceof Function)) return value;
  try {
    return await value();
  } catch (cause) {
    throw new ConnectionError("The function for the URL or the header fields failed", { cause });
  }
}
