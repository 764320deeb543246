/**
 * The options of clients, and what each takes.
 *
 * @module
 */
import { EXTENSION, type Extension } from "../extensions/extension.ts";
import {
  PER_MESSAGE_DEFLATE_OPTION_KINDS,
  type PerMessageDeflateOptions,
} from "../extensions/permessage_deflate/permessage_deflate.ts";
import { LIMIT_KINDS, type Limits, RECONNECT_LIMIT_KINDS, type ReconnectLimits } from "../limits.ts";
import {
  ANYTHING,
  CALLBACK,
  FLAG,
  HEADERS,
  isObject,
  kind,
  listOf,
  NON_EMPTY_TEXT,
  type OptionKinds,
  or,
  orObject,
  required,
  SIGNAL,
  TEXT,
  TEXT_OR_TEXTS,
  TEXTS,
  URL_OR_TEXT,
} from "../option_kinds.ts";
import { bag, without } from "../options.ts";
import { OBSERVER, type Observer } from "../connection/watch/observer.ts";
import type { TlsOptions } from "./dialer.ts";
import type { ProxyOptions } from "./proxy/proxy.ts";
import { RECONNECT_DELAY_OPTION_KINDS, type ReconnectDelayOptions } from "../backoff.ts";
import { type ByteConnection, type BytePair, CONNECTION } from "../transport/transport.ts";
import type { ReconnectingHooks } from "./reconnecting_connection.ts";

/**
 * The options of `connect`: all of them, with those of the interfaces that it extends.
 *
 * | option | default | meaning |
 * | --- | --- | --- |
 * | `protocols` |  | The subprotocols to offer, the preferred one first. |
 * | `extensions` |  | Extensions to offer, such as your own. |
 * | `perMessageDeflate` | `false` | Whether to offer compression (RFC 7692). |
 * | `headers` |  | More header fields for the request, such as `Cookie`. |
 * | `proxy` | `none` | The proxy to connect through: its URL, or an object with header fields. |
 * | `path` |  | The path of a Unix socket to connect to. |
 * | `conn` |  | Your own connection to use: a `Deno.Conn` or a pair of byte streams. |
 * | `data` |  | Your data for the connection, available as `socket.data`. |
 * | `observer` |  | Gets an event for the connection, or for its failure, for metrics and logs. |
 * | `signal` |  | Aborts connecting. |
 * | `caCerts` |  | Certificates in PEM to trust, in addition to the system's. |
 * | `cert` |  | The client's certificate chain in PEM, for servers that request one. |
 * | `key` |  | The private key of `cert` in PEM. |
 * | `alpnProtocols` | `["http/1.1"]` | The protocols to offer (ALPN, RFC 7301), the preferred one first. |
 * | `serverName` | `the URL's host` | The host name to send to the server (SNI) and to verify its certificate against. |
 * | `maxMessageBytes` | 16 MiB | The largest message, in bytes after decompression. |
 * | `maxStreamedMessageBytes` | none | The largest message that you read as a stream (`messages()`), in bytes after decompression. |
 * | `maxFragments` | 131 072 | The maximum number of frames of one message, including empty ones. |
 * | `maxEmptyFragments` | 128 | The maximum number of empty frames in a row within one message. |
 * | `messageTimeout` | 60 s | The longest time from the first frame of a message to its last, in milliseconds. |
 * | `handshakeTimeout` | 10 s | The longest time for the opening handshake, in milliseconds, from the new connection on and including TLS. |
 * | `maxHeaderBytes` | 16 KiB | The largest HTTP head of a request or a response, in bytes. |
 * | `maxHeaderCount` | 100 | The maximum number of header fields of an HTTP head. |
 * | `maxStartLineBytes` | 8 KiB | The longest request line or status line, in bytes. |
 * | `pingInterval` | 20 s | The time of silence from the peer after which a ping is sent, in milliseconds. |
 * | `pongTimeout` | 20 s | The time after a ping within which the peer has to send something, in milliseconds. |
 * | `closeTimeout` | 10 s | The longest time for the closing handshake, in milliseconds. |
 * | `highWaterMark` | 64 KiB | The queued bytes from which `send` waits, and the unread bytes from which reading pauses. |
 * | `maxQueuedBytes` | 64 MiB | The maximum number of bytes that may be queued for a peer that does not read. |
 * | `maxPingsPerSecond` | 1 000 | The maximum number of pings that a peer may send in one second. |
 * | `maxErrorBodyBytes` | 64 KiB | The maximum number of bytes that a client reads of the body of a refusal, for its error. |
 * | `maxRedirects` | 0 | The maximum number of redirects that a client follows in one handshake, all within `handshakeTimeout`. |
 *
 * @typeParam Data The type of `socket.data`.
 */
