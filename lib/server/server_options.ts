/**
 * The options of servers, and what each takes.
 *
 * @module
 */
import { EXTENSION, type Extension, type ExtensionProcessor } from "../extensions/extension.ts";
import {
  PER_MESSAGE_DEFLATE_OPTION_KINDS,
  type PerMessageDeflateOptions,
} from "../extensions/permessage_deflate/permessage_deflate.ts";
import { type OriginPolicy, ORIGINS } from "../handshake/origin.ts";
import { LIMIT_KINDS, type Limits, SERVER_LIMIT_KINDS, type ServerLimits } from "../limits.ts";
import {
  ANYTHING,
  CALLBACK,
  FLAG,
  HEADERS,
  like,
  listOf,
  NON_EMPTY_TEXT,
  type OptionKinds,
  orObject,
  PORT,
  SIGNAL,
  TEXT,
  TEXT_OR_TEXTS,
  TEXTS,
  TIME,
  whole,
} from "../option_kinds.ts";
import { bag } from "../options.ts";
import { OBSERVER, type Observer } from "../connection/watch/observer.ts";
import { HUB, type Topics } from "../connection/topics.ts";
import type { Address } from "../transport/transport.ts";
import type { LegacyDrafts } from "../handshake/legacy_request.ts";
import type { Listener, ListenOptions } from "./listen.ts";
import type { UpgradeRequest } from "../handshake/server_handshake.ts";

/** The result of `upgrade` for a request that is accepted. */
export interface UpgradeAnswer<Data = unknown> {
  /** The subprotocol, one that the client offered. By default the first of `protocols` that the client offered. */
  protocol?: string;
  /** Header fields for the response, such as `Set-Cookie`. */
  headers?: HeadersInit;
  /** Your data for the connection, available as `socket.data`. */
  data?: Data;
}

/** Information about a request that is not in its head. */
export interface UpgradeInfo {
  /** The client's address, if the transport has one. Behind one of `proxies`, the address that the proxy names. */
  readonly remoteAddr: Address | undefined;
  /** The local address, if the transport has one. */
  readonly localAddr: Address | undefined;
  /**
   * The processors of the negotiated extensions, in the order of the response. You can configure a processor, or remove it to
   * refuse its extension.
   */
  readonly extensions: ExtensionProcessor[];
  /**
   * Aborted when `handshakeTimeout` passes or the request is refused for another reason. For an ordinary request, aborted when
   * the client disconnects.
   */
  readonly signal: AbortSignal;
}

/**
 * The options of `accept` and of every server.
 *
 * @typeParam Data The type of `socket.data`.
 */
