/**
 * The hub: subscriptions, and the delivery of one message to many connections.
 *
 * @module
 */
import { checkOptions, takeOptions } from "../options.ts";
import {
  SEND_OPTION_KINDS,
  type SendOptions,
  type SlowPolicy,
  SUBSCRIBE_OPTION_KINDS,
  type SubscribeOptions,
} from "../connection/socket_options.ts";
import { LimitError, TopicError } from "../errors.ts";
import { type HubLimits, resolveHubLimits } from "../limits.ts";
import { type Message, type MessageData, ownCopy, toMessage } from "../pipeline/messages/message.ts";
import { checkDriven, type DrivenConnection } from "../connection/driven_connection.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import { allows, handleReturn, logError } from "../log_error.ts";
import type { BrokerMessage, BrokerState } from "./broker.ts";
import { History } from "./history.ts";
import { HubMessage } from "./hub_message.ts";
import {
  type Hub,
  HUB_OPTION_KINDS,
  type HubOptions,
  type HubStats,
  PUBLISH_OPTION_KINDS,
  type PublishOptions,
} from "./hub_options.ts";
import { Subscriber, type SubscriberHub } from "./subscriber.ts";
import { topicFault, TopicPattern } from "./topic_pattern.ts";
import { ALL, BrokerSubscriptions } from "./broker_subscriptions.ts";

/** Milliseconds to stay subscribed at the broker to a topic without subscribers. It is longer than a page takes to reload. */
const UNSUBSCRIBE_DELAY = 1_000;

/**
 * Creates a hub. You can pass it to any number of `serve`, `serveNode`, `accept` and `upgradeRequest` calls.
 *
 * @example All subscribers get a message
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { createHub } from "@sluice/websocket/hub";
 * import { assertEquals } from "@std/assert";
 *
 * await using hub = createHub({ history: { messages: 10 } });
 * await using server = serve({ port: 0, hostname: "127.0.0.1", hub }, {
 *   open: (socket) => void socket.subscribe("room", { history: 10 }),
 *   message: (_, text) => void hub.publish("room", text),
 * });
 *
 * await using ada = await connect(server.url);
 * await ada.send("hello");
 * assertEquals((await ada[Symbol.asyncIterator]().next()).value, "hello");
 * await using bob = await connect(server.url); // joins later, and gets the message from the history
 * assertEquals((await bob[Symbol.asyncIterator]().next()).value, "hello");
 * ```
 *
 * @typeParam Data The type of `socket.data`.
 * @param options The limits, the policies and the hooks.
 * @returns The hub.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function createHub<Data = unknown>(options: HubOptions<Data> = {}): Hub<Data> {
  options = takeOptions("createHub()", options, HUB_OPTION_KINDS);
  return new LocalHub(options);
}

/** The subscribers of a pattern. */
interface PatternEntry<Data> {
  readonly pattern: TopicPattern;
  readonly subscribers: Set<Subscriber<Data>>;
}

class LocalHub<Data> implements Hub<Data>, SubscriberHub<Data> {
  readonly stats: HubStats = { published: 0, received: 0, malformed: 0, delivered: 0, dropped: 0, disconnected: 0 };
  readonly #options: HubOptions<Data>;
  readonly #limits: HubLimits;
  readonly #history: History | undefined;
  readonly #subscriptions: BrokerSubscriptions | undefined;
  readonly #subscribers = new Map<WebSocketConnection<Data>, Subscriber<Data>>();
  readonly #topics = new Map<string, Set<Subscriber<Data>>>();
  readonly #patterns = new Map<string, PatternEntry<Data>>();
  readonly #failed = (error: unknown): void => logError(error, this.#options);
  #unflushed: Subscriber<Data>[] = [];
  #lastId = 0;
  #closed = false;

  constructor(options: HubOptions<Data>) {
    this.#options = options;
    this.#limits = resolveHubLimits(options);
    this.#history = options.history && new History(options.history);
    const { broker, unsubscribeDelay: delay = UNSUBSCRIBE_DELAY } = options;
    if (broker === undefined) return;
    this.#subscriptions = new BrokerSubscriptions(broker, { delay, report: this.#failed });
    broker.attach({
      receive: (message) => this.#receive(message),
      state: (state) => this.#notify(() => options.onBrokerState?.(state)),
    });
  }

  get brokerState(): BrokerState | undefined {
    return this.#options.broker?.state;
  }

  get maxBacklogBytes(): number {
    return this.#limits.maxBacklogBytes;
  }

