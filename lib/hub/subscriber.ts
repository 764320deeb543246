/**
 * One connection in a hub: its subscriptions, its messages, and what happens if it is slow.
 *
 * @module
 */
import { LimitError } from "../errors.ts";
import type { DrivenConnection } from "../connection/driven_connection.ts";
import type { SlowPolicy } from "../connection/socket_options.ts";
import { Backlog } from "./backlog.ts";
import type { HubMessage } from "./hub_message.ts";
import type { HubStats } from "./hub_options.ts";
import type { TopicPattern } from "./topic_pattern.ts";

/** The part of the hub that a subscriber needs. */
export interface SubscriberHub<Data> {
  /** The counters. */
  readonly stats: HubStats;
  /** The queued bytes at which a subscriber counts as too slow. */
  readonly maxBacklogBytes: number;
  /** Flushes the subscriber after the current call stack. */
  flushLater(subscriber: Subscriber<Data>): void;
  /** Called when a subscriber reads again or has ended, with the number of messages that were dropped. */
  recovered(subscriber: Subscriber<Data>, dropped: number): void;
}

/** A subscription to a pattern. */
export interface Wildcard {
  readonly pattern: TopicPattern;
  readonly slowPolicy: SlowPolicy;
  /** The number of the last message before it. */
  readonly since: number;
}

/** A subscriber. */
export class Subscriber<Data = unknown> {
  /** Its connection. */
  readonly connection: DrivenConnection<Data>;
  /** Its topics, each with its slow policy. */
  readonly topics = new Map<string, SlowPolicy>();
  /** Its patterns by their source. */
  readonly wildcards = new Map<string, Wildcard>();
  /** The number of the last message that it got, so that it gets no message twice. */
  lastId = 0;
  /** Whether it waits to be flushed. */
  unflushed = false;
  readonly #hub: SubscriberHub<Data>;
  #backlog: Backlog | undefined;
  #dropped = 0;
  #reported = 0;

  /**
   * @param connection The connection.
   * @param hub Its hub.
   */
  constructor(connection: DrivenConnection<Data>, hub: SubscriberHub<Data>) {
    this.connection = connection;
    this.#hub = hub;
  }

  /** The number of messages for it that were dropped. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The number of its topics and patterns. */
  get size(): number {
    return this.topics.size + this.wildcards.size;
  }

  /** Whether a message was meant for it through a pattern, delivered or not. */
  hadByPattern({ id, topic }: HubMessage): boolean {
    for (const { pattern, since } of this.wildcards.values()) if (id > since && pattern.matches(topic)) return true;
    return false;
  }

  /** Delivers a message. It never waits, and never throws errors that the peer caused. */
  deliver(message: HubMessage, wildcard?: Wildcard): void {
    this.lastId = message.id;
    if (this.#backlog === undefined && !this.connection.full) return this.#send(message);
    const policy = wildcard?.slowPolicy ?? this.topics.get(message.topic) ?? "disconnect";
    if (policy === "wait") this.#send(message);
    else if (policy === "disconnect") this.#sendOrDisconnect(message);
    else this.#hold(message, policy);
  }

  /** Called when its connection has ended or has left the hub. */
  end(): void {
    this.#report();
  }

  #send(message: HubMessage): void {
    const { shared } = this.connection;
    if (shared === undefined) {
      // A connection that is closing gets no more messages. Publishing to it is not an error.
      if (this.connection.readyState === 1) void this.connection.send(message.data, message.options);
      return;
    }
    shared.sendEncoded(message.encodedFor(shared));
    if (!this.unflushed) {
      this.unflushed = true;
      this.#hub.flushLater(this);
    }
  }

  #sendOrDisconnect(message: HubMessage): void {
    const { maxBacklogBytes: max } = this.#hub;
    const actual = this.connection.bufferedAmount + message.size;
    if (actual <= max) return this.#send(message);
    if (this.connection.readyState !== 1) return;
    this.#hub.stats.disconnected++;
    this.connection.fail(
      new LimitError(`Subscriber does not read: ${actual} bytes queued exceed maxBacklogBytes ${max}`, {
        limit: "maxBacklogBytes",
        max,
        actual,
        closeCode: 1013,
      }),
    );
  }

  #hold(message: HubMessage, policy: "drop-oldest" | "latest-only"): void {
    const idle = this.#backlog === undefined;
    const backlog = this.#backlog ??= new Backlog(this.#hub.maxBacklogBytes);
    const dropped = backlog.put(message, policy);
    this.#dropped += dropped;
    this.#hub.stats.dropped += dropped;
    if (idle) void this.#drain(backlog);
  }

  /** Moves the backlog into the connection's queue, as far as there is room. */
  async #drain(backlog: Backlog): Promise<void> {
    try {
      while (this.#backlog === backlog) {
        await this.connection.drained();
        this.#report();
        await undefined; // the hook is called first, so that it can report what is missing
        while (backlog.length > 0 && !this.connection.full) this.#send(backlog.take()!);
        if (backlog.length === 0) this.#backlog = undefined;
      }
    } catch {
      this.#backlog = undefined; // the connection has ended
    }
  }

  #report(): void {
    const dropped = this.#dropped - this.#reported;
    this.#reported = this.#dropped;
    if (dropped > 0) this.#hub.recovered(this, dropped);
  }
}
