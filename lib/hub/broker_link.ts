/**
 * The interface to a broker's client library, which has to handle only one connection at a time. Reconnecting, queues and checks
 * are implemented once for all libraries.
 *
 * @module
 */
import type { Interest } from "./wanted_topics.ts";
import type { Outgoing } from "./broker_queue.ts";

/** One connection to a broker. Once it is lost, it is not used again. */
export interface BrokerSession {
  /** Resolves with the reason when the connection is lost. */
  readonly ended: Promise<unknown>;
  /** Sends messages in order. Resolves when the broker has them, with the number of messages that it refused. */
  publish(batch: readonly Outgoing[]): Promise<number>;
  /** Subscribes. Resolves when the subscription is active. */
  subscribe(interests: readonly Interest[]): Promise<void>;
  /** Unsubscribes. Resolves when the request was sent. */
  unsubscribe(interests: readonly Interest[]): Promise<void>;
  /** Sends a ping. Resolves when the broker has answered. */
  ping(): Promise<void>;
  /** Ends the connection. */
  close(): Promise<void>;
}

/** A connection factory for one broker. */
export interface BrokerLink {
  /** Returns the broker's name for a topic, which is different for each topic. */
  nameOf(topic: string): string;
  /** Connects. Incoming messages are passed on with the name that they were sent to. */
  connect(receive: (name: string, bytes: Uint8Array) => void): Promise<BrokerSession>;
}
