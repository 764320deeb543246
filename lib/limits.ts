/**
 * Every limit, with its default, its unit and its reason. Sizes are in bytes, times in milliseconds.
 *
 * Limits on bytes alone are not enough: most security advisories of 2026 are about numbers of parts (fragments, pings, header
 * fields). Therefore parts are counted too.
 *
 * @module
 */
import { BYTES, COUNT, COUNT_OR_NONE, type Kind, type OptionKinds, TIME } from "./option_kinds.ts";

/**
 * The limits of one connection. Each is an option of `accept`, `connect` and `serve`. `Infinity` removes a limit; `0` also disables a
 * timeout.
 */
export interface Limits {
  /** The largest message, in bytes after decompression. A larger one closes the connection with code 1009. @default 16 MiB */
  maxMessageBytes: number;
  /**
   * The largest message that you read as a stream (`messages()`), in bytes after decompression. It applies instead of
   * `maxMessageBytes`. A larger one closes the connection with code 1009.
   * @default none
   */
  maxStreamedMessageBytes: number;
  /**
   * The maximum number of frames of one message, including empty ones. More close the connection with code 1008.
   * @default 131 072
   */
  maxFragments: number;
  /** The maximum number of empty frames in a row within one message. More close the connection with code 1008. @default 128 */
  maxEmptyFragments: number;
  /**
   * The longest time from the first frame of a message to its last, in milliseconds. A later end closes the connection with code
   * 1008. If the application is behind and reading pauses, the time starts anew after the pause, which happens at most once for a
   * message.
   * @default 60 s
   */
  messageTimeout: number;
  /**
   * The longest time for the opening handshake, in milliseconds, from the new connection on and including TLS. Incoming bytes do
   * not extend it. A server then refuses with 408; on a client, `connect` rejects.
   * @default 10 s
   */
  handshakeTimeout: number;
  /** The largest HTTP head of a request or a response, in bytes. A server refuses a larger one with 431. @default 16 KiB */
  maxHeaderBytes: number;
  /** The maximum number of header fields of an HTTP head. A server refuses more with 431. @default 100 */
  maxHeaderCount: number;
  /** The longest request line or status line, in bytes. A server refuses a longer request line with 414. @default 8 KiB */
  maxStartLineBytes: number;
  /** The time of silence from the peer after which a ping is sent, in milliseconds. @default 20 s */
  pingInterval: number;
  /**
   * The time after a ping within which the peer has to send something, in milliseconds. After it the connection is dropped, and
   * `closeCode` is 1006.
   * @default 20 s
   */
  pongTimeout: number;
  /** The longest time for the closing handshake, in milliseconds. After it the connection is dropped. @default 10 s */
  closeTimeout: number;
  /** The queued bytes from which `send` waits, and the unread bytes from which reading pauses. @default 64 KiB */
  highWaterMark: number;
  /**
   * The maximum number of bytes that may be queued for a peer that does not read. At this limit the connection is dropped. You
   * reach it only if you do not await `send`.
   * @default 64 MiB
   */
  maxQueuedBytes: number;
  /**
   * The maximum number of pings that a peer may send in one second. More close the connection with code 1008.
   * @default 1 000
   */
  maxPingsPerSecond: number;
  /**
   * The maximum number of bytes that a client reads of the body of a refusal, for its error. The rest is discarded.
   * @default 64 KiB
   */
  maxErrorBodyBytes: number;
  /**
   * The maximum number of redirects that a client follows in one handshake, all within `handshakeTimeout`. With 0, or at the
   * limit, `connect` rejects.
   * @default 0
   */
  maxRedirects: number;
}

/** The types of these limits. */
export const LIMIT_KINDS: OptionKinds<Limits> = {
  maxMessageBytes: BYTES,
  maxStreamedMessageBytes: BYTES,
  maxFragments: COUNT,
  maxEmptyFragments: COUNT_OR_NONE,
  messageTimeout: TIME,
  handshakeTimeout: TIME,
  maxHeaderBytes: BYTES,
  maxHeaderCount: COUNT,
  maxStartLineBytes: BYTES,
  pingInterval: TIME,
  pongTimeout: TIME,
  closeTimeout: TIME,
  highWaterMark: BYTES,
  maxQueuedBytes: BYTES,
  maxPingsPerSecond: COUNT,
  maxErrorBodyBytes: BYTES,
  maxRedirects: COUNT_OR_NONE,
};

