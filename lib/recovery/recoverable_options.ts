/**
 * What a hub with recovery is made of, and what it offers.
 *
 * @module
 */
import { HUB_LIMIT_KINDS, type HubLimits, RECOVERY_LIMIT_KINDS, type RecoveryLimits } from "../limits.ts";
import { CALLBACK, FLAG, isObject, kind, like, oneOf, type OptionKinds, required } from "../option_kinds.ts";
import type { Message, MessageData } from "../pipeline/messages/message.ts";
import type { WebSocketCallbacks } from "../connection/readers/callbacks.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import type { Log, Position } from "./log.ts";
import type { UnrecoveredReason } from "./protocol.ts";

/** Is called for what there is to measure; `prometheusRecoveryMetrics` of `./telemetry` has one. */
export interface RecoveryObserver {
  /** The log has a message, so many milliseconds after it was published. */
  appended?(milliseconds: number): void;
  /** The log did not take a message, as was known after so many milliseconds. */
  refused?(milliseconds: number): void;
  /** A subscriber that came back has been given everything that it missed: so many messages. */
  recovered?(messages: number): void;
  /** So many subscriptions cannot go on where they were. */
  unrecovered?(reason: UnrecoveredReason, subscriptions: number): void;
  /** So many bytes more, or fewer, are held for those who catch up. */
  held?(bytes: number): void;
}

/**
 * How a hub with recovery works.
 *
 * @typeParam Data What the application keeps with each connection.
 */
export interface RecoverableHubOptions<Data = unknown> extends Partial<HubLimits>, Partial<RecoveryLimits> {
  /** Where the messages are: `memoryLog`, `redisLog` of `./recovery/redis`, or `jetStreamLog` of `./recovery/nats`. */
  log: Log;
  /**
   * Decides whether a connection may have a topic, each time that it comes back too; anything but `true` refuses. It is not asked
   * about what the server itself subscribes and publishes.
   *
   * @default {every topic is for everybody}
   */
  authorize?(socket: WebSocketConnection<Data>, topic: string): boolean;
  /**
   * What happens to a subscriber that does not read: nothing may be dropped for it, so it is either disconnected with 1013, and
   * catches up when it comes back, or its messages wait in its connection's queue up to `maxQueuedBytes`.
   *
   * @default {"disconnect"}
   */
  slowPolicy?: "disconnect" | "wait";
  /** Is called for what there is to measure. Nothing is measured without it. */
  observer?: RecoveryObserver;
  /** Gets what the log and the hooks throw. By default it is printed to the console. */
  onError?(error: unknown): void;
}

/** How a message is published to a topic with recovery. */
export interface RecoverablePublishOptions {
  /** Whether the call waits for the log. @default {false} */
  durable?: boolean;
  /** What the message is known by: published again within the log's `resumeTimeout`, it is the same one and not published twice. */
  id?: string | undefined;
}

/** How the server subscribes a connection. */
export interface RecoverableSubscribeOptions {
  /** Where it goes on. By default it begins at the head. */
  position?: Position;
}

/** What comes with a message of a client. */
export interface MessageInfo {
  /** Of a client that acknowledges: what the message is known by, for `publish`. It is the same when the client sends it again. */
  readonly id: string | undefined;
}

/**
 * Callbacks for connections, as `serve` takes them. `message` gets what a client sends to the application, whether or not it speaks
 * `sluice.v1`. If it throws, the connection is closed with 1011, and a client that acknowledges sends the message again.
 *
 * @typeParam Data What the application keeps with the connection.
 */
export interface RecoverableCallbacks<Data = unknown> extends Omit<WebSocketCallbacks<Data>, "message"> {
  /** A message arrived. */
  message?(socket: WebSocketConnection<Data>, data: Message, info: MessageInfo): unknown;
}

/** What a hub with recovery has counted. */
export interface RecoveryStats {
  /** Messages that the log took from this hub. */
  appended: number;
  /** Messages that the log did not take. */
  refused: number;
  /** Times that the log was read. */
  reads: number;
  /** Subscriptions that went on where they were. */
  recovered: number;
  /** Subscriptions that did not: their clients were told. */
  unrecovered: number;
  /** Messages that were given to those who caught up. */
  caughtUp: number;
}