export interface ConnectOptions<Data = unknown> extends Partial<Limits>, TlsOptions {
  /** The subprotocols to offer, the preferred one first. */
  protocols?: string | readonly string[];
  /** Extensions to offer, such as your own. */
  extensions?: readonly Extension[];
  /** Whether to offer compression (RFC 7692). @default {false} */
  perMessageDeflate?: boolean | PerMessageDeflateOptions;
  /** More header fields for the request, such as `Cookie`. `Authorization` takes precedence over the URL's `user:password@`. */
  headers?: HeadersInit;
  /**
   * The proxy to connect through: its URL, or an object with header fields. `"env"` uses the proxy that the environment names:
   * `HTTPS_PROXY` for wss, `HTTP_PROXY` for ws, or `ALL_PROXY`, in upper or lower case, unless `NO_PROXY` lists the host.
   * Otherwise the environment is not read, because that needs `--allow-env`. Unix sockets never use a proxy.
   * @default {none}
   */
  proxy?: "env" | string | URL | ProxyOptions;
  /**
   * The path of a Unix socket to connect to. The URL still gives the host and the resource. Together with `conn`, `proxy` or a
   * `ws+unix:` URL it is a `TypeError`.
   */
  path?: string;
  /**
   * Your own connection to use: a `Deno.Conn` or a pair of byte streams. It then belongs to the WebSocket. Sluice uses neither a
   * proxy nor TLS on it, so `path`, `proxy` and the TLS options are a `TypeError` with it. It follows no redirect.
   */
  conn?: ByteConnection | BytePair;
  /** Your data for the connection, available as `socket.data`. */
  data?: Data;
  /**
   * Gets an event for the connection, or for its failure, for metrics and logs. `./telemetry` has some. By default nothing is
   * counted.
   */
  observer?: Observer;
  /** Aborts connecting. It has no effect once the connection is open. */
  signal?: AbortSignal;
}

/** The options of the class `WebSocket`: those of {@linkcode connect}. `signal` aborts the opening handshake only. */
export type WebSocketOptions = Omit<ConnectOptions, "data">;

/** The options of the class `WebSocketStream`: `protocols` and `signal` of the WHATWG draft, and those of {@linkcode connect}. */
export interface WebSocketStreamOptions extends Omit<ConnectOptions, "protocols" | "data"> {
  /** The subprotocols to offer, the preferred one first. @default {[]} */
  protocols?: readonly string[];
}

/** A value, or a function that returns a new one for each attempt, for example with a token that expires. */
export type Fresh<Value> = Value | (() => Value | Promise<Value>);

/** The options of `reconnecting`. */
export interface ReconnectingOptions<Data = unknown>
  extends Omit<ConnectOptions<Data>, "conn" | "headers">, ReconnectingHooks<Data>, Partial<ReconnectLimits> {
  /** More header fields for each request, such as `Authorization`, or a function that returns them for each attempt. */
  headers?: Fresh<HeadersInit>;
  /** The backoff. By default random delays of up to 5 s at first and at most 60 s. */
  delay?: Omit<ReconnectDelayOptions, "retryAfter">;
  /** Aborting it stops reconnecting and drops an open connection. Pending reads and sends reject with the signal's reason. */
  signal?: AbortSignal;
}

const TLS_OPTION_KINDS: OptionKinds<TlsOptions> = {
  caCerts: TEXTS,
  cert: TEXT,
  key: TEXT,
  alpnProtocols: TEXTS,
  serverName: TEXT,
};

/** The option `proxy`. */
export const PROXY_OPTION_KINDS: OptionKinds<ProxyOptions> = { url: required(URL_OR_TEXT), headers: HEADERS };

/** The options of `connect`. */
export const CONNECT_OPTION_KINDS: OptionKinds<ConnectOptions> = {
  ...LIMIT_KINDS,
  ...TLS_OPTION_KINDS,
  protocols: TEXT_OR_TEXTS,
  extensions: listOf("extensions", EXTENSION),
  perMessageDeflate: orObject(FLAG, bag(PER_MESSAGE_DEFLATE_OPTION_KINDS)),
  headers: HEADERS,
  proxy: orObject(URL_OR_TEXT, bag(PROXY_OPTION_KINDS)),
  path: NON_EMPTY_TEXT,
  conn: CONNECTION,
  data: ANYTHING,
  observer: OBSERVER,
  signal: SIGNAL,
};

/** The options of the class `WebSocket`. */
export const WEB_SOCKET_OPTION_KINDS: OptionKinds<WebSocketOptions> = without(CONNECT_OPTION_KINDS, "data");

/** The options of the class `WebSocketStream`. As in Web IDL, a list is any iterable. */
export const WEB_SOCKET_STREAM_OPTION_KINDS: OptionKinds<WebSocketStreamOptions> = {
  ...WEB_SOCKET_OPTION_KINDS,
  protocols: kind("a list of strings", isObject),
};

/** The options of `reconnecting`. */
export const RECONNECTING_OPTION_KINDS: OptionKinds<ReconnectingOptions> = {
  ...without(CONNECT_OPTION_KINDS, "conn"),
  ...RECONNECT_LIMIT_KINDS,
  headers: or(HEADERS, CALLBACK),
  delay: bag(without(RECONNECT_DELAY_OPTION_KINDS, "retryAfter")),
  onConnect: CALLBACK,
  onState: CALLBACK,
  shouldReconnect: CALLBACK,
};
