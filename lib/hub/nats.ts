/**
 * Hubs on many machines over NATS. Loads `npm:@nats-io/transport-node`.
 *
 * Delivery is at most once, as NATS' own: what is published while this hub, the other or the server between them is away, or is
 * under way just then, may be lost; nothing comes twice, and one hub's messages on a topic stay in order. Local subscribers are
 * served all the while.
 *
 * @example Two hubs
 * ```ts ignore
 * import { createHub } from "@sluice/websocket/hub";
 * import { natsBroker } from "@sluice/websocket/hub/nats";
 *
 * const hub = createHub({ broker: natsBroker({ servers: "127.0.0.1:4222" }) });
 * ```
 *
 * @module
 */
import { connect, type NodeConnectionOptions } from "npm:@nats-io/transport-node@^3.4.0";
import { resolveBrokerLimits } from "../limits.ts";
import { type BrokerOptions, linkBroker, type LinkedBroker } from "./linked_broker.ts";
import { natsLink } from "./nats_link.ts";

export type { BrokerLimits } from "../limits.ts";
export type { Broker, BrokerMessage, BrokerState } from "./broker.ts";
export type { BrokerOptions, LinkedBroker } from "./linked_broker.ts";

/** How to reach NATS. */
export interface NatsBrokerOptions extends BrokerOptions {
  /** The servers, `host:port` each. One is chosen at random, and the next where it does not answer. @default {"127.0.0.1:4222"} */
  servers?: string | string[];
  /** What stands before every topic: applications that share a server need one each. @default {"sluice"} */
  prefix?: string;
  /** Credentials, TLS and whatever else the client takes. */
  connection?: NodeConnectionOptions;
}

/**
 * A broker over NATS. A topic is one token behind the prefix, with all but letters, digits, `-` and `_` escaped: `a/b` is
 * `sluice.a=2Fb`.
 *
 * @param options The servers, and limits.
 * @returns The broker, which connects when a hub is attached.
 * @throws {RangeError} If the prefix or a limit is none.
 */
export function natsBroker(options: NatsBrokerOptions = {}): LinkedBroker {
  const { servers = "127.0.0.1:4222", prefix = "sluice", connection = {} } = options;
  const { pongTimeout } = resolveBrokerLimits(options);
  const open = () =>
    connect({
      ...connection,
      servers,
      reconnect: false, // we do, with a growing random delay, and without what the client would have kept to send again
      noEcho: true,
      ...(pongTimeout === 0 ? {} : { timeout: pongTimeout }),
    });
  return linkBroker(natsLink(prefix, open), options);
}
