/**
 * The common part of all brokers: the bounded queue, reconnecting and resubscribing, pings, and the checks of incoming messages.
 *
 * @module
 */
import { RANGE_KINDS, reconnectDelay } from "../backoff.ts";
import { CALLBACK, type OptionKinds } from "../option_kinds.ts";
import { bag } from "../options.ts";
import { defer } from "../async.ts";
import { ConnectionError, invalidState } from "../errors.ts";
import { BROKER_LIMIT_KINDS, type BrokerLimits, resolveBrokerLimits } from "../limits.ts";
import { handleReturn, logError } from "../log_error.ts";
import type { Broker, BrokerMessage, BrokerState } from "./broker.ts";
import type { BrokerLink, BrokerSession } from "./broker_link.ts";
import { decodeEnvelope, encodeEnvelope, type Envelope } from "./envelope.ts";
import { WantedTopics } from "./wanted_topics.ts";
import { Lifetime } from "./lifetime.ts";
import { BrokerQueue } from "./broker_queue.ts";

/** The options of every broker. */
export interface BrokerOptions extends Partial<BrokerLimits> {
  /**
   * The longest delay before the first attempt to reconnect and before any attempt, in milliseconds. Each delay is random, up to
   * that.
   * @default {{ first: 1000, most: 30000 }}
   */
  reconnect?: { readonly first?: number; readonly most?: number };
  /**
   * Gets the reason why the broker cannot be reached, once for each change of the reason, and errors of the hub. By default they
   * are printed to the console.
   */
  onError?(error: unknown): void;
}

/** What they take. */
export const BROKER_OPTION_KINDS: OptionKinds<BrokerOptions> = {
  ...BROKER_LIMIT_KINDS,
  reconnect: bag(RANGE_KINDS),
  onError: CALLBACK,
};

/** A broker that counts the incoming messages that it dropped. */
export interface LinkedBroker extends Broker {
  /**
   * The number of messages from the broker that were dropped because they were too large, malformed, or sent under the name of
   * another topic.
   */
  readonly refused: number;
}

/** The approximate number of bytes in transit to the broker at a time. They may be lost uncounted if the connection is lost. */
const BATCH_BYTES = 256 * 1024;

/** Milliseconds that `close` waits for the queue, and then again for the end of the connection. */
const LINGER = 1_000;

/**
 * The maximum number of senders whose last number is remembered. A forgotten sender starts anew, which matters only while
 * subscriptions change.
 */
const MAX_SENDERS = 1_024;

/**
 * Makes a broker from a link.
 *
 * @param link The link.
 * @param options Limits and hooks.
 * @returns The broker, which connects when a hub is attached.
 * @throws {RangeError} If a limit is invalid.
 */
export function linkBroker(link: BrokerLink, options: BrokerOptions = {}): LinkedBroker {
  return new LinkedBrokerImpl(link, options);
}

/** One session and its lifetime. */
interface ActiveSession {
  readonly session: BrokerSession;
  readonly time: Lifetime;
}

class LinkedBrokerImpl implements LinkedBroker {
  readonly #link: BrokerLink;
  readonly #options: BrokerOptions;
  readonly #limits: BrokerLimits;
  readonly #queue: BrokerQueue;
  readonly #wanted: WantedTopics;
  readonly #sender = crypto.randomUUID().replaceAll("-", "");
  #sequence = 0;
  /** The last number received from each sender. */
  readonly #seen = new Map<string, number>();
  readonly #life = new Lifetime();
  #hooks: Parameters<Broker["attach"]>[0] | undefined;
  #running: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #active: ActiveSession | undefined;
  #pumping = false;
  #drained: (() => void) | undefined;
  #notifying = false;
  #state: BrokerState = "connecting";
  #lost = 0;
  #refused = 0;
  #failures = 0;
  #lastReason: string | undefined;

  constructor(link: BrokerLink, options: BrokerOptions) {
    this.#link = link;
    this.#options = options;
    this.#limits = resolveBrokerLimits(options);
    this.#queue = new BrokerQueue(this.#limits);
    this.#wanted = new WantedTopics(link.nameOf);
  }

  get state(): BrokerState {
    return this.#state;
  }

  get lost(): number {
    return this.#lost;
  }

  get refused(): number {
    return this.#refused;
  }

