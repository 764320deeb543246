/**
 * A hub's side of its broker: the broker hears of a topic when its first subscriber comes, and some time after its last one went, so
 * that who comes and goes costs it nothing.
 *
 * @module
 */
import type { Broker } from "./broker.ts";

/** All topics at once, among the names of topics. */
export const ALL: unique symbol = Symbol("all topics");

/** The calls to a broker. */
export interface UpstreamOptions {
  /** Milliseconds for which a topic without subscribers stays subscribed to. */
  readonly delay: number;
  /** Gets the errors that the broker throws. */
  readonly report: (error: unknown) => void;
}

/** The calls to the broker. */
export class BrokerSubscriptions {
  readonly #broker: Broker;
  readonly #options: UpstreamOptions;
  /** When to unsubscribe from each topic that has no subscribers left, the next one first. */
  readonly #leaving = new Map<string | typeof ALL, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param broker The broker, attached.
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

  /** A topic has subscribers. */
  enter(topic: string | typeof ALL): void {
    if (this.#leaving.delete(topic)) return;
    this.#try(() => topic === ALL ? this.#broker.subscribeAll() : this.#broker.subscribe(topic));
  }

  /** A topic has no more subscribers. */
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

  /** A broker's trouble is none of who publishes here. */
  #try(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#options.report(error);
    }
  }
}
