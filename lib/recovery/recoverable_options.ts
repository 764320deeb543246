/**
 * The options and the interface of a hub with recovery.
 *
 * @module
 */
import { HUB_LIMIT_KINDS, type HubLimits, RECOVERY_LIMIT_KINDS, type RecoveryLimits } from "../limits.ts";
import { CALLBACK, FLAG, kind, like, oneOf, type OptionKinds, required, whole } from "../option_kinds.ts";
import type { Message, MessageData } from "../pipeline/messages/message.ts";
import type { WebSocketCallbacks } from "../connection/readers/callbacks.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import type { Log, Position } from "./log.ts";
import { MAX_TOPIC_BYTES, POSITION, type UnrecoveredReason } from "./protocol.ts";

/** Gets events for metrics; `prometheusRecoveryMetrics` of `./telemetry` has one. If it throws, the error is printed. */
export interface RecoveryObserver {
  /** Called when the log has a message, with the milliseconds since it was published. */
  appended?(milliseconds: number): void;
  /** Called when the log did not take a message, with the milliseconds since it was published. */
  refused?(milliseconds: number): void;
  /** Called when a subscriber that reconnected has everything that it missed, with the number of messages. */
  recovered?(messages: number): void;
  /** Called when subscriptions cannot continue where they were, with their number. */
  unrecovered?(reason: UnrecoveredReason, subscriptions: number): void;
  /** Called when the bytes that are held for subscribers that catch up change, with the difference. */
  held?(bytes: number): void;
}

/**
 * The options of `createRecoverableHub`.
 *
 * @typeParam Data The type of `socket.data`.
 */
export interface RecoverableHubOptions<Data = unknown> extends Partial<HubLimits>, Partial<RecoveryLimits> {
  /** The log of the messages: `memoryLog`, `redisLog` of `./recovery/redis`, or `jetStreamLog` of `./recovery/nats`. */
  log: Log;
  /**
   * Returns `true` if a connection may subscribe to a topic; any other value refuses. It is called again after each reconnect. It
   * is not called when the server itself subscribes or publishes.
   *
   * @default {every topic is for everybody}
   */
  authorize?(socket: WebSocketConnection<Data>, topic: string): boolean;
  /**
   * What happens to a subscriber that does not keep up. No message may be dropped for it. Either it is disconnected with code
   * 1013, and catches up after it has reconnected, or its messages wait in the connection's queue up to `maxQueuedBytes`.
   *
   * @default {"disconnect"}
   */
  slowPolicy?: "disconnect" | "wait";
  /** Gets events for metrics. By default nothing is measured. */
  observer?: RecoveryObserver;
  /** Gets errors of the log and of hooks. By default it is printed to the console. */
  onError?(error: unknown): void;
}

/** The options of `publish`. */
export interface RecoverablePublishOptions {
  /** Whether the call waits for the log. @default {false} */
  durable?: boolean;
  /**
   * The id of the message in its topic. If you publish a message with the same id to the same topic again within the log's
   * `resumeTimeout`, it is not published twice.
   */
  id?: string | undefined;
}

/** The options of `subscribe`. */
export interface RecoverableSubscribeOptions {
  /** The position from which to continue. By default the subscription begins with new messages. */
  position?: Position;
}

/** Information about a message of a client. */
export interface MessageInfo {
  /**
   * The id of the message, to pass to `publish`, if the client uses acknowledgements. It is the same when the client sends the
   * message again.
   */
  readonly id: string | undefined;
}

/**
 * Callbacks for connections, like those of `serve`. `message` gets the messages to the application, whether or not the client
 * speaks `sluice.v1`. If it throws, the connection closes with code 1011, and a client that uses acknowledgements sends the
 * message again.
 *
 * @typeParam Data The type of `socket.data`.
 */
export interface RecoverableCallbacks<Data = unknown> extends Omit<WebSocketCallbacks<Data>, "message"> {
  /** A message arrived. */
  message?(socket: WebSocketConnection<Data>, data: Message, info: MessageInfo): unknown;
}

/** The counters of a hub with recovery. */
export interface RecoveryStats {
  /** Messages that the log took from this hub. */
  appended: number;
  /** Messages that the log did not take. */
  refused: number;
  /** The number of reads of the log. */
  reads: number;
  /** Subscriptions that continued where they were. */
  recovered: number;
  /** Subscriptions that did not. Their clients got `recovered: false`. */
  unrecovered: number;
  /** Messages that were delivered to subscribers that caught up. */
  caughtUp: number;
}

/**
 * Topics whose subscribers get messages that they missed.
 *
 * @typeParam Data The type of `socket.data`.
 */
