/**
 * The interface of a broker, which connects hubs in other workers, processes and machines.
 *
 * @module
 */

/** A message between hubs. */
export interface BrokerMessage {
  /** The topic: any well-formed string, compared exactly. */
  readonly topic: string;
  /** A text message, or the bytes of a binary one. */
  readonly data: string | Uint8Array<ArrayBuffer>;
}

/**
 * The state of a broker: `connecting` at first, `up` while it delivers messages, `down` while it reconnects, `closed` at the end.
 */
export type BrokerState = "connecting" | "up" | "down" | "closed";

/**
 * Carries messages between hubs, at most once. The messages of one publisher arrive in order and never twice. Messages that are
 * published while a hub or its broker is unreachable, and messages in transit at that moment, may be lost. Local delivery does
 * not go through the broker and does not wait for it.
 */
export interface Broker extends AsyncDisposable {
  /** The state. */
  readonly state: BrokerState;
  /** The number of messages that could not be sent to the broker, because it was down and the queue was full. */
  readonly lost: number;
  /**
   * Starts the broker. The hub calls it once.
   *
   * @param hooks `receive` gets messages of other hubs, never those of this hub; `state` gets each new state.
   * @throws {DOMException} `InvalidStateError` if the broker belongs to a hub already.
   */
  attach(hooks: { receive(message: BrokerMessage): void; state?(state: BrokerState): void }): void;
  /**
   * Sends a message to the other hubs. It never waits; its queue is bounded, and messages that are discarded are counted.
   *
   * @param message The message. Its bytes are copied.
   */
  publish(message: BrokerMessage): void;
  /**
   * Subscribes this hub to a topic. After a reconnect the broker subscribes again by itself.
   *
   * @param topic The topic.
   */
  subscribe(topic: string): void;
  /**
   * Ends the subscription of a topic.
   *
   * @param topic The topic.
   */
  unsubscribe(topic: string): void;
  /** Subscribes this hub to all topics, because it has patterns. */
  subscribeAll(): void;
  /** Ends the subscription to all topics. Subscriptions to single topics apply again. */
  unsubscribeAll(): void;
  /** Closes the broker. Waiting messages are sent first, if the broker takes them within a second. */
  close(): Promise<void>;
}