export interface AcceptOptions<Data = unknown> extends Partial<Limits> {
  /** The subprotocols that the server speaks, the preferred one first. The first that the client also offers is chosen. */
  protocols?: string | readonly string[];
  /** Extensions to accept, such as your own. */
  extensions?: readonly Extension[];
  /** Whether to compress messages if the client supports it (RFC 7692). @default {false} */
  perMessageDeflate?: boolean | PerMessageDeflateOptions;
  /**
   * The origins that may connect. By default only pages from the server's own host, and requests without `Origin`. Other origins
   * get 403. The first refusal of each origin prints a line to the console that tells how to allow it.
   */
  origins?: OriginPolicy;
  /**
   * Decides about a request before the connection opens. Return an object to choose the subprotocol, add header fields or attach
   * data; return a `Response` to refuse. Throwing also refuses: a `HandshakeError` with its status, any other error with 500.
   * Returning nothing accepts the request, so do not forget the `return` before a refusal. By default every request is accepted.
   */
  upgrade?(
    request: UpgradeRequest,
    info: UpgradeInfo,
  ): UpgradeAnswer<Data> | Response | void | Promise<UpgradeAnswer<Data> | Response | void>;
  /**
   * The drafts before RFC 6455 to speak as well, made by `legacyDrafts()` of `./legacy`. They lack protections of RFC 6455, so
   * use them only if you must. By default none.
   */
  legacy?: LegacyDrafts;
  /** Whether the client's connection is encrypted, for the scheme of the URL. By default Sluice looks at the connection. */
  secure?: boolean;
  /**
   * The reverse proxies in front of the server: IP addresses (`127.0.0.1`), ranges (`10.0.0.0/8`), or `unix` for peers without an
   * IP address. For a request from one of them, `X-Forwarded-For` gives the client's address (its last entry that is not in the
   * list), and `X-Forwarded-Proto` tells whether the connection is encrypted. From other addresses these fields are ignored.
   */
  proxies?: readonly string[];
  /**
   * Whether to pass binary messages to callbacks as views of a reused buffer. The bytes are valid only until the callback returns
   * or first awaits. Do not read `data.buffer`: it contains other messages. You may send the bytes from within the callback.
   * Large messages get up to twice as fast, because no memory is allocated for them. Other ways to read throw. With extensions,
   * and over a pair of streams, messages are copied as usual.
   * @default {false}
   */
  lendPayloads?: boolean;
  /** The hub for `socket.subscribe`, `unsubscribe` and `publish`. Create it with `createHub` of `./hub`. */
  hub?: Topics;
  /**
   * Gets an event for each connection and each refusal, for metrics and logs. `./telemetry` creates observers. By default nothing is
   * counted.
   */
  observer?: Observer;
  /** Aborts the handshake. */
  signal?: AbortSignal;
}

/**
 * The options of `serve`, and, except for `http`, of `serveNode`.
 *
 * @typeParam Data The type of `socket.data`.
 */
export interface GroupOptions<Data = unknown> extends AcceptOptions<Data>, Partial<ServerLimits> {
  /**
   * Answers ordinary requests on the same port, one at a time on each connection, with keep-alive. `request.signal` is aborted
   * when the client disconnects. If it throws, or returns an invalid response, the client gets 500. By default ordinary requests
   * get 426 Upgrade Required.
   */
  http?(request: Request, info: UpgradeInfo): Response | Promise<Response>;
  /**
   * Gets errors that handlers and hooks throw, and errors of the listener's `accept`. By default they are printed to the console.
   */
  onError?(error: unknown): unknown;
}

/** The options of `server.shutdown`. */
export interface ShutdownOptions {
  /** The close code for clients. @default {1001} */
  code?: number;
  /** The close reason. @default {""} */
  reason?: string;
  /** Milliseconds after which the remaining connections are dropped. @default {closeTimeout} */
  timeout?: number;
}

