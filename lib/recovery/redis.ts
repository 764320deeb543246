/**
 * A log in Redis Streams, for topics that catch up on any server. Loads `npm:redis`.
 *
 * What Redis confirmed it has for good only with `appendonly yes` and `appendfsync always`: with any other setting a Redis that was
 * killed may have lost the last messages. It does not say so, so every topic has a new epoch then, and every client hears of it
 * (`recovered: false`).
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
import { checkOptions } from "../options.ts";
import {
  DEFAULT_RETENTION,
  LINKED_LOG_OPTION_KINDS,
  type LinkedLog,
  type LinkedLogOptions,
  linkLog,
} from "./linked_log.ts";
import { type RedisLogClient, redisLogLink } from "./redis_log_link.ts";

export type { BrokerLimits } from "../limits.ts";
export type { BrokerOptions } from "../hub/linked_broker.ts";
export type { AppendOptions, Log, LogEntry, LogListener, LogPage, Position, ReadLimit } from "./log.ts";
export type { LogRetention } from "./log_link.ts";
export type { LinkedLog, LinkedLogOptions } from "./linked_log.ts";
export type { RedisLogClient } from "./redis_log_link.ts";

/** What a client is made with. */
export interface RedisLogCreateOptions {
  /** Where the server is. */
  url: string;
  /** Nothing is kept to be sent later: the log has a queue with bounds. */
  disableOfflineQueue: true;
  /** The log reconnects, with a growing random delay. */
  socket: {
    /** The client does not. */
    reconnectStrategy: false;
    /** Milliseconds that connecting may take; 0 for any time. */
    connectTimeout: number;
  };
}

/** How to reach Redis, and how much it keeps. */
export interface RedisLogOptions extends LinkedLogOptions {
  /** `redis://user:password@host:port`; `rediss://` with TLS. @default {"redis://127.0.0.1:6379"} */
  url?: string;
  /** What stands before every key: applications that share a server need one each. @default {"sluice:"} */
  prefix?: string;
  /** Makes a client with these options and others. Two are made for each attempt. @default {the client's own `createClient`} */
  create?(options: RedisLogCreateOptions): RedisLogClient;
}

const REDIS_LOG_OPTION_KINDS: OptionKinds<RedisLogOptions> = {
  ...LINKED_LOG_OPTION_KINDS,
  url: TEXT,
  prefix: TEXT,
  create: CALLBACK,
};

/**
 * A log in Redis. Each topic is a stream, with the newest `messages` of it.
 *
 * @param options The server, and limits.
 * @returns The log, which connects at once.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function redisLog(options: RedisLogOptions = {}): LinkedLog {
  checkOptions("redisLog()", options, REDIS_LOG_OPTION_KINDS);
  const { url = "redis://127.0.0.1:6379", prefix = "sluice:", create = createClient } = options;
  const { messages, age, resumeTimeout } = { ...DEFAULT_RETENTION, ...options };
  const { pongTimeout: connectTimeout } = resolveBrokerLimits(options);
  const socket = { reconnectStrategy: false, connectTimeout } as const;
  const retention = { messages, age: age === 0 ? Infinity : age, resumeTimeout };
  return linkLog(redisLogLink(prefix, retention, () => create({ url, disableOfflineQueue: true, socket })), options);
}
