/**
 * The common part of logs at a broker: reconnecting, a bounded queue of messages that the log has not confirmed, which are sent
 * again in order, and the followed topics.
 *
 * @module
 */
import { deferHandled, type Deferred } from "../async.ts";
import { reconnectDelay } from "../backoff.ts";
import { ConnectionError, LimitError } from "../errors.ts";
import { Lifetime } from "../hub/lifetime.ts";
import { BROKER_OPTION_KINDS, type BrokerOptions } from "../hub/linked_broker.ts";
import { type BrokerLimits, resolveBrokerLimits } from "../limits.ts";
import { logError } from "../log_error.ts";
import { COUNT, type OptionKinds, PERIOD, TIME } from "../option_kinds.ts";
import { utf8Length } from "../pipeline/bytes/utf8.ts";
import { type Message, MESSAGE_COST } from "../pipeline/messages/message.ts";
import type { AppendOptions, Log, LogListener, LogPage, Position, ReadLimit } from "./log.ts";
import type { Append, LogLink, LogRetention, LogSession } from "./log_link.ts";

/** The options of every log at a broker. */
export interface LinkedLogOptions extends BrokerOptions, LogRetention {
  /**
   * The longest time that a message waits for the log, in milliseconds, even if connections are lost meanwhile. After it,
   * `publish` rejects.
   * @default {10000}
   */
  appendTimeout?: number;
}

/** The types of these options. */
export const LINKED_LOG_OPTION_KINDS: OptionKinds<LinkedLogOptions> = {
  ...BROKER_OPTION_KINDS,
  messages: COUNT,
  age: TIME,
  resumeTimeout: PERIOD,
  appendTimeout: PERIOD,
};

/** The default retention. */
const DEFAULT_RETENTION: Readonly<Required<LogRetention>> = Object.freeze({
  // The messages of a busy room in some minutes. A client that was away for longer loads the state.
  messages: 1_000,
  // A topic that was quiet overnight can still be caught up with.
  age: 86_400_000,
  // Longer than a client takes to reconnect: the longest delay of `reconnecting` is a minute.
  resumeTimeout: 120_000,
});

/** Milliseconds that a message may wait for the log. It is longer than a broker takes to restart. */
const APPEND_TIMEOUT = 10_000;

/** Returns the retention of a log, with the defaults; `Infinity` for an age without limit. */
export function retentionOf(options: LinkedLogOptions): Required<LogRetention> {
  const { messages, age, resumeTimeout, appendTimeout } = {
    ...DEFAULT_RETENTION,
    appendTimeout: APPEND_TIMEOUT,
    ...options,
  };
  return {
    messages,
    age: age === 0 ? Infinity : age,
    // A message whose confirmation was lost is sent again for as long as it may wait.
    resumeTimeout: Math.max(resumeTimeout, 2 * appendTimeout),
  };
}

/** Milliseconds before a request is repeated, because the end of a connection may be noticed a little after its last reply. */
const ASK_AGAIN = 50;

/** Milliseconds that the end of a connection may take. */
const LINGER = 1_000;

/** A log that reports whether it is reachable. */
export interface LinkedLog extends Log {
  /** Whether there is a connection. */
  readonly connected: boolean;
  /** The number of messages that wait for the log. */
  readonly waiting: number;
}

/**
 * Makes a log from a link. It connects at once.
 *
 * @param link The link.
 * @param options Limits and hooks.
 * @returns The log.
 * @throws {RangeError} If a limit is out of range.
 */
export function linkLog(link: LogLink, options: LinkedLogOptions = {}): LinkedLog {
  return new LinkedLogImpl(link, options);
}

interface Pending extends Append {
  readonly bytes: number;
  readonly end: number;
  readonly done: Deferred<Position>;
}

class LinkedLogImpl implements LinkedLog {
  readonly #link: LogLink;
  readonly #options: LinkedLogOptions;
  readonly #limits: BrokerLimits;
  readonly #appendTimeout: number;
  readonly #resumeTimeout: number;
  readonly #listeners = new Map<string, Set<LogListener>>();
  /** The messages that the log has not confirmed, in order. */
  readonly #pending = new Set<Pending>();
  readonly #life = new Lifetime();
  readonly #running: Promise<void>;
  readonly #sender = crypto.randomUUID();
  #sequence = 0;
  #bytes = 0;
  #session: LogSession | undefined;
  /** Wakes the calls that wait for a connection. */
  #waiting = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastReason: string | undefined;

