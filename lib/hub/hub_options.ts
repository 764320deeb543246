/**
 * The options and the interface of a hub.
 *
 * @module
 */
import { HUB_LIMIT_KINDS, type HubLimits } from "../limits.ts";
import { CALLBACK, DELAY, isObject, type Kind, kind, like, type OptionKinds } from "../option_kinds.ts";
import { bag } from "../options.ts";
import {
  SEND_OPTION_KINDS,
  type SendOptions,
  SLOW_POLICY,
  type SlowPolicy,
  type SubscribeOptions,
} from "../connection/socket_options.ts";
import type { MessageData } from "../pipeline/messages/message.ts";
import type { Topics } from "../connection/topics.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import type { Broker, BrokerState } from "./broker.ts";
import { HISTORY_OPTION_KINDS, type HistoryOptions } from "./history.ts";
import type { TopicPattern } from "./topic_pattern.ts";

/**
 * The options of `createHub`. All hooks except `authorize` are called in a microtask of their own.
 *
 * @typeParam Data The type of `socket.data`.
 */
export interface HubOptions<Data = unknown> extends Partial<HubLimits> {
  /**
   * Returns `true` if a connection may subscribe or publish to a topic; any other value refuses. It gets exactly the string that
   * is used for routing, not trimmed, decoded or folded (CVE-2020-11020). It is not called for patterns, nor when the server
   * itself publishes.
   * @default {every topic is allowed}
   */
  authorize?(socket: WebSocketConnection<Data>, topic: string, action: "subscribe" | "publish"): boolean;
  /** What happens to a subscriber that does not keep up. @default {"disconnect"} */
  slowPolicy?: SlowPolicy;
  /** Keeps the last messages of each topic for later subscribers. By default none are kept. */
  history?: HistoryOptions;
  /** Sends messages to the hubs of other processes, and receives theirs. By default there is none. */
  broker?: Broker;
  /** Milliseconds to stay subscribed to a topic at the broker after its last subscriber has left. @default {1000} */
  unsubscribeDelay?: number;
  /** Called when a topic gets its first subscriber or loses its last one. */
  onTopic?(topic: string, active: boolean): void;
  /**
   * Called when a slow subscriber reads again or has ended, with the number of messages that were discarded since the last call.
   * Messages that you send to it here arrive before the messages that were kept.
   */
  onDropped?(socket: WebSocketConnection<Data>, messages: number): void;
  /** Called when the state of the broker changes. */
  onBrokerState?(state: BrokerState): void;
  /** Gets errors of hooks and of the broker. By default they are printed to the console. */
  onError?(error: unknown): void;
}

/** The options of `hub.publish`. */
export interface PublishOptions extends SendOptions {
  /** A subscriber that does not get the message, such as its sender. */
  except?: WebSocketConnection;
}

/** A broker, for the checks of options. */
export const BROKER: Kind = like("a broker, as natsBroker, redisBroker and broadcastBroker make one", {
  methods: ["attach", "publish", "subscribe", "unsubscribe", "subscribeAll", "unsubscribeAll", "close"],
});

/** The options of `createHub`. */
export const HUB_OPTION_KINDS: OptionKinds<HubOptions> = {
  ...HUB_LIMIT_KINDS,
  authorize: CALLBACK,
  slowPolicy: SLOW_POLICY,
  history: bag(HISTORY_OPTION_KINDS),
  broker: BROKER,
  unsubscribeDelay: DELAY,
  onTopic: CALLBACK,
  onDropped: CALLBACK,
  onBrokerState: CALLBACK,
  onError: CALLBACK,
};

/** The options of `hub.publish`, for their check. */
export const PUBLISH_OPTION_KINDS: OptionKinds<PublishOptions> = {
  ...SEND_OPTION_KINDS,
  except: kind("a connection", isObject),
};

/** The counters of a hub. */
export interface HubStats {
  /** Messages published in this hub. */
  published: number;
  /** Messages received from other hubs. */
  received: number;
  /** Malformed messages from the broker: without a valid topic, or without data. */
  malformed: number;
  /** Messages given to subscribers; one message counts once for each subscriber. */
  delivered: number;
  /** Delivered messages that were discarded again because their subscriber was slow. */
  dropped: number;
  /** Subscribers that were disconnected because they were slow. */
  disconnected: number;
}