/** The defaults, each with its reason. */
export const DEFAULT_LIMITS: Readonly<Limits> = Object.freeze({
  // Bun's default, and the largest message of the Autobahn suite (9.1.6). ws allows 100 MiB, uWebSockets 16 KiB.
  maxMessageBytes: 16 * 1024 * 1024,
  // None, because highWaterMark bounds the memory of such a message. Set it if the application stores the data.
  maxStreamedMessageBytes: Infinity,
  // The default of ws. Autobahn 9.3.1 sends 4 MiB in 65 537 fragments: 65 536 of 64 bytes, and an empty one. Fragments are copied
  // into one buffer, so none of them keeps an object alive (CVE-2026-48779, CVE-2026-12151).
  maxFragments: 131_072,
  // Empty fragments cost the sender two to six bytes each and make no progress (ws#2329). A real sender uses one or two.
  maxEmptyFragments: 128,
  // An unfinished message keeps its buffer allocated. For the largest message, a minute means 2.2 Mbit/s.
  messageTimeout: 60_000,
  // coder/websocket, uWebSockets and Python websockets use ten seconds too.
  handshakeTimeout: 10_000,
  // The default of node:http. Deno's own server allows 64 KiB.
  maxHeaderBytes: 16 * 1024,
  // The default of Apache. aiohttp and Python websockets allow 128.
  maxHeaderCount: 100,
  // Close to Apache's 8190, which Python websockets and h11 use too.
  maxStartLineBytes: 8 * 1024,
  // The defaults of Python websockets, shorter than the idle timeouts of common proxies (nginx 60 s, AWS 60 s).
  pingInterval: 20_000,
  pongTimeout: 20_000,
  // The default of Python websockets. ws waits 30 s, coder/websocket 5 s.
  closeTimeout: 10_000,
  // One write of this size fills the first window of a loopback socket. More only costs memory.
  highWaterMark: 64 * 1024,
  // NATS disconnects a slow consumer at 64 MiB, Redis at 32 MB. It is room for four of the largest messages.
  maxQueuedBytes: 64 * 1024 * 1024,
  // A pong costs more than a ping. Autobahn sends ten in a row; no client needs a thousand.
  maxPingsPerSecond: 1_000,
  // Enough for an error page.
  maxErrorBodyBytes: 64 * 1024,
  // Browsers (WHATWG), ws and gorilla follow none, because only the application can judge where a redirect may lead.
  maxRedirects: 0,
});

/**
 * The maximum number of pings of one connection that may wait for their pongs. A peer that sends data but no pongs is alive, so
 * without a limit they would grow forever; beyond it the oldest is discarded. With the default `pingInterval` that takes five
 * and a half hours.
 */
export const MAX_PENDING_PINGS: number = 1_000;

/** The limits of a server. Each is an option of `serve`. */
export interface ServerLimits {
  /** The maximum number of connections at a time, including handshakes. More are refused with 503. @default 65 536 */
  maxConnections: number;
  /**
   * The maximum number of connections at a time from one IP address, including handshakes. More are refused with 429.
   * @default none
   */
  maxConnectionsPerAddress: number;
  /**
   * The longest time for each 64 KiB of a body over HTTP, in milliseconds, whether the client sends a request's body or reads a
   * response's. The time of your handler does not count. A slow request gets 408; a slow reader is disconnected.
   * @default 30 s
   */
  bodyTimeout: number;
  /**
   * The longest time that a connection may wait for its next ordinary request, in milliseconds. After it the connection is
   * closed.
   * @default 5 s
   */
  keepAliveTimeout: number;
}

/** The types of these limits. */
export const SERVER_LIMIT_KINDS: OptionKinds<ServerLimits> = {
  maxConnections: COUNT,
  maxConnectionsPerAddress: COUNT,
  bodyTimeout: TIME,
  keepAliveTimeout: TIME,
};

/** A server's defaults. */
export const DEFAULT_SERVER_LIMITS: Readonly<ServerLimits> = Object.freeze({
  // About 1 GB of memory if all are idle. The operating system's limit on open files is usually lower, often 1024.
  maxConnections: 65_536,
  // None, because behind a proxy every client has the proxy's address. Set it if clients connect directly, or with `proxies`.
  maxConnectionsPerAddress: Infinity,
  // 64 KiB in half a minute are 2.2 KB/s. Apache's mod_reqtimeout requires 500 bytes per second after 20 s.
  bodyTimeout: 30_000,
  // The default of node:http and Apache. Behind a proxy that keeps connections longer (nginx and AWS 60 s), set it higher.
  keepAliveTimeout: 5_000,
});

/**
 * Checks given limits of a server and fills in the defaults.
 *
 * @param given Options that may carry limits.
 * @returns All limits of a server; a time without a limit is 0.
 * @throws {RangeError} If a limit is not a whole number, or is too small, or a time is longer than a timer can wait.
 */
