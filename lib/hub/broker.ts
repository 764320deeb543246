/**
 * What a hub needs of a broker, so that hubs in other workers, processes and machines hear what it publishes.
 *
 * @module
 */

/** What one hub tells the others. */
export interface BrokerMessage {
  /** The topic: any well-formed string, compared as it is. */
  readonly topic: string;
  /** A text message, or the bytes of a binary one. */
  readonly data: string | Uint8Array<ArrayBuffer>;
}

/**
 * Where a broker stands: `connecting` at first, `up` while messages go through, `down` while it cannot be reached and is tried
 * again, `closed` at the end.
 */
export type BrokerState = "connecting" | "up" | "down" | "closed";

/**
 * Carries messages between hubs, at most once: one publisher's messages arrive in order and never twice, but what is published
 * while a hub or its broker is away, or is under way just then, may be lost. Local delivery is not its business and does not wait
 * for it.
 */
export interface Broker extends AsyncDisposable {
  /** Where it stands. */
  readonly state: BrokerState;
  /** Messages that could not be handed to the broker (down, queue full). */
  readonly lost: number;
  /**
   * Begins. Called once by the hub: what other hubs publish (never our own messages), and changes of state.
   *
   * @param hooks What is called.
   * @throws {DOMException} `InvalidStateError` if a hub is attached already.
   */
  attach(hooks: { receive(message: BrokerMessage): void; state?(state: BrokerState): void }): void;
  /**
   * Hands a message on. Never waits; bounded; counts what it must drop.
   *
   * @param message The message. Its bytes are copied.
   */
  publish(message: BrokerMessage): void;
  /**
   * This hub has subscribers of the topic from now on. Resubscribed by the broker after a reconnect.
   *
   * @param topic The topic.
   */
  subscribe(topic: string): void;
  /**
   * This hub has no subscribers of the topic any more.
   *
   * @param topic The topic.
   */
  unsubscribe(topic: string): void;
  /** All topics (the hub has wildcards). */
  subscribeAll(): void;
  /** No wildcards any more: the single topics count again. */
  unsubscribeAll(): void;
  /** Ends. What still waits is handed on first, if the broker takes it within a second. */
  close(): Promise<void>;
}