export interface RecoverableHub<Data = unknown> extends AsyncDisposable {
  /** The counters. */
  readonly stats: Readonly<RecoveryStats>;
  /** The bytes of memory that are held for subscribers that catch up. */
  readonly heldBytes: number;
  /**
   * Returns the handler for `serve`; also pass `protocols: ["sluice.v1"]` to it. Clients that speak the subprotocol can subscribe
   * by themselves. Messages of other clients go to your callbacks unchanged.
   *
   * @param callbacks Your own callbacks.
   * @returns Callbacks that call them.
   * @throws {TypeError} If they are not an object with callbacks.
   */
  handlers(callbacks?: RecoverableCallbacks<Data>): WebSocketCallbacks<Data>;
  /**
   * Subscribes a connection. A client that speaks `sluice.v1` gets numbered messages. Any other client gets only the data, and no
   * messages that it missed. The client `recovering` ignores topics to which it has not subscribed itself.
   *
   * @param socket The connection.
   * @param topic The topic.
   * @param options The position from which to continue.
   * @returns `true` if this is a new subscription; `false` if it existed already, or if the connection or the hub is closed.
   * @throws {TypeError} If the socket is not a connection of this module.
   * @throws {TopicError} If the topic is not well-formed Unicode.
   * @throws {LimitError} If the topic is longer than `maxTopicBytes`, or exceeds `maxTopicsPerConnection`.
   */
  subscribe(socket: WebSocketConnection<Data>, topic: string, options?: RecoverableSubscribeOptions): boolean;
  /**
   * Ends a subscription. When a connection ends, all its subscriptions end.
   *
   * @param socket The connection.
   * @param topic The topic.
   * @returns Whether the connection was subscribed.
   */
  unsubscribe(socket: WebSocketConnection<Data>, topic: string): boolean;
  /**
   * Publishes a message to all servers that share the log, and waits until the log has it.
   *
   * @param topic The topic.
   * @param data The message; it is copied.
   * @param options What it is known by.
   * @returns Resolves with its position when the log has it. Rejects if the log refuses it or is unreachable. In that case it may
   *   have been published all the same; publish it again with the same `id` to avoid a duplicate. You can ignore the promise.
   * @throws {TypeError} If `data` is no message.
   * @throws {TopicError} If the topic is not well-formed Unicode.
   * @throws {LimitError} If the topic is longer than `maxTopicBytes`.
   */
  publish(topic: string, data: MessageData, options: RecoverablePublishOptions & { durable: true }): Promise<Position>;
  /**
   * Publishes a message to all servers that share the log, and does not wait. If the log does not take it, `onError` gets the error.
   *
   * @param topic The topic.
   * @param data The message; it is copied.
   * @param options What it is known by.
   */
  publish(topic: string, data: MessageData, options?: RecoverablePublishOptions & { durable?: false }): void;
  /**
   * Sends a message from the application to one client: in an envelope if the client speaks `sluice.v1`, otherwise unchanged.
   *
   * @param socket The connection.
   * @param data The message.
   * @returns The promise of `socket.send`.
   * @throws {TypeError} If the socket is not a connection of this module, or `data` is no message.
   */
  send(socket: WebSocketConnection<Data>, data: MessageData): Promise<void>;
  /** Returns the number of local connections that are subscribed to the topic and have caught up. */
  count(topic: string): number;
  /** Ends all subscriptions and closes the log. Connections stay open. */
  close(): Promise<void>;
}

/** The options of `createRecoverableHub`, for their check. */
export const RECOVERABLE_HUB_OPTION_KINDS: OptionKinds<RecoverableHubOptions> = {
  ...HUB_LIMIT_KINDS,
  ...RECOVERY_LIMIT_KINDS,
  maxTopicBytes: whole({ unit: "bytes", least: 1, most: MAX_TOPIC_BYTES, infinite: false }),
  log: required(like("a log, as memoryLog, redisLog and jetStreamLog make one", {
    methods: ["append", "read", "follow", "taken", "take", "close"],
  })),
  authorize: CALLBACK,
  slowPolicy: oneOf("disconnect", "wait"),
  observer: like("an observer", { optional: ["appended", "refused", "recovered", "unrecovered", "held"] }),
  onError: CALLBACK,
};

/** The options of `publish`, for their check. */
export const RECOVERABLE_PUBLISH_OPTION_KINDS: OptionKinds<RecoverablePublishOptions> = {
  durable: FLAG,
  // It becomes part of a header field in NATS and of a key in Redis.
  id: kind(
    "1 to 128 visible ASCII characters",
    (value) => typeof value === "string" && /^[\x21-\x7e]{1,128}$/.test(value),
  ),
};

/** The options of `subscribe`, for their check. */
export const RECOVERABLE_SUBSCRIBE_OPTION_KINDS: OptionKinds<RecoverableSubscribeOptions> = {
  position: POSITION,
};