/**
 * Topics whose subscribers get what they missed.
 *
 * @typeParam Data What the application keeps with each connection.
 */
export interface RecoverableHub<Data = unknown> extends AsyncDisposable {
  /** What it has counted. */
  readonly stats: Readonly<RecoveryStats>;
  /** Bytes of memory that are held for those who catch up. */
  readonly heldBytes: number;
  /**
   * The callbacks to give to `serve`, with `protocols: ["sluice.v1"]`. Clients that speak the subprotocol subscribe by themselves;
   * others are handed on as they are.
   *
   * @param callbacks The application's own.
   * @returns Callbacks around them.
   */
  handlers(callbacks?: RecoverableCallbacks<Data>): WebSocketCallbacks<Data>;
  /**
   * Subscribes a connection. One that speaks `sluice.v1` gets numbered messages; another one gets the data, and nothing that it missed.
   *
   * @param socket The connection.
   * @param topic The topic.
   * @param options Where it goes on.
   * @returns Whether it is subscribed now and was not before; `false` if it is closing or closed, or the hub is.
   * @throws {TopicError} If the topic is not well-formed Unicode.
   * @throws {LimitError} If the topic is longer than `maxTopicBytes`, or it would be one more than `maxTopicsPerConnection`.
   */
  subscribe(socket: WebSocketConnection<Data>, topic: string, options?: RecoverableSubscribeOptions): boolean;
  /**
   * Ends a subscription. The end of a connection ends all of its subscriptions.
   *
   * @param socket The connection.
   * @param topic The topic.
   * @returns Whether it was subscribed.
   */
  unsubscribe(socket: WebSocketConnection<Data>, topic: string): boolean;
  /**
   * Publishes a message to all servers that share the log, and waits until the log has it.
   *
   * @param topic The topic.
   * @param data The message; it is copied.
   * @param options What it is known by.
   * @returns Resolves with its place when the log has it. Rejects if the log refuses it or cannot be reached: then it may be published
   *   all the same, and publishing it again with the same `id` does not publish it twice. Safe to ignore.
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
   * Sends a message to one client, from the application: in the envelope to one that speaks `sluice.v1`, else as it is.
   *
   * @param socket The connection.
   * @param data The message.
   * @returns As `socket.send`.
   */
  send(socket: WebSocketConnection<Data>, data: MessageData): Promise<void>;
  /** How many connections here are subscribed to the topic and have caught up. */
  count(topic: string): number;
  /** Ends all subscriptions and closes the log. Connections stay open. */
  close(): Promise<void>;
}

/** What `createRecoverableHub` takes. */
export const RECOVERABLE_HUB_OPTION_KINDS: OptionKinds<RecoverableHubOptions> = {
  ...HUB_LIMIT_KINDS,
  ...RECOVERY_LIMIT_KINDS,
  log: required(like("a log, as memoryLog, redisLog and jetStreamLog make one", {
    methods: ["append", "read", "follow", "taken", "take", "close"],
  })),
  authorize: CALLBACK,
  slowPolicy: oneOf("disconnect", "wait"),
  observer: like("an observer", { optional: ["appended", "refused", "recovered", "unrecovered", "held"] }),
  onError: CALLBACK,
};

/** What its `publish` takes. */
export const RECOVERABLE_PUBLISH_OPTION_KINDS: OptionKinds<RecoverablePublishOptions> = {
  durable: FLAG,
  // It goes into a header field of NATS and a key of Redis.
  id: kind(
    "1 to 128 visible ASCII characters",
    (value) => typeof value === "string" && /^[\x21-\x7e]{1,128}$/.test(value),
  ),
};

/** What its `subscribe` takes. */
export const RECOVERABLE_SUBSCRIBE_OPTION_KINDS: OptionKinds<RecoverableSubscribeOptions> = {
  position: kind("a position: { epoch, offset }", isPosition),
};

/** Whether a value is a position. */
export function isPosition(value: unknown): value is Position {
  return isObject(value) && "epoch" in value && typeof value.epoch === "string" && "offset" in value &&
    Number.isSafeInteger(value.offset) && Number(value.offset) >= 0;
}
