/**
 * Every cap, with its default, its unit and its reason. Sizes are bytes, times are milliseconds.
 *
 * A limit on bytes alone is no limit: most advisories of 2026 grow with count (fragments, pings, header fields), so
 * parts are counted as well.
 *
 * @module
 */
import { BYTES, COUNT, COUNT_OR_NONE, type Kind, type OptionKinds, TIME } from "./option_kinds.ts";

/**
 * The caps of one connection. Every one is an option of `accept`, `connect` and `serve`. `Infinity` lifts a cap; for a time, so
 * does `0`.
 */
export interface Limits {
  /** Bytes of one message, after decompression. */
  maxMessageBytes: number;
  /** Bytes of one message, after decompression, where it is read as a stream: then this stands in place of `maxMessageBytes`. */
  maxStreamedMessageBytes: number;
  /** Frames of one message, empty ones included. */
  maxFragments: number;
  /** Empty frames in a row within one message. */
  maxEmptyFragments: number;
  /** Milliseconds from the first frame of a message to its last. */
  messageTimeout: number;
  /** Milliseconds from the connection to the end of the opening handshake, TLS included. Absolute: bytes do not reset it. */
  handshakeTimeout: number;
  /** Bytes of an HTTP head, request or response. */
  maxHeaderBytes: number;
  /** Header fields of an HTTP head. */
  maxHeaderCount: number;
  /** Bytes of the request line or status line. */
  maxStartLineBytes: number;
  /** Milliseconds of silence from the peer before a ping is sent. */
  pingInterval: number;
  /** Milliseconds that a ping waits for any byte of the peer. */
  pongTimeout: number;
  /** Milliseconds that a closing handshake may take. */
  closeTimeout: number;
  /** Bytes queued out at which `send` starts to wait. */
  highWaterMark: number;
  /** Bytes queued out at which a peer that does not read is disconnected. Reached only where `send` is not awaited. */
  maxQueuedBytes: number;
  /** Pings that a peer may send in one second. */
  maxPingsPerSecond: number;
  /** Bytes of a refused response's body that the client reads for its error. */
  maxErrorBodyBytes: number;
  /** Redirects that the client follows in one handshake, all within `handshakeTimeout`. 0: none. */
  maxRedirects: number;
}

/** What each of them takes. */
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

/** The defaults. The reason of each stands beside it. */
export const DEFAULT_LIMITS: Readonly<Limits> = Object.freeze({
  // Bun's default, and the largest that the Autobahn suite needs (9.1.6); ws takes 100 MiB, uWebSockets 16 KiB.
  maxMessageBytes: 16 * 1024 * 1024,
  // None: what is held of such a message is bounded by highWaterMark, whatever its size. Set it where the application stores
  // what comes.
  maxStreamedMessageBytes: Infinity,
  // The figure of ws. Autobahn 9.3.1 sends 4 MiB in 65 537 fragments: 65 536 of 64 bytes, and an empty one. Fragments are copied into
  // one buffer, so a fragment costs its bytes and a little time, never an object that lives on (CVE-2026-48779, CVE-2026-12151).
  maxFragments: 131_072,
  // Empty fragments cost the sender two to six bytes each and move nothing (ws#2329). A real sender uses one or two.
  maxEmptyFragments: 128,
  // A message that is never finished holds its buffer. A minute is 2.2 Mbit/s at the largest message.
  messageTimeout: 60_000,
  // coder, uWebSockets and Python websockets agree on ten seconds.
  handshakeTimeout: 10_000,
  // node:http's figure. Deno's own takes 64 KiB.
  maxHeaderBytes: 16 * 1024,
  // aiohttp and Python websockets take 128, Apache 100.
  maxHeaderCount: 100,
  // Python websockets and h11 agree with Apache's 8190.
  maxStartLineBytes: 8 * 1024,
  // Python websockets' figures: short of every common proxy's idle timeout (nginx 60 s, AWS 60 s).
  pingInterval: 20_000,
  pongTimeout: 20_000,
  // Python websockets' figure; ws takes 30 s, coder 5 s.
  closeTimeout: 10_000,
  // One write of this size fills a loopback socket's first window; more only adds memory.
  highWaterMark: 64 * 1024,
  // NATS cuts a slow consumer at 64 MiB, Redis at 32 MB. Four of the largest messages.
  maxQueuedBytes: 64 * 1024 * 1024,
  // A pong costs more than the ping that asks for it. Autobahn sends ten in a row; no client needs a thousand.
  maxPingsPerSecond: 1_000,
  // Enough for an error page.
  maxErrorBodyBytes: 64 * 1024,
  // A browser's WebSocket follows none (WHATWG), and neither do ws and gorilla: where they lead is for the application to judge.
  maxRedirects: 0,
});