  constructor(link: LogLink, options: LinkedLogOptions) {
    this.#link = link;
    this.#options = options;
    this.#limits = resolveBrokerLimits(options);
    this.#appendTimeout = options.appendTimeout ?? APPEND_TIMEOUT;
    this.#resumeTimeout = retentionOf(options).resumeTimeout;
    this.#running = this.#run();
  }

  get connected(): boolean {
    return this.#session !== undefined;
  }

  get waiting(): number {
    return this.#pending.size;
  }

  append(topic: string, data: Message, { id }: AppendOptions = {}): Promise<Position> {
    const size = (typeof data === "string" ? utf8Length(data) : data.byteLength) + topic.length;
    const bytes = MESSAGE_COST + size;
    const done = deferHandled<Position>();
    const error = this.#life.over ? CLOSED : this.#overflow(size, bytes);
    if (error !== undefined) {
      done.reject(error);
      return done.promise;
    }
    const pending: Pending = {
      topic,
      data,
      id: id ?? `${this.#sender}:${++this.#sequence}`,
      // Without an id, it is only repeated from here.
      known: id === undefined ? 2 * this.#appendTimeout : this.#resumeTimeout,
      bytes,
      end: performance.now() + this.#appendTimeout,
      done,
    };
    this.#pending.add(pending);
    this.#bytes += bytes;
    this.#timer ??= setTimeout(() => this.#giveUp(), this.#appendTimeout);
    if (this.#session !== undefined) void this.#send(this.#session, pending);
    return done.promise;
  }

  async read(topic: string, after: number, limit: ReadLimit): Promise<LogPage> {
    return await this.#ask((session) => session.read(topic, after, limit), "The log's answer to a read");
  }

  follow(topic: string, listener: LogListener): () => void {
    const known = this.#listeners.get(topic);
    const listeners = known ?? new Set();
    listeners.add(listener);
    if (known === undefined) {
      this.#listeners.set(topic, listeners);
      if (this.#session !== undefined) void this.#follow(this.#session, topic);
    } else if (this.#session !== undefined) queueMicrotask(listener);
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return;
      this.#listeners.delete(topic);
      this.#session?.unfollow(topic).catch(() => {}); // a lost connection reports nothing more
    };
  }

  async taken(session: string): Promise<number> {
    return await this.#ask((log) => log.taken(session), "The log's answer about a session");
  }

  async take(session: string, number: number): Promise<void> {
    await this.#ask((log) => log.take(session, number), "The log's answer about a session");
  }

  async close(): Promise<void> {
    this.#life.end(CLOSED);
    clearTimeout(this.#timer);
    for (const wake of this.#waiting) wake();
    await this.#running;
    for (const { done } of this.#pending) done.reject(CLOSED);
    this.#pending.clear();
    this.#listeners.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Connects and reconnects until the log is closed. */
  async #run(): Promise<void> {
    for (let failures = 0; !this.#life.over;) {
      const time = new Lifetime();
      const reason = await this.#hold(time, () => failures = 0);
      time.end(reason);
      if (this.#life.over) return;
      this.#reportOnce(reason);
      const { first = 1_000, most = 30_000 } = this.#options.reconnect ?? {};
      await this.#life.sleep(reconnectDelay(failures++, { first, most })).catch(() => {});
    }
  }

  /** Runs one connection from its beginning to its end. It never rejects, and resolves to the reason of the end. */
  async #hold(time: Lifetime, onUp: () => void): Promise<unknown> {
    const { pingInterval, pongTimeout } = this.#limits;
    void this.#life.ended.then((reason) => time.end(reason));
    let session: LogSession | undefined;
    try {
      const connecting = this.#link.connect((topic, news) => this.#hear(topic, news));
      // A connection that opens too late is closed.
      connecting.then((late) => time.over ? close(late) : undefined, () => {});
      session = await time.wait(connecting, pongTimeout, "The connection to the log").catch((error) => {
        time.end(error);
        throw error;
      });
      const end = (reason: unknown) => time.end(reason);
      void session.ended.then(end, end);
      this.#session = session;
      onUp();
      this.#lastReason = undefined;
      for (const pending of this.#pending) void this.#send(session, pending);
      for (const wake of this.#waiting) wake();
      for (const topic of this.#listeners.keys()) void this.#follow(session, topic);
      while (pingInterval !== 0 && !time.over) {
        await time.sleep(pingInterval);
        await time.wait(session.ping(), pongTimeout, "The log's answer to a ping");
      }
      return await time.ended;
    } catch (error) {
      return error;
    } finally {
      this.#session = undefined;
      if (session !== undefined) await close(session);
    }
  }

  async #send(session: LogSession, pending: Pending): Promise<void> {
    try {
      const answer = await session.append(pending);
      if (!this.#pending.has(pending)) return;
      this.#settle(pending);
      if ("refused" in answer) {
        pending.done.reject(new ConnectionError("The log refused the message", { cause: answer.refused }));
      } else pending.done.resolve(answer);
    } catch {
      // If the connection is lost, the message is sent again over the next one.
    }
  }

  #settle(pending: Pending): void {
    this.#pending.delete(pending);
    this.#bytes -= pending.bytes;
  }

  /** Rejects the messages whose time is up. All wait equally long, so the first one is always the next. */
  #giveUp(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const pending of this.#pending) {
      if (pending.end > now) {
        this.#timer = setTimeout(() => this.#giveUp(), pending.end - now);
        return;
      }
      this.#settle(pending);
      pending.done.reject(new ConnectionError(`The log did not take the message within ${this.#appendTimeout} ms`));
    }
  }

  async #follow(session: LogSession, topic: string): Promise<void> {
    try {
      await session.follow(topic);
      for (const listener of this.#listeners.get(topic) ?? []) listener();
    } catch {
      // The topic is followed again over the next connection.
    }
  }

  #hear(topic: string, news: Parameters<LogListener>[0]): void {
    for (const listener of this.#listeners.get(topic) ?? []) listener(news);
  }

  /** Sends a request over this connection or the next one, for as long as a message may wait. */
  async #ask<Answer>(question: (session: LogSession) => Promise<Answer>, what: string): Promise<Answer> {
    const end = performance.now() + this.#appendTimeout;
    for (;;) {
      const session = this.#session ?? await this.#nextSession(end - performance.now());
      const left = Math.max(1, Math.ceil(Math.min(end - performance.now(), this.#limits.pongTimeout || Infinity)));
      try {
        return await this.#life.wait(question(session), left, what);
      } catch (error) {
        if (this.#life.over || performance.now() + ASK_AGAIN >= end) throw error;
        await this.#life.sleep(ASK_AGAIN);
      }
    }
  }

  async #nextSession(time: number): Promise<LogSession> {
    const { promise, resolve } = deferHandled<void>();
    this.#waiting.add(resolve);
    try {
      await this.#life.wait(promise, Math.max(1, Math.ceil(time)), "The connection to the log");
    } finally {
      this.#waiting.delete(resolve);
    }
    if (this.#session === undefined) throw CLOSED;
    return this.#session;
  }

  #overflow(size: number, bytes: number): LimitError | undefined {
    const { maxQueuedMessages, maxQueuedBytes, maxMessageBytes } = this.#limits;
    return over("maxMessageBytes", maxMessageBytes, size) ??
      over("maxQueuedMessages", maxQueuedMessages, this.#pending.size + 1) ??
      over("maxQueuedBytes", maxQueuedBytes, this.#bytes + bytes);
  }

  /** Reports an error once, so that a log that is down for an hour prints one line and not a thousand. */
  #reportOnce(reason: unknown): void {
    const text = String(reason);
    if (text === this.#lastReason) return;
    this.#lastReason = text;
    logError(reason, this.#options);
  }
}

function over(limit: keyof BrokerLimits, max: number, actual: number): LimitError | undefined {
  if (actual <= max) return undefined;
  return new LimitError(`Log has no room: ${actual} are over ${limit} ${max}`, { limit, max, actual, closeCode: 1013 });
}

/** Ends a session. It never rejects, because errors of a client at its end concern a connection that is over. */
async function close(session: LogSession): Promise<void> {
  try {
    await new Lifetime().wait(session.close(), LINGER, "The end");
  } catch {
    // It is over in any case.
  }
}

const CLOSED = new ConnectionError("The log is closed");
