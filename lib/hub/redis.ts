/**
 * Hubs on many machines over Redis' publish and subscribe. Loads `npm:redis`.
 *
 * Delivery is at most once, as Redis' own: what is published while this hub, the other or the server between them is away, or is
 * under way just then, may be lost; nothing comes twice, and one hub's messages on a topic stay in order. Local subscribers are
 * served all the while.
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
import { checkOptions } from "../options.ts";
import { BROKER_OPTION_KINDS, type BrokerOptions, linkBroker, type LinkedBroker } from "./linked_broker.ts";
import { type RedisClient, redisLink } from "./redis_link.ts";

export type { BrokerLimits } from "../limits.ts";
export type { Broker, BrokerMessage, BrokerState } from "./broker.ts";
export type { BrokerOptions, LinkedBroker } from "./linked_broker.ts";
export type { RedisClient, RedisListener } from "./redis_link.ts";

/** What a client is made with. */
export interface RedisCreateOptions {
  /** Where the server is. */
  url: string;
  /** Nothing is kept to be sent later: the broker has a queue with bounds. */
  disableOfflineQueue: true;
  /** We reconnect, with a growing random delay. */
  socket: {
    /** The client does not. */
    reconnectStrategy: false;
    /** Milliseconds that connecting may take; 0 for any time. */
    connectTimeout: number;
  };
}

/** How to reach Redis. */
export interface RedisBrokerOptions extends BrokerOptions {
  /** `redis://user:password@host:port`; `rediss://` with TLS. @default {"redis://127.0.0.1:6379"} */
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
  url: TEXT,
  prefix: TEXT,
  create: CALLBACK,
};

/**
 * A broker over Redis. A topic's channel is its name behind the prefix. There are two connections: one that subscribes has no other
 * commands.
 *
 * @param options The server, and limits.
 * @returns The broker, which connects when a hub is attached.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function redisBroker(options: RedisBrokerOptions = {}): LinkedBroker {
  checkOptions("redisBroker()", options, REDIS_BROKER_OPTION_KINDS);
  const { url = "redis://127.0.0.1:6379", prefix = "sluice:", create = createClient } = options;
  const { pongTimeout: connectTimeout } = resolveBrokerLimits(options);
  const socket = { reconnectStrategy: false, connectTimeout } as const;
  return linkBroker(redisLink(prefix, () => create({ url, disableOfflineQueue: true, socket })), options);
}
