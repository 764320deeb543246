/**
 * One connection in a hub with recovery: its subscriptions, and the numbers of its messages.
 *
 * @module
 */
import type { Hub } from "../hub/hub_options.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import type { LogEntry, Position } from "./log.ts";
import type { NumberedMessages } from "./numbered_messages.ts";
import { encodeEntry, encodeFact, type UnrecoveredReason } from "./protocol.ts";
import type { RecoveryObserver } from "./recoverable_options.ts";
import type { Follower } from "./recoverable_topic.ts";

/** The queued bytes at which a subscriber that catches up has to wait: the default `highWaterMark` of a connection. */
const HIGH_WATER_MARK = 64 * 1024;

/** The counters of a subscription. */
type Counts = Pick<RecoveryObserver, "recovered" | "unrecovered">;

/** A connection and a topic. */
export class Subscription<Data> implements Follower {
  readonly #socket: WebSocketConnection<Data>;
  readonly #topic: string;
  readonly #head: Hub<Data>;
  readonly #counts: Counts;
  /** The number of messages that it got while it caught up. */
  #given: number | undefined;
  #ended = false;

  /**
   * @param socket The connection.
   * @param topic The topic.
   * @param head The hub of subscribers at the head.
   * @param counts The counters.
   */
  constructor(socket: WebSocketConnection<Data>, topic: string, head: Hub<Data>, counts: Counts) {
    this.#socket = socket;
    this.#topic = topic;
    this.#head = head;
    this.#counts = counts;
  }

  get active(): boolean {
    return !this.#ended && this.#socket.readyState === 1;
  }

  begin(position: Position, recovered: boolean | undefined, reason?: UnrecoveredReason): void {
    this.#given = recovered === true ? 0 : undefined;
    if (reason !== undefined) this.#counts.unrecovered?.(reason, 1);
    void this.#socket.send(encodeFact({ type: "subscribed", topic: this.#topic, position, recovered, reason }));
  }

  give(entry: LogEntry): Promise<void> | undefined {
    if (this.#given !== undefined) this.#given++;
    const sent = this.#socket.send(encodeEntry(this.#topic, entry));
    // A connection that ends is no longer active, so nothing waits for it.
    return this.#socket.bufferedAmount < HIGH_WATER_MARK ? undefined : sent.catch(() => {});
  }

  join(): void {
    if (this.#given !== undefined) this.#counts.recovered?.(this.#given);
    this.#head.subscribe(this.#socket, this.#topic);
  }

  /** Ends the subscription. */
  end(): void {
    this.#ended = true;
    this.#head.unsubscribe(this.#socket, this.#topic);
  }
}

/** A connection. */
export class Session<Data> {
  /** The connection. */
  readonly socket: WebSocketConnection<Data>;
  /** Its subscriptions, by topic. */
  readonly subscriptions = new Map<string, Subscription<Data>>();
  /** The client's numbered messages, if it numbers them. */
  numbered: NumberedMessages | undefined;

  /** @param socket The connection. */
  constructor(socket: WebSocketConnection<Data>) {
    this.socket = socket;
  }
}
