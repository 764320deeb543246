/**
 * What the tests of presence share: a broker in memory that can lose messages, and servers that note what changes.
 *
 * @module
 */
import type { Broker, BrokerMessage, BrokerState } from "../../lib/hub/broker.ts";
import { createPresence } from "../../lib/presence/presence.ts";
import type { Presence, PresenceOptions } from "../../lib/presence/presence_options.ts";
import { settle } from "../_support/wait.ts";

/** A broker in memory for any number of servers. */
export class Bus {
  /** Whether a message is lost. */
  loses: (message: BrokerMessage) => boolean = () => false;
  /** Everything that arrived at a server. */
  readonly carried: string[] = [];
  readonly brokers = new Set<BusBroker>();

  /** Another server's way to it. */
  broker(): BusBroker {
    return new BusBroker(this);
  }
}

/** One server's way to a {@linkcode Bus}. */
export class BusBroker implements Broker {
  state: BrokerState = "connecting";
  readonly lost = 0;
  readonly #bus: Bus;
  #hooks: Parameters<Broker["attach"]>[0] | undefined;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  attach(hooks: Parameters<Broker["attach"]>[0]): void {
    this.#hooks = hooks;
    queueMicrotask(() => this.turn("up"));
  }

  /** The connection is lost, or is there again. */
  turn(state: BrokerState): void {
    this.state = state;
    if (state === "up") this.#bus.brokers.add(this);
    else this.#bus.brokers.delete(this);
    this.#hooks?.state?.(state);
  }

  publish(message: BrokerMessage): void {
    if (this.state !== "up" || this.#bus.loses(message)) return;
    for (const broker of this.#bus.brokers) {
      if (broker === this) continue;
      queueMicrotask(() => {
        this.#bus.carried.push(String(message.data));
        broker.#hooks?.receive(message);
      });
    }
  }

  subscribe(): void {}
  unsubscribe(): void {}
  subscribeAll(): void {}
  unsubscribeAll(): void {}

  close(): Promise<void> {
    this.turn("closed");
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** A presence that notes its changes: `+ada:1`, `~ada:2`, `-ada`, each behind its topic. */
export interface NotedPresence extends Presence {
  /** What has changed since the last call. */
  changes(): Promise<string[]>;
}

/** Makes a presence whose mistakes fail the test. */
export function presenceOf(options: PresenceOptions = {}): NotedPresence {
  const noted: string[] = [];
  const presence = createPresence({
    onChange(topic, { joined, updated, left }) {
      for (const { id, data } of joined) noted.push(`${topic} +${id}:${JSON.stringify(data)}`);
      for (const { id, data } of updated) noted.push(`${topic} ~${id}:${JSON.stringify(data)}`);
      for (const id of left) noted.push(`${topic} -${id}`);
    },
    onError: (error) =>
      queueMicrotask(() => {
        throw error;
      }),
    ...options,
  });
  return Object.assign(presence, {
    async changes() {
      await settle();
      return noted.splice(0);
    },
  });
}
