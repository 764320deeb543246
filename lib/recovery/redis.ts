/**
 * A log in Redis Streams, for topics that catch up on any server. Loads `npm:redis`.
 *
 * Redis keeps confirmed messages for certain only with `appendonly yes` and `appendfsync always`. With any other setting, a Redis
 * that was killed may have lost the last messages without reporting it. Therefore every topic then has a new epoch, and every
 * client gets `recovered: false`.
 *
 * @example Two servers
 * ```ts ignore
 * import { createRecoverableHub } from "@sluice/websocket/recovery";
 * import { redisLog } from "@sluice/websocket/recovery/redis";
 *
 * const hub = createRecoverableHub({ log: redisLog({ url: "redis://127.0.0.1:6379" }) });
 * await hub.publish("news", "It rains", { durable: true });
 * ```
 *
 * @module
 */
import { createClient } from "npm:redis@^6.3.1";
import { resolveBrokerLimits } from "../limits.ts";
import { CALLBACK, type OptionKinds, TEXT } from "../option_kinds.ts";
import { REDIS_URL } from "../hub/redis_link.ts";
import { takeOptions } from "../options.ts";
import { LINKED_LOG_OPTION_KINDS, type LinkedLog, type LinkedLogOptions, linkLog, retentionOf } from "./linked_log.ts";
import { type RedisLogClient, redisLogLink } from "./redis_log_link.ts";

export type { BrokerLimits } from "../limits.ts";
export type { BrokerOptions } from "../hub/linked_broker.ts";
export type { AppendOptions, Log, LogEntry, LogListener, LogPage, Position, ReadLimit } from "./log.ts";
export type { LogRetention } from "./log_link.ts";
export type { LinkedLog, LinkedLogOptions } from "./linked_log.ts";
export type { RedisLogClient } from "./redis_log_link.ts";

/** The options that the log passes to a client. */
export interface RedisLogCreateOptions {
  /** The URL of the server. */
  url: string;
  /** On, so that the client keeps no messages to send later. The log has its own bounded queue. */
  disableOfflineQueue: true;
  /** Options of the connection. The log reconnects by itself, with growing random delays. */
  socket: {
    /** Off, so that the client does not reconnect. */
    reconnectStrategy: false;
    /** The longest time to connect, in milliseconds; 0 for no limit. */
    connectTimeout: number;
  };
}

/** The options of `redisLog`. */
export interface RedisLogOptions extends LinkedLogOptions {
  /** The URL of the server: `redis://user:password@host:port`, or `rediss://` with TLS. @default {"redis://127.0.0.1:6379"} */
  url?: string;
  /** A prefix for every key. Applications that share a server need different prefixes. @default {"sluice:"} */
  prefix?: string;
  /**
   * Creates a client with these options and your own. It is called twice for each attempt.
   * @default {the client's own `createClient`}
   */
  create?(options: RedisLogCreateOptions): RedisLogClient;
}

const REDIS_LOG_OPTION_KINDS: OptionKinds<RedisLogOptions> = {
  ...LINKED_LOG_OPTION_KINDS,
  url: REDIS_URL,
  prefix: TEXT,
  create: CALLBACK,
};

/**
 * Creates a log in Redis. Each topic is a stream with its newest `messages`.
 *
 * @param options The server, and limits.
 * @returns The log, which connects at once.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function redisLog(options: RedisLogOptions = {}): LinkedLog {
  options = takeOptions("redisLog()", options, REDIS_LOG_OPTION_KINDS);
  const { url = "redis://127.0.0.1:6379", prefix = "sluice:", create = createClient } = options;
  const { pongTimeout: connectTimeout } = resolveBrokerLimits(options);
  const socket = { reconnectStrategy: false, connectTimeout } as const;
  return linkLog(
    redisLogLink(prefix, retentionOf(options), () => create({ url, disableOfflineQueue: true, socket })),
    options,
  );
}
