/**
 * One to many: topics, their subscribers, and the brokers between hubs.
 *
 * A message is framed once, and compressed once for each way to compress, and all subscribers share the bytes. A connection that
 * keeps its compression context (`serverContextTakeover`), a client's, one of an old draft and one of `./deno-serve` encode their own.
 *
 * Delivery is at most once. Who is connected and reads gets each message of a topic in the order in which this hub published
 * them; who is slow meets the {@linkcode SlowPolicy}; who is not connected gets what the history keeps, if it asks. With a broker,
 * messages between hubs may be lost while it is down, and two hubs may see messages of two authors in a different order.
 *
 * @example Everybody who connects hears the news, and what they were before
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
