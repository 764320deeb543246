/**
 * Hubs on many machines over Redis' publish and subscribe. Loads `npm:redis`.
 *
 * Delivery is at most once, as in Redis itself. Messages that are published while a hub or the server is unreachable, and
 * messages in transit at that moment, may be lost. No message arrives twice, and the messages of one hub on a topic stay in
 * order. Local subscribers are not affected.
 *
 * @example Two hubs
 * ```ts ignore
 * import { createHub } from "@sluice/websocket/hub";
 * import { redisBroker } from "@sluice/websocket/hub/redis";
 *
 * const hub = createHub({ broker: redisBroker({ url: "redis://127.0.0.1:6379" }) });
 * ```
 *
 * @example Whatever else the client takes
 * ```ts ignore
 * import { createClient } from "npm:redis@^6.3.1";
 * import { redisBroker } from "@sluice/websocket/hub/redis";
 *
 * const broker = redisBroker({ create: (options) => createClient({ ...options, name: "chat" }) });
 * ```
 *
 * @module
 */
import { createClient } from "npm:redis@^6.3.1";
import { resolveBrokerLimits } from "../limits.ts";
import { CALLBACK, type OptionKinds, TEXT } from "../option_kinds.ts";
import { takeOptions } from "../options.ts";
import { BROKER_OPTION_KINDS, type BrokerOptions, linkBroker, type LinkedBroker } from "./linked_broker.ts";
import { REDIS_URL, type RedisClient, redisLink } from "./redis_link.ts";

export type { BrokerLimits } from "../limits.ts";
export type { Broker, BrokerMessage, BrokerState } from "./broker.ts";
export type { BrokerOptions, LinkedBroker } from "./linked_broker.ts";
export type { RedisClient, RedisListener } from "./redis_link.ts";

/** The options that the broker passes to a client. */
export interface RedisCreateOptions {
  /** The URL of the server. */
  url: string;
  /** On, so that the client keeps no messages to send later. The broker has its own bounded queue. */
  disableOfflineQueue: true;
  /** Options of the connection. The broker reconnects by itself, with growing random delays. */
  socket: {
    /** Off, so that the client does not reconnect. */
    reconnectStrategy: false;
    /** The longest time to connect, in milliseconds; 0 for no limit. */
    connectTimeout: number;
  };
}

/** The options of `redisBroker`. */
export interface RedisBrokerOptions extends BrokerOptions {
  /** The URL of the server: `redis://user:password@host:port`, or `rediss://` with TLS. @default {"redis://127.0.0.1:6379"} */
  url?: string;
  /** A prefix for every topic. Applications that share a server need different prefixes. @default {"sluice:"} */
  prefix?: string;
  /**
   * Creates a client with these options and your own. It is called twice for each attempt.
   * @default {the client's own `createClient`}
   */
  create?(options: RedisCreateOptions): RedisClient;
}

const REDIS_BROKER_OPTION_KINDS: OptionKinds<RedisBrokerOptions> = {
  ...BROKER_OPTION_KINDS,
  url: REDIS_URL,
  prefix: TEXT,
  create: CALLBACK,
};

/**
 * Creates a broker over Redis. The channel of a topic is the prefix and its name. The broker opens two connections, because a
 * connection that subscribes cannot send other commands.
 *
 * @param options The server, and limits.
 * @returns The broker, which connects when a hub is attached.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function redisBroker(options: RedisBrokerOptions = {}): LinkedBroker {
  options = takeOptions("redisBroker()", options, REDIS_BROKER_OPTION_KINDS);
  const { url = "redis://127.0.0.1:6379", prefix = "sluice:", create = createClient } = options;
  const { pongTimeout: connectTimeout } = resolveBrokerLimits(options);
  const socket = { reconnectStrategy: false, connectTimeout } as const;
  return linkBroker(redisLink(prefix, () => create({ url, disableOfflineQueue: true, socket })), options);
}
