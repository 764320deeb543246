/**
 * Hubs on many machines over NATS. Loads `npm:@nats-io/transport-node`.
 *
 * Delivery is at most once, as in NATS itself. Messages that are published while a hub or the server is unreachable, and messages
 * in transit at that moment, may be lost. No message arrives twice, and the messages of one hub on a topic stay in order. Local
 * subscribers are not affected.
 *
 * @example Two hubs
 * ```ts ignore
 * import { createHub } from "@sluice/websocket/hub";
 * import { natsBroker } from "@sluice/websocket/hub/nats";
 *
 * const hub = createHub({ broker: natsBroker({ servers: "127.0.0.1:4222" }) });
 * ```
 *
 * @example Credentials, TLS, and whatever else the client takes
 * ```ts ignore
 * import { connect } from "npm:@nats-io/transport-node@^3.4.0";
 * import { natsBroker } from "@sluice/websocket/hub/nats";
 *
 * const broker = natsBroker({ connect: (options) => connect({ ...options, user: "me", pass: "secret" }) });
 * ```
 *
 * @module
 */
import { connect as connectOverTcp } from "npm:@nats-io/transport-node@^3.4.0";
import { resolveBrokerLimits } from "../limits.ts";
import { CALLBACK, type OptionKinds, TEXT } from "../option_kinds.ts";
import { takeOptions } from "../options.ts";
import { BROKER_OPTION_KINDS, type BrokerOptions, linkBroker, type LinkedBroker } from "./linked_broker.ts";
import { NATS_SERVERS, type NatsClient, natsLink } from "./nats_link.ts";

export type { BrokerLimits } from "../limits.ts";
export type { Broker, BrokerMessage, BrokerState } from "./broker.ts";
export type { BrokerOptions, LinkedBroker } from "./linked_broker.ts";
export type { NatsClient } from "./nats_link.ts";

/** The options that the broker passes to a client. */
export interface NatsConnectOptions {
  /** The servers, each as `host:port`. */
  servers: string | string[];
  /** Off, because the broker reconnects by itself, with growing random delays and its own queue. */
  reconnect: false;
  /** On, so that the server does not send our own messages back. */
  noEcho: true;
  /** The longest time to connect, in milliseconds. */
  timeout?: number;
}

/** The options of `natsBroker`. */
export interface NatsBrokerOptions extends BrokerOptions {
  /**
   * The servers, each as `host:port`. The client picks one at random, and the next one if it does not answer.
   * @default {"127.0.0.1:4222"}
   */
  servers?: string | string[];
  /** A prefix for every topic. Applications that share a server need different prefixes. @default {"sluice"} */
  prefix?: string;
  /** Connects with these options and your own, such as credentials and TLS. @default {the client's own `connect`} */
  connect?(options: NatsConnectOptions): Promise<NatsClient>;
}

const NATS_BROKER_OPTION_KINDS: OptionKinds<NatsBrokerOptions> = {
  ...BROKER_OPTION_KINDS,
  servers: NATS_SERVERS,
  prefix: TEXT,
  connect: CALLBACK,
};

/**
 * Creates a broker over NATS. A topic becomes one token after the prefix. All characters except letters, digits, `-` and `_` are
 * escaped: `a/b` becomes `sluice.a=2Fb`.
 *
 * @param options The servers, and limits.
 * @returns The broker, which connects when a hub is attached.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range, or the prefix is invalid.
 */
export function natsBroker(options: NatsBrokerOptions = {}): LinkedBroker {
  options = takeOptions("natsBroker()", options, NATS_BROKER_OPTION_KINDS);
  const { servers = "127.0.0.1:4222", prefix = "sluice", connect = connectOverTcp } = options;
  const { pongTimeout } = resolveBrokerLimits(options);
  const given: NatsConnectOptions = { servers, reconnect: false, noEcho: true };
  if (pongTimeout !== 0) given.timeout = pongTimeout;
  return linkBroker(natsLink(prefix, () => connect(given)), options);
}