  subscribe(
    socket: WebSocketConnection<Data>,
    topic: string | TopicPattern,
    options: SubscribeOptions = {},
  ): boolean {
    checkOptions("subscribe()", options, SUBSCRIBE_OPTION_KINDS);
    const { slowPolicy = this.#options.slowPolicy ?? "disconnect", history = 0 } = options;
    checkDriven(socket, "subscribe");
    const pattern = topic instanceof TopicPattern;
    if (!pattern) this.#checkTopic(topic);
    // Neither is a mistake of the caller, because both may end at any moment.
    if (this.#closed || socket.readyState !== 1) return false;
    if (pattern) return this.#subscribePattern(this.#subscriberOf(socket), topic, slowPolicy);
    this.#authorize(socket, topic, "subscribe");
    if (this.#closed || socket.readyState !== 1) return false; // the hook may have closed either
    const subscriber = this.#subscriberOf(socket);
    if (subscriber.topics.has(topic)) {
      subscriber.topics.set(topic, slowPolicy);
      return false;
    }
    this.#admit(subscriber, topic);
    subscriber.topics.set(topic, slowPolicy);
    this.#replay(subscriber, topic, history);
    if (!this.#subscribers.has(socket)) return false; // the history exceeded the queue of the connection
    const subscribers = this.#topics.get(topic);
    if (subscribers !== undefined) {
      subscribers.add(subscriber);
    } else {
      this.#topics.set(topic, new Set([subscriber]));
      this.#subscriptions?.enter(topic);
      this.#notify(() => this.#options.onTopic?.(topic, true));
    }
    return true;
  }

  unsubscribe(socket: WebSocketConnection<Data>, topic: string | TopicPattern): boolean {
    const subscriber = this.#subscribers.get(socket);
    if (subscriber === undefined) return false;
    if (topic instanceof TopicPattern) {
      if (!subscriber.wildcards.delete(topic.source)) return false;
      this.#leavePattern(subscriber, topic.source);
    } else {
      if (!subscriber.topics.delete(topic)) return false;
      this.#leave(subscriber, topic);
    }
    return true;
  }

  publish(topic: string, data: MessageData, options: PublishOptions = {}): number {
    checkOptions("publish()", options, PUBLISH_OPTION_KINDS);
    this.#checkTopic(topic);
    const copy = ownCopy(toMessage(data));
    this.stats.published++;
    const count = this.#deliver(topic, copy, options);
    this.#subscriptions?.publish(topic, copy);
    return count;
  }

  publishFrom(socket: WebSocketConnection<Data>, topic: string, data: MessageData, options?: SendOptions): number {
    if (options !== undefined) checkOptions("publish()", options, SEND_OPTION_KINDS);
    this.#checkTopic(topic);
    toMessage(data); // invalid arguments throw in every state
    if (socket.readyState !== 1) return 0;
    this.#authorize(socket, topic, "publish");
    return this.publish(topic, data, { ...options, except: socket });
  }

  count(topic: string): number {
    return this.#topics.get(topic)?.size ?? 0;
  }

  topics(): IterableIterator<string> {
    return this.#topics.keys();
  }

  topicsOf(socket: WebSocketConnection<Data>): string[] {
    return [...this.#subscribers.get(socket)?.topics.keys() ?? []];
  }

  dropped(socket: WebSocketConnection<Data>): number {
    return this.#subscribers.get(socket)?.dropped ?? 0;
  }

  async drained(topic: string): Promise<void> {
    const waiting: Promise<void>[] = [];
    for (const { topics, connection } of this.#topics.get(topic) ?? []) {
      const drained = topics.get(topic) === "wait" ? connection.drained() : undefined;
      if (drained !== undefined) waiting.push(drained.catch(() => {})); // the end of a connection also ends the wait
    }
    await Promise.all(waiting);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const subscriber of this.#subscribers.values()) this.#remove(subscriber);
    await this.#subscriptions?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Flushes each subscriber once per call stack, in one microtask for all of them. */
  flushLater(subscriber: Subscriber<Data>): void {
    if (this.#unflushed.push(subscriber) === 1) queueMicrotask(() => this.#flush());
  }

  recovered({ connection }: Subscriber<Data>, dropped: number): void {
    this.#notify(() => this.#options.onDropped?.(connection, dropped));
  }

  #flush(): void {
    const unflushed = this.#unflushed;
    this.#unflushed = [];
    for (const subscriber of unflushed) {
      subscriber.unflushed = false;
      subscriber.connection.flush();
    }
  }

  /** Delivers messages of other hubs to local subscribers only, so there are no loops. Malformed messages are counted. */
  #receive({ topic, data }: BrokerMessage): void {
    const valid = typeof topic === "string" && topicFault(topic, this.#limits.maxTopicBytes) === undefined &&
      (typeof data === "string" || data instanceof Uint8Array);
    if (!valid) {
      this.stats.malformed++;
      return;
    }
    this.stats.received++;
    this.#deliver(topic, data, {});
  }

  #deliver(topic: string, data: Message, { except, compress }: PublishOptions): number {
    const subscribers = this.#topics.get(topic);
    if (subscribers === undefined && this.#patterns.size === 0 && this.#history === undefined) return 0;
    const id = ++this.#lastId;
    const message = new HubMessage({ id, topic, data, options: compress === undefined ? undefined : { compress } });
    this.#history?.add(message);
    let count = 0;
    // No application code runs in these loops, so no subscribers are added. A `Set` allows deletion during iteration.
    for (const subscriber of subscribers ?? []) {
      if (subscriber.connection === except) continue;
      subscriber.deliver(message);
      count++;
    }
    for (const { pattern, subscribers } of this.#patterns.values()) {
      if (!pattern.matches(topic)) continue;
      for (const subscriber of subscribers) {
        if (subscriber.lastId === id || subscriber.connection === except) continue;
        subscriber.deliver(message, subscriber.wildcards.get(pattern.source));
        count++;
      }
    }
    this.stats.delivered += count;
    return count;
  }

  /** Sends the history of a topic, without messages that the subscriber already got through a pattern. */
  #replay(subscriber: Subscriber<Data>, topic: string, count: number): void {
    for (const message of this.#history?.last(topic, count) ?? []) {
      if (!subscriber.hadByPattern(message)) subscriber.deliver(message);
    }
  }

  #subscribePattern(subscriber: Subscriber<Data>, pattern: TopicPattern, slowPolicy: SlowPolicy): boolean {
    const known = subscriber.wildcards.get(pattern.source);
    if (known === undefined) this.#admit(subscriber, pattern.source);
    subscriber.wildcards.set(pattern.source, { pattern, slowPolicy, since: known?.since ?? this.#lastId });
    if (known !== undefined) return false;
    const entry = this.#patterns.get(pattern.source);
    if (entry !== undefined) {
      entry.subscribers.add(subscriber);
    } else {
      this.#patterns.set(pattern.source, { pattern, subscribers: new Set([subscriber]) });
      if (this.#patterns.size === 1) this.#subscriptions?.enter(ALL);
    }
    return true;
  }

  #leave(subscriber: Subscriber<Data>, topic: string): void {
    const subscribers = this.#topics.get(topic);
    if (!subscribers?.delete(subscriber) || subscribers.size > 0) return;
    this.#topics.delete(topic);
    this.#subscriptions?.leave(topic);
    this.#notify(() => this.#options.onTopic?.(topic, false));
  }

  #leavePattern(subscriber: Subscriber<Data>, source: string): void {
    const entry = this.#patterns.get(source);
    if (!entry?.subscribers.delete(subscriber) || entry.subscribers.size > 0) return;
    this.#patterns.delete(source);
    if (this.#patterns.size === 0) this.#subscriptions?.leave(ALL);
  }

  /** Returns the subscriber of a connection. It is removed when the connection ends. */
  #subscriberOf(socket: DrivenConnection<Data>): Subscriber<Data> {
    const known = this.#subscribers.get(socket);
    if (known !== undefined) return known;
    const subscriber = new Subscriber(socket, this);
    this.#subscribers.set(socket, subscriber);
    const { onend } = socket;
    socket.onend = () => {
      onend?.();
      this.#remove(subscriber);
    };
    return subscriber;
  }

  #remove(subscriber: Subscriber<Data>): void {
    if (!this.#subscribers.delete(subscriber.connection)) return;
    for (const topic of subscriber.topics.keys()) this.#leave(subscriber, topic);
    for (const source of subscriber.wildcards.keys()) this.#leavePattern(subscriber, source);
    subscriber.end();
  }

  #admit({ size }: Subscriber<Data>, topic: string): void {
    const { maxTopicsPerConnection: max } = this.#limits;
    if (size < max) return;
    throw new LimitError(`Connection is subscribed to maxTopicsPerConnection ${max} topics already`, {
      limit: "maxTopicsPerConnection",
      max,
      topic,
      closeCode: 1008,
    });
  }

  /** The same string is checked, authorized and routed. */
  #authorize(socket: WebSocketConnection<Data>, topic: string, action: "subscribe" | "publish"): void {
    if (this.#options.authorize === undefined) return;
    if (allows(this.#options.authorize(socket, topic, action), this.#failed)) return;
    throw new TopicError(`Topic refused: the connection may not ${action}`, topic);
  }

  #checkTopic(topic: string): void {
    const fault = topicFault(topic, this.#limits.maxTopicBytes);
    if (fault !== undefined) throw fault;
  }

  /** Calls a hook after the current call stack. */
  #notify(hook: () => unknown): void {
    queueMicrotask(() => handleReturn(hook, this.#failed));
  }
}