export function resolveServerLimits(given: Partial<ServerLimits> = {}): ServerLimits {
  return resolve(SERVER_LIMIT_KINDS, DEFAULT_SERVER_LIMITS, given);
}

/** The limits of a client that reconnects. Each is an option of `reconnecting`. */
export interface ReconnectLimits {
  /** The maximum number of attempts in a row that may fail. After them the client gives up. @default none */
  maxAttempts: number;
  /**
   * The time that a connection must last to count as a success, in milliseconds. A message makes it a success at once. A shorter
   * connection counts as a failed attempt.
   * @default 5 s
   */
  stableInterval: number;
  /**
   * The maximum number of bytes of messages that may wait for a connection. A `send` that does not fit rejects with a
   * `LimitError`.
   * @default 8 MiB
   */
  maxOutboxBytes: number;
  /**
   * The maximum number of messages that may wait for a connection. A `send` beyond it rejects with a `LimitError`.
   * @default 10 000
   */
  maxOutboxMessages: number;
}

/** The types of these limits. */
export const RECONNECT_LIMIT_KINDS: OptionKinds<ReconnectLimits> = {
  maxAttempts: COUNT,
  stableInterval: TIME,
  maxOutboxBytes: BYTES,
  maxOutboxMessages: COUNT,
};

/** The defaults of a client that reconnects. */
export const DEFAULT_RECONNECT_LIMITS: Readonly<ReconnectLimits> = Object.freeze({
  // None, because one attempt per minute costs next to nothing, and a server may be down for a night.
  maxAttempts: Infinity,
  // Prevents hammering a server that accepts and then drops connections. It equals the longest first delay.
  stableInterval: 5_000,
  // The default of the NATS client.
  maxOutboxBytes: 8 * 1024 * 1024,
  // An entry costs about 200 bytes besides its message, so 2 MB in all.
  maxOutboxMessages: 10_000,
});

/**
 * Checks given limits of a client that reconnects and fills in the defaults.
 *
 * @param given Options that may carry limits.
 * @returns All of these limits; a time without a limit is 0.
 * @throws {RangeError} If a limit is not a whole number, is too small, or is a time longer than a timer can wait.
 */
export function resolveReconnectLimits(given: Partial<ReconnectLimits> = {}): ReconnectLimits {
  return resolve(RECONNECT_LIMIT_KINDS, DEFAULT_RECONNECT_LIMITS, given);
}

/** The limits of a hub. Each is an option of `createHub`. */
export interface HubLimits {
  /**
   * The maximum number of topics and patterns that one connection may subscribe to. A client that asks for more is closed with
   * code 1008.
   * @default 1 000
   */
  maxTopicsPerConnection: number;
  /** The longest name of a topic, in bytes of UTF-8. A client that sends a longer one is closed with code 1008. @default 1 KiB */
  maxTopicBytes: number;
  /**
   * The maximum number of bytes that may be queued for a subscriber that does not read. At this limit, `slowPolicy` decides:
   * the subscriber is disconnected, or messages are discarded.
   * @default 1 MiB
   */
  maxBacklogBytes: number;
}

/** The types of these limits. */
export const HUB_LIMIT_KINDS: OptionKinds<HubLimits> = {
  maxTopicsPerConnection: COUNT,
  maxTopicBytes: BYTES,
  maxBacklogBytes: BYTES,
};

/** A hub's defaults. */
export const DEFAULT_HUB_LIMITS: Readonly<HubLimits> = Object.freeze({
  // A subscription takes about 100 bytes, and a client may choose their number.
  maxTopicsPerConnection: 1_000,
  // More than any sensible name, and short enough for NATS, whose protocol lines hold 4096 bytes.
  maxTopicBytes: 1_024,
  // One minute at 17 KB/s. A thousand stalled subscribers cost at most 1 GiB. Bun discards at 16 MiB, uWebSockets at 64 KiB.
  maxBacklogBytes: 1024 * 1024,
});

/**
 * Checks given limits of a hub and fills in the defaults.
 *
 * @param given Options that may carry limits.
 * @returns All limits of a hub.
 * @throws {RangeError} If a limit is not a whole number of 1 or more, or `Infinity`.
 */
export function resolveHubLimits(given: Partial<HubLimits> = {}): HubLimits {
  return resolve(HUB_LIMIT_KINDS, DEFAULT_HUB_LIMITS, given);
}

/** The limits of JSON messages. Each is an option of `json` and `requests`. */
export interface JsonLimits {
  /**
   * The deepest nesting of arrays and objects in one message. A deeper message closes the connection with 1008 and a
   * `LimitError`.
   * @default 64
   */
  maxDepth: number;
}