/**
 * Pings of ours that wait for their pongs, on one connection. A peer that sends data and no pong is alive, and would have them grow
 * for ever: the oldest one is given up. With the default of keepalive they are those of five and a half hours.
 */
export const MAX_PENDING_PINGS: number = 1_000;

/** The caps of a server. Every one is an option of `serve`. */
export interface ServerLimits {
  /** Connections at a time, handshakes included. */
  maxConnections: number;
  /** Connections at a time from one IP address, handshakes included. */
  maxConnectionsPerAddress: number;
  /**
   * Milliseconds for each 64 KiB of a body with `http`: the client is waited for no longer than that, whether it sends the body of a
   * request or reads that of an answer. What the handler takes does not count.
   */
  bodyTimeout: number;
  /** Milliseconds that a connection may wait for its next ordinary request. */
  keepAliveTimeout: number;
}

/** What each of them takes. */
export const SERVER_LIMIT_KINDS: OptionKinds<ServerLimits> = {
  maxConnections: COUNT,
  maxConnectionsPerAddress: COUNT,
  bodyTimeout: TIME,
  keepAliveTimeout: TIME,
};

/** A server's defaults. */
export const DEFAULT_SERVER_LIMITS: Readonly<ServerLimits> = Object.freeze({
  // About 1 GB of memory when all are idle. The operating system's limit on open files, often 1024, comes before it.
  maxConnections: 65_536,
  // None: behind a proxy every client has the proxy's address. Set it where clients connect directly or `proxies` names the proxy.
  maxConnectionsPerAddress: Infinity,
  // 64 KiB in half a minute are 2.2 KB/s. Apache's mod_reqtimeout asks for 500 bytes a second after 20 s.
  bodyTimeout: 30_000,
  // node:http's and Apache's figure. Behind a proxy that keeps connections longer (nginx and AWS 60 s), set it above the proxy's.
  keepAliveTimeout: 5_000,
});

/**
 * Checks given limits of a server and fills in the defaults.
 *
 * @param given Options that may carry limits.
 * @returns All limits of a server; a time that is lifted is 0.
 * @throws {RangeError} If a limit is not a whole number, or is below what makes sense, or a time is longer than a timer can wait.
 */
export function resolveServerLimits(given: Partial<ServerLimits> = {}): ServerLimits {
  return resolve(SERVER_LIMIT_KINDS, DEFAULT_SERVER_LIMITS, given);
}

/** The caps of a client that comes back. Every one is an option of `reconnecting`. */
export interface ReconnectLimits {
  /** Attempts in a row that may fail before the client gives up. */
  maxAttempts: number;
  /** Milliseconds that a connection must last, unless a message comes, to be a success and not one more failure. */
  stableInterval: number;
  /** Bytes of the messages that wait for a connection. */
  maxOutboxBytes: number;
  /** Messages that wait for a connection. */
  maxOutboxMessages: number;
}

/** What each of them takes. */
export const RECONNECT_LIMIT_KINDS: OptionKinds<ReconnectLimits> = {
  maxAttempts: COUNT,
  stableInterval: TIME,
  maxOutboxBytes: BYTES,
  maxOutboxMessages: COUNT,
};

/** The defaults of a client that comes back. */
export const DEFAULT_RECONNECT_LIMITS: Readonly<ReconnectLimits> = Object.freeze({
  // None: a server that is away for a night is back in the morning, and an attempt a minute costs next to nothing.
  maxAttempts: Infinity,
  // A server that accepts and drops must not be asked at once again; the figure is the range of the first wait.
  stableInterval: 5_000,
  // The figure of NATS's client.
  maxOutboxBytes: 8 * 1024 * 1024,
  // An entry costs about 200 bytes besides its message: 2 MB.
  maxOutboxMessages: 10_000,
});

