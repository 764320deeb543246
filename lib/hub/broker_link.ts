/**
 * The little that a broker's client library has to do: one connection at a time. Reconnects, queues and checks are ours, the same
 * for every library.
 *
 * @module
 */
import type { Interest } from "./wanted_topics.ts";
import type { Outgoing } from "./broker_queue.ts";

/** One connection to a broker. Once it is lost, it is not used again. */
export interface BrokerSession {
  /** Resolves with the reason when the connection is lost. */
  readonly ended: Promise<unknown>;
  /** Hands messages on in order. Resolves when the broker has them, with the number that it does not take. */
  publish(batch: readonly Outgoing[]): Promise<number>;
  /** Resolves when the broker sends what is published from then on. */
  subscribe(interests: readonly Interest[]): Promise<void>;
  /** Resolves when the broker has been told. */
  unsubscribe(interests: readonly Interest[]): Promise<void>;
  /** Resolves when the broker has answered. */
  ping(): Promise<void>;
  /** Ends the connection. */
  close(): Promise<void>;
}

/** A way to a broker. */
export interface BrokerLink {
  /** The broker's name for a topic. No two topics have the same. */
  nameOf(topic: string): string;
  /** Connects. What comes in is given on with the name that it was sent to. */
  connect(receive: (name: string, bytes: Uint8Array) => void): Promise<BrokerSession>;
}