/** The types of these limits. */
export const JSON_LIMIT_KINDS: OptionKinds<JsonLimits> = { maxDepth: COUNT };

/** The defaults for JSON messages. */
export const DEFAULT_JSON_LIMITS: Readonly<JsonLimits> = Object.freeze({
  // .NET's figure. A byte of `[[[[` becomes an object of 32 bytes and more, and code that recurses into it overflows the stack.
  maxDepth: 64,
});

/**
 * Checks given limits of JSON messages and fills in the defaults.
 *
 * @param given Options that may carry limits.
 * @returns All of these limits.
 * @throws {RangeError} If a limit is not a whole number of 1 or more, or `Infinity`.
 */
export function resolveJsonLimits(given: Partial<JsonLimits> = {}): JsonLimits {
  return resolve(JSON_LIMIT_KINDS, DEFAULT_JSON_LIMITS, given);
}

/** The limits of requests and answers. Each is an option of `requests`. */
export interface RequestLimits {
  /**
   * The maximum number of requests that may wait for their answers. A request beyond it rejects with a `LimitError`.
   * @default 1 000
   */
  maxPendingRequests: number;
  /** The maximum number of requests of the peer that may be in progress. A request beyond it gets an error. @default 100 */
  maxRunningRequests: number;
  /** The longest time that a request waits for its answer, in milliseconds. After it the request rejects. @default 10 s */
  requestTimeout: number;
}

/** The types of these limits. */
export const REQUEST_LIMIT_KINDS: OptionKinds<RequestLimits> = {
  maxPendingRequests: COUNT,
  maxRunningRequests: COUNT,
  requestTimeout: TIME,
};

/** The defaults of requests and answers. */
export const DEFAULT_REQUEST_LIMITS: Readonly<RequestLimits> = Object.freeze({
  // An entry costs about 500 bytes and a timer. More that wait are a peer that does not answer.
  maxPendingRequests: 1_000,
  // The streams that HTTP/2 recommends as the least (RFC 9113 §6.5.2). The peer chooses how much work there is at a time.
  maxRunningRequests: 100,
  // Shorter than any proxy's idle timeout, longer than a slow query.
  requestTimeout: 10_000,
});

/**
 * Checks given limits of requests and answers and fills in the defaults.
 *
 * @param given Options that may carry limits.
 * @returns All of these limits; a time without a limit is 0.
 * @throws {RangeError} If a limit is not a whole number, is too small, or is a time longer than a timer can wait.
 */
export function resolveRequestLimits(given: Partial<RequestLimits> = {}): RequestLimits {
  return resolve(REQUEST_LIMIT_KINDS, DEFAULT_REQUEST_LIMITS, given);
}

/** The limits of a hub with recovery, besides those of a hub. Each is an option of `createRecoverableHub`. */
export interface RecoveryLimits {
  /**
   * The maximum number of bytes of messages that are held in memory for clients that catch up, for all topics together.
   * Messages that do not fit are read from the log again for the next client.
   * @default 32 MiB
   */
  maxCatchUpBytes: number;
}

/** The types of these limits. */
export const RECOVERY_LIMIT_KINDS: OptionKinds<RecoveryLimits> = { maxCatchUpBytes: BYTES };

/** The defaults of a hub with recovery. */
export const DEFAULT_RECOVERY_LIMITS: Readonly<RecoveryLimits> = Object.freeze({
  // A second of a few busy topics.
  maxCatchUpBytes: 32 * 1024 * 1024,
});

/**
 * Checks given limits of a hub with recovery and fills in the defaults.
 *
 * @param given Options that may carry limits.
 * @returns All of these limits.
 * @throws {RangeError} If a limit is not a whole number of 1 or more, or `Infinity`.
 */
export function resolveRecoveryLimits(given: Partial<RecoveryLimits> = {}): RecoveryLimits {
  return resolve(RECOVERY_LIMIT_KINDS, DEFAULT_RECOVERY_LIMITS, given);
}

/** The caps of presence. Every one is an option of `createPresence`. */
export interface PresenceLimits {
  /**
   * The maximum number of members of one topic, on all servers together. One more that joins gets a `LimitError` with the close
   * code 1013. Servers that let members in at the same moment may exceed it.
   * @default 1 000
   */
  maxMembers: number;
  /**
   * The maximum number of bytes of one member: its data as JSON, and its id, in UTF-8. More is refused with a `LimitError` with
   * the close code 1009.
   * @default 4 KiB
   */
  maxDataBytes: number;
}