  attach(hooks: { receive(message: BrokerMessage): void; state?(state: BrokerState): void }): void {
    if (this.#hooks !== undefined) throw invalidState("Cannot attach: the broker has a hub");
    if (this.#closing !== undefined) throw invalidState("Cannot attach: the broker is closed");
    this.#hooks = hooks;
    this.#running = this.#run();
  }

  publish({ topic, data }: BrokerMessage): void {
    const bytes = this.#closing === undefined
      ? encodeEnvelope({ sender: this.#sender, sequence: ++this.#sequence, topic, data })
      : undefined;
    if (bytes === undefined || bytes.byteLength > this.#limits.maxMessageBytes) this.#lost++;
    else {
      this.#lost += this.#queue.push({ name: this.#wanted.nameOf(topic), bytes });
      void this.#pump();
    }
  }

  subscribe(topic: string): void {
    this.#wanted.add(topic);
    void this.#notify();
  }

  unsubscribe(topic: string): void {
    this.#wanted.delete(topic);
    void this.#notify();
  }

  subscribeAll(): void {
    this.#wanted.all = true;
    void this.#notify();
  }

  unsubscribeAll(): void {
    this.#wanted.all = false;
    void this.#notify();
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    if (this.#active !== undefined && (this.#pumping || this.#queue.length > 0)) {
      const { promise, resolve } = defer<void>();
      this.#drained = resolve;
      await this.#active.time.wait(promise, LINGER, "The last messages").catch(() => {});
    }
    this.#life.end(CLOSED);
    this.#active?.time.end(CLOSED);
    await this.#running;
    this.#lost += this.#queue.clear();
    this.#become("closed");
  }

  /** Connects and reconnects until the broker is closed. */
  async #run(): Promise<void> {
    while (!this.#life.over) {
      const reason = await this.#hold();
      if (this.#life.over) return;
      this.#reportOnce(reason);
      const { first = 1_000, most = 30_000 } = this.#options.reconnect ?? {};
      await this.#life.sleep(reconnectDelay(this.#failures++, { first, most })).catch(() => {});
    }
  }

  /** Runs one connection from its beginning to its end. It never rejects, and resolves to the reason of the end. */
  async #hold(): Promise<unknown> {
    const time = new Lifetime();
    const { pingInterval, pongTimeout } = this.#limits;
    let session: BrokerSession | undefined;
    try {
      session = await this.#connect();
      const end = (reason: unknown) => time.end(reason);
      void session.ended.then(end, end);
      this.#active = { session, time };
      this.#wanted.forget();
      await this.#notify();
      if (this.#life.over) return CLOSED;
      if (time.over) return await time.ended;
      this.#failures = 0;
      this.#lastReason = undefined;
      this.#become("up");
      void this.#pump();
      while (pingInterval !== 0) {
        await time.sleep(pingInterval);
        await time.wait(session.ping(), pongTimeout, "The broker's answer to a ping");
      }
      return await time.ended;
    } catch (error) {
      return error;
    } finally {
      this.#active = undefined;
      time.end(CLOSED);
      if (!this.#life.over) this.#become("down");
      if (session !== undefined) await this.#end(session);
    }
  }

  /** Ends a session. It never rejects, because errors of a client at its end concern a connection that is over. */
  async #end(session: BrokerSession): Promise<void> {
    try {
      await new Lifetime().wait(session.close(), LINGER, "The end");
    } catch {
      // It is over in any case.
    }
  }

  async #connect(): Promise<BrokerSession> {
    const connecting = this.#link.connect((name, bytes) => this.#receive(name, bytes));
    try {
      return await this.#life.wait(connecting, this.#limits.pongTimeout, "The connection to the broker");
    } catch (error) {
      connecting.then((session) => this.#end(session), () => {}); // the connection came too late
      throw error;
    }
  }

  /**
   * Sends changed subscriptions to the broker. One command is under way at a time; further changes are sent with the next one.
   */
  async #notify(): Promise<void> {
    const active = this.#active;
    if (active === undefined || this.#notifying) return;
    const { session, time } = active;
    const what = "The broker's answer to a subscription";
    this.#notifying = true;
    try {
      for (let change = this.#wanted.take(); change !== undefined; change = this.#wanted.take()) {
        const { add, remove } = change;
        if (add.length > 0) await time.wait(session.subscribe(add), this.#limits.pongTimeout, what);
        if (remove.length > 0) await time.wait(session.unsubscribe(remove), this.#limits.pongTimeout, what);
      }
    } catch (error) {
      time.end(error);
    } finally {
      this.#notifying = false;
    }
  }

  /** Sends the queue. One batch is under way at a time, so a slow broker fills only the queue. */
  async #pump(): Promise<void> {
    if (this.#pumping || this.#active === undefined || this.#state !== "up") return;
    const { session, time } = this.#active;
    this.#pumping = true;
    await undefined; // messages that are published together are sent together
    while (this.#queue.length > 0 && !time.over) {
      const batch = this.#queue.take(BATCH_BYTES);
      try {
        const published = session.publish(batch);
        this.#lost += await time.wait(published, this.#limits.pongTimeout, "The broker's answer to messages");
      } catch (error) {
        this.#lost += batch.length; // some may have arrived, but we cannot know
        time.end(error);
      }
    }
    this.#pumping = false;
    if (this.#queue.length === 0) this.#drained?.();
  }

  #receive(name: string, bytes: Uint8Array): void {
    const envelope = bytes.byteLength > this.#limits.maxMessageBytes ? undefined : decodeEnvelope(bytes);
    // Subscribers were authorized by topic, so a message of another topic must not arrive under this name.
    if (envelope === undefined || this.#wanted.nameOf(envelope.topic) !== name) {
      this.#refused++;
      return;
    }
    const { sender, topic, data } = envelope;
    if (sender === this.#sender || !this.#wanted.wants(topic) || !this.#isNew(envelope)) return;
    handleReturn(() => this.#hooks?.receive({ topic, data }), (error) => this.#report(error));
  }

  /** Returns `false` for a message that arrives twice (by its topic and by all topics) or after a later one; it is dropped. */
  #isNew({ sender, sequence }: Envelope): boolean {
    const last = this.#seen.get(sender);
    if (last !== undefined && sequence <= last) return false;
    if (last === undefined && this.#seen.size >= MAX_SENDERS) this.#seen.delete(this.#seen.keys().next().value!);
    this.#seen.set(sender, sequence);
    return true;
  }

  #become(state: BrokerState): void {
    if (this.#state === state) return;
    this.#state = state;
    handleReturn(() => this.#hooks?.state?.(state), (error) => this.#report(error));
  }

  /** Reports an error once, so that a broker that is down for an hour prints one line and not a thousand. */
  #reportOnce(reason: unknown): void {
    const text = String(reason);
    if (text === this.#lastReason) return;
    this.#lastReason = text;
    this.#report(reason);
  }

  #report(error: unknown): void {
    logError(error, this.#options);
  }
}

const CLOSED = new ConnectionError("The broker is closed");
