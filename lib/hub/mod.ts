/**
 * Publish and subscribe: topics, their subscribers, and brokers between hubs.
 *
 * A message is framed once, compressed once for each set of compression parameters, and all subscribers share the bytes. Some
 * connections need their own encoding: those that keep a compression context (`serverContextTakeover`), clients, those of an old
 * draft, and those of `./deno-serve`.
 *
 * Delivery is at most once. A subscriber that is connected and keeps up gets the messages of its topic in the order in which this
 * hub published them. {@linkcode SlowPolicy} decides what happens to a slow subscriber. Later subscribers can ask for the history.
 * Between hubs, messages may be lost while the broker is down, and two hubs may see the messages of two publishers in different
 * orders.
 *
 * @example Every client gets the news, and the latest earlier ones
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { createHub } from "@sluice/websocket/hub";
 * import { assertEquals } from "@std/assert";
 *
 * await using hub = createHub({ history: { messages: 20 } });
 * await using server = serve({ port: 0, hostname: "127.0.0.1", hub }, {
 *   open: (socket) => void socket.subscribe("news", { history: 20 }),
 * });
 * hub.publish("news", "It rains");
 *
 * await using socket = await connect(server.url);
 * assertEquals((await socket[Symbol.asyncIterator]().next()).value, "It rains");
 * ```
 *
 * @module
 */
export { createHub } from "./hub.ts";
export type { Hub, HubOptions, HubStats, PublishOptions } from "./hub_options.ts";
export type { HistoryOptions } from "./history.ts";
export { pattern, TopicPattern } from "./topic_pattern.ts";
export type { Broker, BrokerMessage, BrokerState } from "./broker.ts";
export { broadcastBroker } from "./broadcast_broker.ts";
export type { BrokerOptions, LinkedBroker } from "./linked_broker.ts";
export type { Topics } from "../connection/topics.ts";
export type { SlowPolicy, SubscribeOptions } from "../connection/socket_options.ts";
export { type BrokerLimits, DEFAULT_BROKER_LIMITS, DEFAULT_HUB_LIMITS, type HubLimits } from "../limits.ts";