/**
 * Topics and their subscribers. A topic is any string of at most `maxTopicBytes`. It exists while it has subscribers.
 *
 * @typeParam Data The type of `socket.data`.
 */
export interface Hub<Data = unknown> extends Topics, AsyncDisposable {
  /** The counters. */
  readonly stats: Readonly<HubStats>;
  /** The state of the broker; `undefined` if there is none. */
  readonly brokerState: BrokerState | undefined;
  /**
   * Subscribes a connection, like `socket.subscribe`. It also works with patterns, with connections of a server without this hub,
   * and with clients.
   *
   * @param socket The connection.
   * @param topic The topic, or a pattern, which only code of the server can make. A connection that matches several of them gets
   *    a message once.
   * @param options How many messages of the history to send first (not with a pattern), and what happens if the connection is
   *    slow.
   * @returns `true` if this is a new subscription; `false` if it existed already, or if the connection or the hub is closed. The
   *    history is sent only with `true`; later messages follow it without a gap.
   * @throws {TypeError} If `socket` is not a connection of this module.
   * @throws {TopicError} If `authorize` refuses, or the topic is not well-formed Unicode.
   * @throws {LimitError} If the topic is longer than `maxTopicBytes`, or exceeds `maxTopicsPerConnection`.
   */
  subscribe(socket: WebSocketConnection<Data>, topic: string | TopicPattern, options?: SubscribeOptions): boolean;
  /**
   * Ends a subscription. When a connection ends, all its subscriptions end.
   *
   * @param socket The connection.
   * @param topic The topic, or a pattern that is written in the same way.
   * @returns Whether the connection was subscribed.
   */
  unsubscribe(socket: WebSocketConnection<Data>, topic: string | TopicPattern): boolean;
  /**
   * Publishes a message and never waits. Messages published in one call stack leave in one write for each subscriber.
   *
   * @param topic The topic. Subscribers of exactly this string, or of a matching pattern, get the message.
   * @param data The message, as for `socket.send`. It is copied.
   * @param options A connection to leave out, and whether to compress the message.
   * @returns The number of subscribers of this hub that get the message. Subscribers of other hubs are not counted.
   * @throws {TypeError} If `data` is not a message.
   * @throws {TopicError} If the topic is not well-formed Unicode.
   * @throws {LimitError} If the topic is longer than `maxTopicBytes`.
   */
  publish(topic: string, data: MessageData, options?: PublishOptions): number;
  /**
   * Publishes a message from a connection to all other subscribers, like `socket.publish`.
   *
   * @param socket The connection.
   * @param topic The topic.
   * @param data The message.
   * @param options Whether to compress the message.
   * @returns The number of subscribers of this hub that get the message; 0 if the connection is closing or closed, because then
   *    nothing is published.
   * @throws {TypeError} If `data` is not a message.
   * @throws {TopicError} If `authorize` refuses, or the topic is not well-formed Unicode.
   * @throws {LimitError} If the topic is longer than `maxTopicBytes`.
   */
  publishFrom(socket: WebSocketConnection<Data>, topic: string, data: MessageData, options?: SendOptions): number;
  /** The number of local connections that are subscribed to exactly this topic. */
  count(topic: string): number;
  /** The topics with local subscribers. */
  topics(): IterableIterator<string>;
  /** The topics that a connection is subscribed to, without patterns. */
  topicsOf(socket: WebSocketConnection<Data>): string[];
  /** The number of messages for a connection that were discarded because it was slow. */
  dropped(socket: WebSocketConnection<Data>): number;
  /**
   * Waits until every subscriber of the topic with the policy `wait` has less than its `highWaterMark` queued. A publisher that
   * waits here never makes a subscriber reach `maxQueuedBytes`.
   */
  drained(topic: string): Promise<void>;
  /** Ends all subscriptions and closes the broker. Connections stay open. */
  close(): Promise<void>;
}
