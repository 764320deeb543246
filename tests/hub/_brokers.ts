/**
 * Brokers for tests: a scripted one in memory that can be stopped, and records of a hub's calls.
 *
 * @module
 */
import type { Broker, BrokerMessage } from "../../lib/hub/broker.ts";
import type { BrokerLink, BrokerSession } from "../../lib/hub/broker_link.ts";
import { ALL_TOPICS, type Interest } from "../../lib/hub/wanted_topics.ts";
import type { Outgoing } from "../../lib/hub/broker_queue.ts";

/** A broker in memory, which every link of it reaches. */
export class FakeServer {
  /** Everything that was asked for, in order. */
  readonly commands: string[] = [];
  /** Whether it can be reached. */
  running = true;
  /** Whether it answers. */
  answers = true;
  /** The largest envelope that it takes. */
  maxBytes = Infinity;
  readonly #sessions = new Set<
    { held: Set<Interest>; receive: (name: string, bytes: Uint8Array) => void; end: () => void }
  >();

  /** How many are connected. */
  get connected(): number {
    return this.#sessions.size;
  }

  /** Loses every connection, and takes no other. */
  stop(): void {
    this.running = false;
    for (const { end } of this.#sessions) end();
  }

  /** Sends a message to every subscriber, once for each subscription, as NATS and Redis do. */
  send(name: string, bytes: Uint8Array): void {
    for (const { held, receive } of this.#sessions) {
      if (held.has(name)) receive(name, bytes);
      if (held.has(ALL_TOPICS)) receive(name, bytes);
    }
  }

  /** A way to it. */
  link(): BrokerLink {
    return { nameOf: (topic) => `name of ${topic}`, connect: (receive) => this.#connect(receive) };
  }

  #answer(): Promise<void> {
    return this.answers ? Promise.resolve() : new Promise(() => {});
  }

  async #connect(receive: (name: string, bytes: Uint8Array) => void): Promise<BrokerSession> {
    this.commands.push("connect");
    await this.#answer();
    if (!this.running) throw new Error("refused");
    const held = new Set<Interest>();
    const { promise: ended, resolve } = Promise.withResolvers<unknown>();
    const end = () => {
      this.#sessions.delete(session);
      resolve(new Error("lost"));
    };
    const session = { held, receive, end };
    this.#sessions.add(session);
    const note = (command: string, interests: readonly Interest[]) =>
      void this.commands.push(`${command} ${interests.map((interest) => interest === ALL_TOPICS ? "*" : interest)}`);
    return {
      ended,
      publish: async (batch: readonly Outgoing[]) => {
        note("publish", batch.map(({ name }) => name));
        await this.#answer();
        const taken = batch.filter(({ bytes }) => bytes.byteLength <= this.maxBytes);
        for (const { name, bytes } of taken) this.send(name, bytes);
        return batch.length - taken.length;
      },
      subscribe: (interests) => {
        note("subscribe", interests);
        for (const interest of interests) held.add(interest);
        return this.#answer();
      },
      unsubscribe: (interests) => {
        note("unsubscribe", interests);
        for (const interest of interests) held.delete(interest);
        return this.#answer();
      },
      ping: () => {
        note("ping", []);
        return this.#answer();
      },
      close: () => {
        end();
        return Promise.resolve();
      },
    };
  }
}

/** Attaches a hub that records its calls. */
export function noted(broker: Broker): { messages: BrokerMessage[]; states: string[] } {
  const messages: BrokerMessage[] = [];
  const states: string[] = [];
  broker.attach({ receive: (message) => void messages.push(message), state: (state) => void states.push(state) });
  return { messages, states };
}
