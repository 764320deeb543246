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

/** What an application answers to a request to open a connection. */
export interface UpgradeAnswer<Data = unknown> {
  /** The subprotocol, one of those requested. By default the first of `protocols` that the client requested too. */
  protocol?: string;
  /** Header fields of the answer, such as `Set-Cookie`. */
  headers?: HeadersInit;
  /** What the application keeps with the connection, as `socket.data`. */
  data?: Data;
}

/** Facts about a request that its head does not hold. */
export interface UpgradeInfo {
  /** The peer's address, where the transport has one; behind one of `proxies`, the client's, as the proxy says it. */
  readonly remoteAddr: Address | undefined;
  /** Our address, where the transport has one. */
  readonly localAddr: Address | undefined;
  /**
   * The extensions that were agreed on so far, in the order of the answer. A processor may be configured, and one that is taken
   * out is not answered.
   */
  readonly extensions: ExtensionProcessor[];
  /**
   * Aborted when the handshake's deadline passes or the peer is refused for another reason; for an ordinary request, when its client
   * has gone.
   */
  readonly signal: AbortSignal;
}

/** How a connection is accepted. */
export interface AcceptOptions<Data = unknown> extends Partial<Limits> {
  /** The subprotocol that this server speaks, or a list of them, the best first. */
  protocols?: string | readonly string[];
  /** Extensions, such as one of your own. */
  extensions?: readonly Extension[];
  /** Whether messages are compressed where the client can (RFC 7692). @default {false} */
  perMessageDeflate?: boolean | PerMessageDeflateOptions;
  /**
   * The origins that may connect. By default only the host's own, where an `Origin` is sent. The first refusal of each origin is
   * printed to the console, with the line that lets it in.
   */
  origins?: OriginPolicy;
  /**
   * Decides about a request: chooses the subprotocol, adds header fields, attaches data, or refuses with a `Response`. What it
   * throws refuses too: a `HandshakeError` with its status, anything else with 500.
   */
  upgrade?(
    request: UpgradeRequest,
    info: UpgradeInfo,
  ): UpgradeAnswer<Data> | Response | void | Promise<UpgradeAnswer<Data> | Response | void>;
  /**
   * The drafts before RFC 6455 that are spoken as well: `legacyDrafts()` of `./legacy`, which says what they lack and why no
   * server should speak them without need. None by default.
   */
  legacy?: LegacyDrafts;
  /** Whether the peer's connection is encrypted, which the URL then says. Known by itself for a `Deno.TlsConn`. */
  secure?: boolean;
  /**
   * The reverse proxies in front: IP addresses (`127.0.0.1`), ranges of them (`10.0.0.0/8`), or `unix` for peers with no IP
   * address. For a request that comes from one of these, `X-Forwarded-For` says the client's address (its last entry that is not
   * in the list) and `X-Forwarded-Proto` whether it is encrypted. From anybody else these fields count for nothing.
   */
  proxies?: readonly string[];
  /**
   * Whether binary messages are lent to callbacks: the bytes are theirs only until the callback returns, or first awaits, and are
   * then written over; in their `buffer` others' bytes stand around them. Sending them on from within is fine. No memory is
   * allocated for a message then, which makes large ones up to twice as fast. The other ways to read throw. With extensions, and
   * over a pair of streams, nothing is lent. @default {false}
   */
  lendPayloads?: boolean;
  /** What `socket.subscribe`, `unsubscribe` and `publish` are for: `createHub` of `./hub` makes one. */
  hub?: Topics;
  /** Gets every connection and every refusal, for metrics and logs; `./telemetry` has some. Nothing is counted without it. */
  observer?: Observer;
  /** Gives up the handshake. */
  signal?: AbortSignal;
}

/** What a server does with its connections. */
export interface GroupOptions<Data = unknown> extends AcceptOptions<Data>, Partial<ServerLimits> {
  /**
   * Answers ordinary requests on the same port, one at a time on each connection, which stays open for more. `request.signal` is
   * aborted when the client has gone. What it throws, and what is no `Response` in order, is answered with 500. By default ordinary
   * requests are answered with 426 Upgrade Required.
   */
  http?(request: Request, info: UpgradeInfo): Response | Promise<Response>;
  /**
   * Gets the errors on our side: what handlers and hooks throw, and what `accept` on the listener throws. By default it
   * is printed to the console.
   */
  onError?(error: unknown): unknown;
}

/** How a server stops. */
export interface ShutdownOptions {
  /** The close code that clients are given. @default {1001} */
  code?: number;
  /** The close reason. @default {""} */
  reason?: string;
  /** Milliseconds until what is left is dropped. @default {`closeTimeout`} */
  timeout?: number;
}

/** How a server listens and what it does. */
export interface ServeOptions<Data = unknown> extends GroupOptions<Data>, ListenOptions {
  /** A listener of your own instead. The server closes it. */
  listener?: Listener;
  /** Is called when the server listens. */
  onListen?(addr: Address): void;
  /** Shuts the server down. */
  signal?: AbortSignal;
}

/** `accept`, and every server. */
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

/** A server, whatever brings its connections. */
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
  path: TEXT,
  cert: TEXT,
  key: TEXT,
  certificate: CALLBACK,
  reusePort: FLAG,
  listener: like("a listener, as Deno.listen makes one", { methods: ["accept", "close"], optional: ["ref", "unref"] }),
  onListen: CALLBACK,
};

/** `server.shutdown`. Whether the code may be sent is judged where it is encoded. */
export const SHUTDOWN_OPTION_KINDS: OptionKinds<ShutdownOptions> = {
  code: whole({ least: 1000, most: 4999, infinite: false }),
  reason: TEXT,
  timeout: TIME,
};

/** What `upgrade` gives. */
export const UPGRADE_ANSWER_KINDS: OptionKinds<UpgradeAnswer> = { protocol: TEXT, headers: HEADERS, data: ANYTHING };