/**
 * The options of `serve`: all of them, with those of the interfaces that it extends.
 *
 * | option | default | meaning |
 * | --- | --- | --- |
 * | `port` | `8000` | The port to listen on; 0 picks a free one. |
 * | `hostname` | `"0.0.0.0"` | The address to listen on. |
 * | `path` |  | The path of a Unix socket to listen on, with neither a port nor TLS. |
 * | `cert` |  | The certificate chain in PEM, for TLS. |
 * | `key` |  | The private key in PEM, for TLS. |
 * | `certificate` |  | Returns the certificate for each TLS handshake, instead of `cert` and `key`. |
 * | `reusePort` | `false` | Whether several processes may listen on the same port (Linux, `--unstable-net`). |
 * | `listener` |  | Your own listener, instead of a port. |
 * | `onListen` |  | Called when the server listens. |
 * | `http` |  | Answers ordinary requests on the same port, one at a time on each connection, with keep-alive. |
 * | `onError` |  | Gets errors that handlers and hooks throw, and errors of the listener's `accept`. |
 * | `protocols` |  | The subprotocols that the server speaks, the preferred one first. |
 * | `extensions` |  | Extensions to accept, such as your own. |
 * | `perMessageDeflate` | `false` | Whether to compress messages if the client supports it (RFC 7692). |
 * | `origins` |  | The origins that may connect. |
 * | `upgrade` |  | Decides about a request before the connection opens. |
 * | `legacy` |  | The drafts before RFC 6455 to speak as well, made by `legacyDrafts()` of `./legacy`. |
 * | `secure` |  | Whether the client's connection is encrypted, for the scheme of the URL. |
 * | `proxies` |  | The reverse proxies in front of the server: IP addresses (`127.0.0.1`), ranges (`10.0.0.0/8`), or `unix` for peers without an IP address. |
 * | `lendPayloads` | `false` | Whether to pass binary messages to callbacks as views of a reused buffer. |
 * | `hub` |  | The hub for `socket.subscribe`, `unsubscribe` and `publish`. |
 * | `observer` |  | Gets an event for each connection and each refusal, for metrics and logs. |
 * | `signal` |  | Shuts the server down when aborted. |
 * | `maxConnections` | 65 536 | The maximum number of connections at a time, including handshakes. |
 * | `maxConnectionsPerAddress` | none | The maximum number of connections at a time from one IP address, including handshakes. |
 * | `bodyTimeout` | 30 s | The longest time for each 64 KiB of a body over HTTP, in milliseconds, whether the client sends a request's body or reads a response's. |
 * | `keepAliveTimeout` | 5 s | The longest time that a connection may wait for its next ordinary request, in milliseconds. |
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
 *
 * @typeParam Data The type of `socket.data`.
 */
export interface ServeOptions<Data = unknown> extends GroupOptions<Data>, ListenOptions {
  /** Your own listener, instead of a port. The server closes it. */
  listener?: Listener;
  /** Called when the server listens. By default nothing is printed. */
  onListen?(addr: Address): void;
  /** Shuts the server down when aborted. */
  signal?: AbortSignal;
}

/** The options of `accept` and of every server. */
export const ACCEPT_OPTION_KINDS: OptionKinds<AcceptOptions> = {
  ...LIMIT_KINDS,
  protocols: TEXT_OR_TEXTS,
  extensions: listOf("extensions", EXTENSION),
  perMessageDeflate: orObject(FLAG, bag(PER_MESSAGE_DEFLATE_OPTION_KINDS)),
  origins: ORIGINS,
  upgrade: CALLBACK,
  legacy: like("what legacyDrafts of ./legacy makes", { methods: ["read"] }),
  secure: FLAG,
  proxies: TEXTS,
  lendPayloads: FLAG,
  hub: HUB,
  observer: OBSERVER,
  signal: SIGNAL,
};

/** The options of every server, over any transport. */
export const GROUP_OPTION_KINDS: OptionKinds<GroupOptions> = {
  ...ACCEPT_OPTION_KINDS,
  ...SERVER_LIMIT_KINDS,
  http: CALLBACK,
  onError: CALLBACK,
};

/** `serve`. */
export const SERVE_OPTION_KINDS: OptionKinds<ServeOptions> = {
  ...GROUP_OPTION_KINDS,
  port: PORT,
  hostname: TEXT,
  path: NON_EMPTY_TEXT,
  cert: TEXT,
  key: TEXT,
  certificate: CALLBACK,
  reusePort: FLAG,
  listener: like("a listener, as Deno.listen makes one", { methods: ["accept", "close"], optional: ["ref", "unref"] }),
  onListen: CALLBACK,
};

/** `server.shutdown`. The code is checked when it is encoded. */
export const SHUTDOWN_OPTION_KINDS: OptionKinds<ShutdownOptions> = {
  code: whole({ least: 1000, most: 4999, infinite: false }),
  reason: TEXT,
  timeout: TIME,
};

/** The result of `upgrade`. */
export const UPGRADE_ANSWER_KINDS: OptionKinds<UpgradeAnswer> = { protocol: TEXT, headers: HEADERS, data: ANYTHING };