/**
 * Checks given limits of a client that comes back and fills in the defaults.
 *
 * @param given Options that may carry limits.
 * @returns All of these limits; a time that is lifted is 0.
 * @throws {RangeError} If a limit is not a whole number, is below what makes sense, or is a time longer than a timer can wait.
 */
export function resolveReconnectLimits(given: Partial<ReconnectLimits> = {}): ReconnectLimits {
  return resolve(RECONNECT_LIMIT_KINDS, DEFAULT_RECONNECT_LIMITS, given);
}

/** The caps of a hub. Every one is an option of `createHub`. */
export interface HubLimits {
  /** Topics that one connection may be subscribed to, wildcards included. */
  maxTopicsPerConnection: number;
  /** Bytes of a topic's name in UTF-8. */
  maxTopicBytes: number;
  /** Bytes queued for a subscriber that does not read at which it is disconnected or messages for it are dropped. */
  maxBacklogBytes: number;
}

/** What each of them takes. */
export const HUB_LIMIT_KINDS: OptionKinds<HubLimits> = {
  maxTopicsPerConnection: COUNT,
  maxTopicBytes: BYTES,
  maxBacklogBytes: BYTES,
};

/** A hub's defaults. */
export const DEFAULT_HUB_LIMITS: Readonly<HubLimits> = Object.freeze({
  // A subscription takes about 100 bytes, and its client chooses how many there are.
  maxTopicsPerConnection: 1_000,
  // Longer than any name that people make up, and short enough for NATS, whose protocol lines are 4096 bytes.
  maxTopicBytes: 1_024,
  // A minute of 17 KB/s. A thousand subscribers that stand still cost at most 1 GiB; Bun drops at 16 MiB, uWebSockets at 64 KiB.
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

/** UTF-16 units of a string: V8 has no longer ones (`String::kMaxLength`). A text that needs more can be read in parts only. */
export const LONGEST_STRING: number = 2 ** 29 - 24;

/**
 * Checks given limits and fills in the defaults.
 *
 * @param given Options that may carry limits.
 * @returns All limits; a time that is lifted is 0.
 * @throws {RangeError} If a limit is not a whole number, is below what makes sense, or is a time longer than a timer can wait.
 */
export function resolveLimits(given: Partial<Limits> = {}): Limits {
  return resolve(LIMIT_KINDS, DEFAULT_LIMITS, given);
}

/** The caps of a broker. Every one is an option of `natsBroker`, `redisBroker` and `broadcastBroker`. */
export interface BrokerLimits {
  /** Messages that wait for the broker. */
  maxQueuedMessages: number;
  /** Bytes of the messages that wait for the broker. */
  maxQueuedBytes: number;
  /** Bytes of one message on its way through the broker: its data, its topic and 28 bytes of ours. */
  maxMessageBytes: number;
  /** Milliseconds between pings of the broker. */
  pingInterval: number;
  /** Milliseconds that the broker may take to answer: when it takes us in, to a ping, and to what it is handed. */
  pongTimeout: number;
}

/** What each of them takes. */
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
  // What NATS' own client for Go keeps while it is away from its server.
  maxQueuedBytes: 8 * 1024 * 1024,
  // NATS' default for `max_payload`. Redis takes 512 MB.
  maxMessageBytes: 1024 * 1024,
  // A broker that is gone without a word is found within half a minute. NATS' own clients ping every two minutes.
  pingInterval: 20_000,
  // A broker answers within milliseconds; one that takes ten seconds is of no use.
  pongTimeout: 10_000,
});

/**
 * Checks given limits of a broker and fills in the defaults.
 *
 * @param given Options that may carry limits.
 * @returns All limits of a broker; a time that is lifted is 0.
 * @throws {RangeError} If a limit is not a whole number, is below what makes sense, or is a time longer than a timer can wait.
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