/** What each of them takes. */
export const PRESENCE_LIMIT_KINDS: OptionKinds<PresenceLimits> = { maxMembers: COUNT, maxDataBytes: BYTES };

/** The defaults of presence. */
export const DEFAULT_PRESENCE_LIMITS: Readonly<PresenceLimits> = Object.freeze({
  // Every change goes to every member, and a member that joins gets the whole list.
  maxMembers: 1_000,
  // A name, a picture's URL and a state. With `maxMembers` it bounds a topic to 4 MB on each server.
  maxDataBytes: 4 * 1024,
});

/**
 * Checks given limits of presence and fills in the defaults.
 *
 * @param given Options that may carry limits.
 * @returns All of these limits.
 * @throws {RangeError} If a limit is not a whole number of 1 or more, or `Infinity`.
 */
export function resolvePresenceLimits(given: Partial<PresenceLimits> = {}): PresenceLimits {
  return resolve(PRESENCE_LIMIT_KINDS, DEFAULT_PRESENCE_LIMITS, given);
}

/** UTF-16 units of a string: V8 has no longer ones (`String::kMaxLength`). A text that needs more can be read in parts only. */
export const LONGEST_STRING: number = 2 ** 29 - 24;

/**
 * Checks given limits and fills in the defaults.
 *
 * @param given Options that may carry limits.
 * @returns All limits; a time without a limit is 0.
 * @throws {RangeError} If a limit is not a whole number, is too small, or is a time longer than a timer can wait.
 */
export function resolveLimits(given: Partial<Limits> = {}): Limits {
  return resolve(LIMIT_KINDS, DEFAULT_LIMITS, given);
}

/** The limits of a broker. Each is an option of `natsBroker`, `redisBroker` and `broadcastBroker`. */
export interface BrokerLimits {
  /** The maximum number of messages that may wait for the broker. Beyond it the oldest are discarded. @default 65 536 */
  maxQueuedMessages: number;
  /**
   * The maximum number of bytes of messages that may wait for the broker. Beyond it the oldest are discarded.
   * @default 8 MiB
   */
  maxQueuedBytes: number;
  /**
   * The largest message that goes through the broker, in bytes: its data, its topic and 28 bytes of overhead. A larger one
   * reaches local subscribers only, and counts as lost.
   * @default 1 MiB
   */
  maxMessageBytes: number;
  /** The time between pings of the broker, in milliseconds. @default 20 s */
  pingInterval: number;
  /**
   * The longest time that the broker may take to answer, in milliseconds: to connect, to a ping, and to each write. After it the
   * hub reconnects.
   * @default 10 s
   */
  pongTimeout: number;
}

/** The types of these limits. */
export const BROKER_LIMIT_KINDS: OptionKinds<BrokerLimits> = {
  maxQueuedMessages: COUNT,
  maxQueuedBytes: BYTES,
  maxMessageBytes: BYTES,
  pingInterval: TIME,
  pongTimeout: TIME,
};

/** A broker's defaults. */
export const DEFAULT_BROKER_LIMITS: Readonly<BrokerLimits> = Object.freeze({
  // Messages of 128 bytes reach both limits together.
  maxQueuedMessages: 65_536,
  // The default of NATS' client for Go while it is disconnected.
  maxQueuedBytes: 8 * 1024 * 1024,
  // NATS' default for `max_payload`. Redis allows 512 MB.
  maxMessageBytes: 1024 * 1024,
  // Detects a broker that vanished within half a minute. NATS' own clients ping every two minutes.
  pingInterval: 20_000,
  // A broker normally answers within milliseconds.
  pongTimeout: 10_000,
});

/**
 * Checks given limits of a broker and fills in the defaults.
 *
 * @param given Options that may carry limits.
 * @returns All limits of a broker; a time without a limit is 0.
 * @throws {RangeError} If a limit is not a whole number, is too small, or is a time longer than a timer can wait.
 */
export function resolveBrokerLimits(given: Partial<BrokerLimits> = {}): BrokerLimits {
  return resolve(BROKER_LIMIT_KINDS, DEFAULT_BROKER_LIMITS, given);
}

function resolve<Name extends string>(
  kinds: Readonly<Record<Name, Kind>>,
  defaults: Readonly<Record<Name, number>>,
  given: Partial<Record<Name, number>>,
): Record<Name, number> {
  const limits: Record<Name, number> = { ...defaults };
  for (const name in kinds) {
    const value = given[name];
    if (value === undefined) continue;
    kinds[name].check(value, name);
    limits[name] = kinds[name] === TIME && value === Infinity ? 0 : value;
  }
  return limits;
}
