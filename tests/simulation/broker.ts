/**
 * A simulated broker between hubs: it carries messages to subscribed hubs, in order, and fails on command.
 *
 * @module
 */
import type { BrokerLink, BrokerSession } from "../../lib/hub/broker_link.ts";
import { ALL_TOPICS, type Interest } from "../../lib/hub/wanted_topics.ts";
import type { Outgoing } from "../../lib/hub/broker_queue.ts";
import type { World } from "./world.ts";

/** Milliseconds that the broker takes for anything. */
const TIME = 2;

/** What the broker's sessions end with. */
export class BrokerGone extends Error {
  override name = "BrokerGone";
}

/** The broker. */
export class SimulatedBroker {
  readonly #world: World;
  readonly #sessions = new Set<Session>();
  readonly #twice: boolean;
  #down = false;

  /** @param twice Whether it says everything twice, as one does that has lost an acknowledgement. */
  constructor(world: World, twice = false) {
    this.#world = world;
    this.#twice = twice;
  }

  /** Sessions that live. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** A hub's way to it. */
  link(): BrokerLink {
    return {
      nameOf: (topic) => topic,
      connect: (receive) =>
        this.later(() => {
          if (this.#down) throw new BrokerGone("The broker is down");
          const session = new Session(this, receive);
          this.#sessions.add(session);
          return session;
        }),
    };
  }

  /** Dies, and is back after some time. */
  die(time: number): void {
    this.#down = true;
    for (const session of this.#sessions) session.end(new BrokerGone("The broker died"));
    this.#world.after(time, () => void (this.#down = false));
  }

  /** Does something when its time has come. */
  later<Value>(run: () => Value): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.#world.after(TIME, () => {
        try {
          resolve(run());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** Carries messages to all who asked for them, their publisher among them. */
  carry(batch: readonly Outgoing[]): void {
    for (const { name, bytes } of batch) {
      for (const session of this.#sessions) {
        session.hear(name, bytes.slice());
        if (this.#twice) session.hear(name, bytes.slice());
      }
    }
  }

  /** A session has ended. */
  left(session: Session): void {
    this.#sessions.delete(session);
  }
}

/** One hub's connection. */
class Session implements BrokerSession {
  readonly #broker: SimulatedBroker;
  readonly #receive: (name: string, bytes: Uint8Array) => void;
  readonly #interests = new Set<Interest>();
  readonly #ended = Promise.withResolvers<unknown>();
  #over = false;

  constructor(broker: SimulatedBroker, receive: (name: string, bytes: Uint8Array) => void) {
    this.#broker = broker;
    this.#receive = receive;
  }

  get ended(): Promise<unknown> {
    return this.#ended.promise;
  }

  /** Ends it. */
  end(reason: unknown): void {
    this.#over = true;
    this.#broker.left(this);
    this.#ended.resolve(reason);
  }

  /** Hands a message on, where it is wanted. */
  hear(name: string, bytes: Uint8Array): void {
    if (this.#interests.has(name) || this.#interests.has(ALL_TOPICS)) this.#receive(name, bytes);
  }

  publish(batch: readonly Outgoing[]): Promise<number> {
    const copies = batch.map(({ name, bytes }) => ({ name, bytes: bytes.slice() }));
    return this.#do(() => {
      this.#broker.carry(copies);
      return 0;
    });
  }

  subscribe(interests: readonly Interest[]): Promise<void> {
    return this.#do(() => interests.forEach((one) => this.#interests.add(one)));
  }

  unsubscribe(interests: readonly Interest[]): Promise<void> {
    return this.#do(() => interests.forEach((one) => this.#interests.delete(one)));
  }

  ping(): Promise<void> {
    return this.#do(() => {});
  }

  close(): Promise<void> {
    return this.#broker.later(() => this.end(new BrokerGone("The hub has left")));
  }

  /** Does something, unless the session has ended meanwhile. */
  #do<Value>(run: () => Value): Promise<Value> {
    return this.#broker.later(() => {
      if (this.#over) throw new BrokerGone("The session has ended");
      return run();
    });
  }
}
