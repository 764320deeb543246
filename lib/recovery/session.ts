/**
 * One connection in a hub with recovery: its subscriptions, and the numbers of its messages.
 *
 * @module
 */
import type { Hub } from "../hub/hub_options.ts";
import { isEnd } from "../connection/not_open.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import type { Log, LogEntry, Position } from "./log.ts";
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
  /** The name of the client's session, if its messages are numbered. */
  id: string | undefined;
  #taken = 0;

  /** @param socket The connection. */
  constructor(socket: WebSocketConnection<Data>) {
    this.socket = socket;
  }

  /** Starts a session with numbered messages. The client learns which messages were taken before. */
  async resume(session: string, log: Log): Promise<void> {
    this.#taken = await log.taken(session);
    this.id = session;
    void this.socket.send(encodeFact({ type: "session", session, number: this.#taken }));
  }

  /**
   * Passes a numbered message to the application, unless it was taken before.
   *
   * @param number Its number.
   * @param log The log, which remembers the numbers.
   * @param hear Passes the message on, with its id.
   */
  async take(number: number, log: Log, hear: (id: string) => unknown): Promise<void> {
    if (this.id !== undefined && number > this.#taken) {
      await this.#hear(() => hear(`${this.id}:${number}`));
      await log.take(this.id, number);
      this.#taken = number;
    }
    void this.socket.send(encodeFact({ type: "acknowledged", number }));
  }

  /** Passes a message on. If the application did not take it, this connection ends, so that the client sends it again. */
  async #hear(hear: () => unknown): Promise<void> {
    try {
      await hear();
    } catch (error) {
      // The end of another connection would not end this one, and the next number would acknowledge this message too.
      if (!isEnd(error) || this.socket.readyState !== 1) throw error;
      throw new Error("The message was not taken because another connection ended", { cause: error });
    }
  }
}
