/**
 * What a hub is made of, and what it offers.
 *
 * @module
 */
import { HUB_LIMIT_KINDS, type HubLimits } from "../limits.ts";
import { CALLBACK, DELAY, isObject, kind, like, type OptionKinds } from "../option_kinds.ts";
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
 * How a hub works. Its hooks are called in a microtask of their own, but for `authorize`.
 *
 * @typeParam Data What the application keeps with each connection.
 */
export interface HubOptions<Data = unknown> extends Partial<HubLimits> {
  /**
   * Returns `true` if a connection may subscribe or publish to a topic; any other value refuses. It gets exactly the string that
   * is used for routing, not trimmed, decoded or folded (CVE-2020-11020). It is not called for patterns, nor when the server
   * itself publishes.
   * @default {every topic is allowed}
   */
  authorize?(socket: WebSocketConnection<Data>, topic: string, action: "subscribe" | "publish"): boolean;
  /**
   * What happens to a subscriber that does not keep up.
   * @default {"disconnect"}
   */
  slowPolicy?: SlowPolicy;
  /** Keeps the last messages of each topic for later subscribers. By default none are kept. */
  history?: HistoryOptions;
  /** Sends messages to the hubs of other processes, and receives theirs. By default there is none. */
  broker?: Broker;
  /**
   * Milliseconds to stay subscribed to a topic at the broker after its last subscriber has left.
   * @default {1000}
   */
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

/** How a message is published. */
export interface PublishOptions extends SendOptions {
  /** A subscriber that does not get the message, such as its sender. */
  except?: WebSocketConnection;
}

/** What `createHub` takes. */
export const HUB_OPTION_KINDS: OptionKinds<HubOptions> = {
  ...HUB_LIMIT_KINDS,
  authorize: CALLBACK,
  slowPolicy: SLOW_POLICY,
  history: bag(HISTORY_OPTION_KINDS),
  broker: like("a broker, as natsBroker, redisBroker and broadcastBroker make one", {
    methods: ["attach", "publish", "subscribe", "unsubscribe", "subscribeAll", "unsubscribeAll", "close"],
  }),
  unsubscribeDelay: DELAY,
  onTopic: CALLBACK,
  onDropped: CALLBACK,
  onBrokerState: CALLBACK,
  onError: CALLBACK,
};

/** What `hub.publish` takes. */
export const PUBLISH_OPTION_KINDS: OptionKinds<PublishOptions> = {
  ...SEND_OPTION_KINDS,
  except: kind("a connection", isObject),
};

/** What a hub has counted. */
export interface HubStats {
  /** Messages that were published here. */
  published: number;
  /** Messages that came from other hubs. */
  received: number;
  /** Messages from the broker that were no messages: no text for a topic, too long a one, no data. */
  malformed: number;
  /** Messages given to subscribers, each as often as there were any. */
  delivered: number;
  /** Of those, the ones that were dropped again because their subscriber was slow. */
  dropped: number;
  /** Subscribers that were disconnected because they were slow. */
  disconnected: number;
}

/**
 * Topics and their subscribers. A topic is any string of at most `maxTopicBytes`, and exists while it has subscribers.
 *
 * @typeParam Data What the application keeps with each connection.
 */
export interface Hub<Data = unknown> extends Topics, AsyncDisposable {
  /** What it has counted. */
  readonly stats: Readonly<HubStats>;
  /** How the broker is; `undefined` where there is none. */
  readonly brokerState: BrokerState | undefined;
  /**
   * Subscribes a connection. It is the same as `socket.subscribe`, also for connections of a server that was not given this hub, for
   * clients, and for patterns.
   *
   * @param socket The connection.
   * @param topic The topic, or a pattern, which only code of the server can make. A connection that matches several of them gets a
   *   message once.
   * @param options How much of the history comes first (not with a pattern), and what happens if the connection is slow.
   * @returns Whether it is subscribed now and was not before: `false` if the connection is closing or closed, or the hub is closed.
   *   Only with `true` is the history sent; messages that are published later follow it without a gap.
   * @throws {TypeError} If it is no connection of this module.
   * @throws {TopicError} If `authorize` refuses, or the topic is not well-formed Unicode.
   * @throws {LimitError} If the topic is longer than `maxTopicBytes`, or it would be one more than `maxTopicsPerConnection`.
   */
  subscribe(socket: WebSocketConnection<Data>, topic: string | TopicPattern, options?: SubscribeOptions): boolean;
  /**
   * Ends a subscription. The end of a connection ends all of its subscriptions.
   *
   * @param socket The connection.
   * @param topic The topic, or a pattern that is written in the same way.
   * @returns Whether it was subscribed.
   */
  unsubscribe(socket: WebSocketConnection<Data>, topic: string | TopicPattern): boolean;
  /**
   * Publishes a message and never waits. Messages published in one call stack leave in one write for each subscriber.
   *
   * @param topic The topic. Subscribers of exactly this string, or of a matching pattern, get the message.
   * @param data The message, as for `socket.send`; it is copied.
   * @param options A connection to leave out, and whether to compress the message.
   * @returns How many subscribers of this hub it is for. Those of other hubs are not known.
   * @throws {TypeError} If `data` is no message.
   * @throws {TopicError} If the topic is not well-formed Unicode.
   * @throws {LimitError} If the topic is longer than `maxTopicBytes`.
   */
  publish(topic: string, data: MessageData, options?: PublishOptions): number;
  /**
   * Publishes for a connection, to all subscribers but itself: `socket.publish`.
   *
   * @param socket The connection.
   * @param topic The topic.
   * @param data The message.
   * @param options Whether it is compressed.
   * @returns How many subscribers of this hub it is for; 0 if the connection is closing or closed, as nothing is published then.
   * @throws {TypeError} If `data` is no message.
   * @throws {TopicError} If `authorize` refuses, or the topic is not well-formed Unicode.
   * @throws {LimitError} If the topic is longer than `maxTopicBytes`.
   */
  publishFrom(socket: WebSocketConnection<Data>, topic: string, data: MessageData, options?: SendOptions): number;
  /** How many connections here are subscribed to exactly this topic. */
  count(topic: string): number;
  /** The topics that have subscribers here. */
  topics(): IterableIterator<string>;
  /** The topics that a connection is subscribed to, patterns not among them. */
  topicsOf(socket: WebSocketConnection<Data>): string[];
  /** How many messages for a connection were dropped because it was slow. */
  dropped(socket: WebSocketConnection<Data>): number;
  /**
   * Waits until the topic's subscribers with the policy `wait` have less than their `highWaterMark` queued: for a publisher that
   * would rather go at their pace than have them cut off at `maxQueuedBytes`.
   */
  drained(topic: string): Promise<void>;
  /** Ends all subscriptions and closes the broker. Connections stay open. */
  close(): Promise<void>;
}
