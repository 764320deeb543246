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
 * @module
 */
import { createClient, type RedisClientOptions } from "npm:redis@^6.3.1";
import { resolveBrokerLimits } from "../limits.ts";
import { type BrokerOptions, linkBroker, type LinkedBroker } from "./linked_broker.ts";
import { redisLink } from "./redis_link.ts";

export type { BrokerLimits } from "../limits.ts";
export type { Broker, BrokerMessage, BrokerState } from "./broker.ts";
export type { BrokerOptions, LinkedBroker } from "./linked_broker.ts";

/** How to reach Redis. */
export interface RedisBrokerOptions extends BrokerOptions {
  /** `redis://user:password@host:port`; `rediss://` with TLS. @default {"redis://127.0.0.1:6379"} */
  url?: string;
  /** What stands before every topic: applications that share a server need one each. @default {"sluice:"} */
  prefix?: string;
  /** Credentials, TLS and whatever else the client takes. */
  connection?: RedisClientOptions;
}

/**
 * A broker over Redis. A topic's channel is its name behind the prefix. There are two connections: one that subscribes has no other
 * commands.
 *
 * @param options The server, and limits.
 * @returns The broker, which connects when a hub is attached.
 * @throws {RangeError} If a limit is none.
 */
export function redisBroker(options: RedisBrokerOptions = {}): LinkedBroker {
  const { url = "redis://127.0.0.1:6379", prefix = "sluice:", connection = {} } = options;
  const { pongTimeout } = resolveBrokerLimits(options);
  const create = () =>
    createClient({
      ...connection,
      url,
      disableOfflineQueue: true,
      // We reconnect, with a growing random delay, and without what the client would have kept to send again.
      socket: { ...connection.socket, reconnectStrategy: false, connectTimeout: pongTimeout },
    });
  return linkBroker(redisLink(prefix, create), options);
}
