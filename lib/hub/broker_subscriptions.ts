/**
 * A hub's subscriptions at its broker. The hub subscribes to a topic with its first subscriber, and unsubscribes some time after
 * the last one has left. So a subscriber that leaves and returns soon costs the broker nothing.
 *
 * @module
 */
import type { Broker } from "./broker.ts";

/** Stands for all topics, among the names of topics. */
export const ALL: unique symbol = Symbol("all topics");

/** The options of the subscriptions. */
export interface UpstreamOptions {
  /** Milliseconds to stay subscribed to a topic without subscribers. */
  readonly delay: number;
  /** Gets the errors that the broker throws. */
  readonly report: (error: unknown) => void;
}

/** The calls to the broker. */
export class BrokerSubscriptions {
  readonly #broker: Broker;
  readonly #options: UpstreamOptions;
  /** The time to unsubscribe from each topic without subscribers, the next one first. */
  readonly #leaving = new Map<string | typeof ALL, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param broker The attached broker.
   * @param options The delay, and a function that gets errors.
   */
  constructor(broker: Broker, options: UpstreamOptions) {
    this.#broker = broker;
    this.#options = options;
  }

  /** Publishes to the other hubs. */
  publish(topic: string, data: string | Uint8Array<ArrayBuffer>): void {
    this.#try(() => this.#broker.publish({ topic, data }));
  }

  /** Called when a topic has a subscriber. */
  enter(topic: string | typeof ALL): void {
    if (this.#leaving.delete(topic)) return;
    this.#try(() => topic === ALL ? this.#broker.subscribeAll() : this.#broker.subscribe(topic));
  }

  /** Called when a topic has no more subscribers. */
  leave(topic: string | typeof ALL): void {
    this.#leaving.set(topic, performance.now() + this.#options.delay);
    this.#timer ??= setTimeout(() => this.#giveUp(), this.#options.delay);
  }

  /** Closes the broker. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#leaving.clear();
    await this.#broker.close();
  }

  #giveUp(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const [topic, time] of this.#leaving) {
      if (time > now) {
        this.#timer = setTimeout(() => this.#giveUp(), time - now);
        return;
      }
      this.#leaving.delete(topic);
      this.#try(() => topic === ALL ? this.#broker.unsubscribeAll() : this.#broker.unsubscribe(topic));
    }
  }

  /** Calls the broker. Its errors are reported, and do not reach the code that publishes. */
  #try(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#options.report(error);
    }
  }
}
