/**
 * One topic at one server: its position, how it follows its log, and how subscribers that catch up share reads.
 *
 * @module
 */
import { reconnectDelay } from "../backoff.ts";
import { defer } from "../async.ts";
import { Lifetime } from "../hub/lifetime.ts";
import type { Log, LogEntry, LogPage, Position, ReadLimit } from "./log.ts";
import { pageFault } from "./page_fault.ts";
import type { UnrecoveredReason } from "./protocol.ts";
import { entryBytes, Tail } from "./tail.ts";

/** The limits of one read. */
const PAGE: ReadLimit = { messages: 1_000, bytes: 256 * 1024 };

/** How far before the first subscriber to read. Subscribers that lost their connections together have similar positions. */
const MARGIN = 1_000;

/**
 * Milliseconds to keep read messages after the last subscriber has caught up, because subscribers that lost their connections
 * together also reconnect together.
 */
const LINGER = 5_000;

/** The messages that a subscriber gets at a time while it catches up. */
const STEP = 256;

/** The memory that all topics of a server may hold for subscribers that catch up. */
export interface TailBudget {
  /** The bytes that are held. */
  held: number;
  /** The maximum number of bytes to hold. */
  readonly most: number;
}

/** The part of the server that a topic needs. */
export interface TopicOwner {
  /** The log of the messages. */
  readonly log: Log;
  /** The memory budget for subscribers that catch up. */
  readonly budget: TailBudget;
  /** Delivers a message to all subscribers at the head. */
  deliver(topic: string, entry: LogEntry): void;
  /** Called when all subscribers at the head have missed messages and continue at another position. */
  restarted(topic: string, position: Position, reason: UnrecoveredReason): void;
  /** Called when a page was read. */
  onRead(): void;
  /** Gets the error if the log cannot be read. */
  report(error: unknown): void;
}

/** A subscriber that catches up. */
export interface Follower {
  /** Whether it is still subscribed. */
  readonly active: boolean;
  /** Sets the position at which it continues: once before the first message, and again whenever the position changes. */
  begin(position: Position, recovered: boolean | undefined, reason?: UnrecoveredReason): void;
  /** Delivers a message. Returns a promise to wait for if the subscriber is slow. */
  give(entry: LogEntry): Promise<void> | undefined;
  /** Called when it has everything. From now on it gets the messages that are delivered to all. */
  join(): void;
}

/** Messages that were read for subscribers that catch up. */
interface Reading {
  /** Everything of the topic after this number was in the log. */
  readonly oldest: number;
  /** All messages after this number are here, up to the last one. */
  readonly from: number;
  readonly entries: readonly LogEntry[];
}

/** A topic. It follows its log from its creation on. */
export class RecoverableTopic {
  /** Its name. */
  readonly name: string;
  readonly #owner: TopicOwner;
  readonly #life = new Lifetime();
  readonly #ready = defer<void>();
  readonly #tail = new Tail(0);
  readonly #unfollow: () => void;
  #epoch: string | undefined;
  #head = 0;
  /** The number of subscribers that are catching up. */
  #behind = 0;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #pull: Promise<void> | undefined;
  #pullAgain = false;
  #reading: Promise<Reading | undefined> | undefined;

  /**
   * @param name Its name.
   * @param owner Its server.
   */
  constructor(name: string, owner: TopicOwner) {
    this.name = name;
    this.#owner = owner;
    this.#unfollow = owner.log.follow(name, (news) => {
      if (news !== undefined && news.epoch === this.#epoch && news.entry.previous === this.#head) {
        this.#advance(news.entry);
      } else if (news === undefined || news.epoch !== this.#epoch || news.entry.offset > this.#head) {
        void this.refresh();
      }
    });
  }

  /** The bytes of messages that it holds for subscribers that catch up. */
  get bytes(): number {
    return this.#tail.bytes;
  }

  /** Stops the topic. Nothing more is read. */
  stop(): void {
    this.#unfollow();
    this.#life.end(new Error("The topic is not followed any more"));
    this.#ready.resolve();
    this.#forget();
  }

  /** Reads new messages until there are no more. Resolves when the messages that were in the log at the call were read. */
  async refresh(): Promise<void> {
    const pulling = this.#pull;
    this.#pullAgain = true;
    if (pulling !== undefined) return await pulling;
    await (this.#pull = this.#pullAll());
  }

  /**
   * Brings a new or returning subscriber to the head.
   *
   * @param position Its position; `undefined` for a new one.
   * @param follower Gets the messages.
   */
  async catchUp(position: Position | undefined, follower: Follower): Promise<void> {
    this.#behind++;
    clearTimeout(this.#linger);
    try {
      await this.#ready.promise;
      await this.#bringUp(position, follower);
    } finally {
      this.#behind--;
      if (this.#behind === 0 && !this.#life.over) this.#linger = setTimeout(() => this.#forget(), LINGER);
    }
  }

  async #bringUp(position: Position | undefined, follower: Follower): Promise<void> {
    const joinAtHead = (recovered?: false, reason?: UnrecoveredReason) => {
      follower.begin(this.#position(), recovered, reason);
      follower.join();
    };
    if (!follower.active || this.#life.over) return;
    if (position === undefined) return joinAtHead();
    let at = position.offset;
    for (let [begun, failures] = [false, 0]; follower.active && !this.#life.over;) {
      const here = { epoch: position.epoch, offset: at };
      // The subscriber may have more messages than were read here, from another server or the last read. And the log can be lost
      // meanwhile.
      if (!this.#knows(here)) await this.refresh();
      if (!follower.active || this.#life.over) return;
      if (!this.#knows(here)) return joinAtHead(false, "epoch-changed");
      if (at === this.#head) {
        if (!begun) follower.begin(position, true);
        return follower.join();
      }
      const entries = this.#tail.after(at, STEP, PAGE.bytes) ?? await this.#readFor(at);
      if (entries === "too-far-behind") return joinAtHead(false, entries);
      if (entries === undefined) {
        await this.#retryDelay(failures++);
        continue;
      }
      if (!begun && entries.length > 0) follower.begin(position, begun = true);
      for (const entry of entries) {
        if (entry.offset <= at) continue;
        const slow = follower.give(entry);
        at = entry.offset;
        if (slow !== undefined) await slow;
        if (!follower.active) return;
      }
    }
  }

  /**
   * Returns the messages after a number, read once for all subscribers that need them. It returns no messages if the log was read
   * for another number or was lost meanwhile, and `undefined` if it cannot be read.
   */
  async #readFor(at: number): Promise<readonly LogEntry[] | "too-far-behind" | undefined> {
    const epoch = this.#epoch;
    const reading = await (this.#reading ??= this.#readFrom(at));
    if (reading !== undefined && at < reading.oldest) return "too-far-behind";
    if (reading !== undefined && at < reading.from) return []; // it was read for a subscriber that has more
    if (reading !== undefined && at < (reading.entries.at(-1)?.offset ?? 0)) return reading.entries;
    await this.refresh();
    return epoch === this.#epoch ? undefined : [];
  }

  /**
   * Reads from before a number up to the messages that are here, or as many as may be held. Returns `undefined` if the log was
   * lost.
   */
  async #readFrom(at: number): Promise<Reading | undefined> {
    // The waiting subscribers belong to this epoch, whatever happens meanwhile.
    const epoch = this.#epoch;
    const entries: LogEntry[] = [];
    let after = Math.max(0, at - MARGIN);
    let [oldest, bytes] = [0, 0];
    const from = () => Math.max(oldest, Math.max(0, at - MARGIN));
    try {
      for (let first = true;; first = false) {
        const page = await this.#read(after);
        if (page === undefined || page.epoch !== epoch || epoch !== this.#epoch) return undefined;
        if (first) oldest = page.from;
        else if (page.from > after) break; // the log deletes messages as fast as they are read
        for (const entry of page.entries) {
          entries.push(entry);
          bytes += entryBytes(entry);
        }
        after = entries.at(-1)?.offset ?? after;
        if (after >= this.#tail.from || page.entries.length === 0) {
          this.#keep(entries, from());
          break;
        }
        if (bytes >= PAGE.bytes && after > at) break;
      }
      return { oldest, from: from(), entries };
    } finally {
      this.#reading = undefined;
    }
  }

  /** Keeps read messages for later subscribers, if there is room. */
  #keep(entries: readonly LogEntry[], from: number): void {
    const { budget } = this.#owner;
    const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
    if (this.#behind === 0 || from >= this.#tail.from || budget.held + bytes > budget.most) return;
    this.#change(() => this.#tail.prepend(entries, from));
  }

  #change(action: () => void): void {
    const before = this.#tail.bytes;
    action();
    this.#owner.budget.held += this.#tail.bytes - before;
  }

  #forget(): void {
    clearTimeout(this.#linger);
    this.#linger = undefined;
    this.#change(() => this.#tail.reset(this.#head));
  }

  #position(): Position {
    return { epoch: this.#epoch ?? "", offset: this.#head };
  }

  #knows({ epoch, offset }: Position): boolean {
    return epoch === this.#epoch && offset <= this.#head;
  }

  /** Delivers the next message to all subscribers at the head. */
  #advance(entry: LogEntry): void {
    const { budget } = this.#owner;
    this.#head = entry.offset;
    if (this.#behind === 0 && this.#linger === undefined) this.#tail.reset(entry.offset); // no client needs it
    else if (budget.held + entryBytes(entry) > budget.most) this.#change(() => this.#tail.reset(entry.offset));
    else this.#change(() => this.#tail.push(entry));
    this.#owner.deliver(this.name, entry);
  }

  async #pullAll(): Promise<void> {
    for (let failures = 0; this.#pullAgain && !this.#life.over;) {
      this.#pullAgain = false;
      const asked = this.#head;
      const page = await this.#read(this.#epoch === undefined ? Infinity : asked);
      if (this.#life.over) break;
      if (page === undefined) {
        this.#pullAgain = true;
        await this.#retryDelay(failures++);
      } else {
        failures = 0;
        this.#take(page, asked);
      }
    }
    this.#pull = undefined;
  }

  /** Waits before the log is read again. The end of the topic ends the wait. */
  async #retryDelay(failures: number): Promise<void> {
    await this.#life.sleep(reconnectDelay(failures, { first: 100, most: 5_000 })).catch(() => {});
  }

  async #read(after: number): Promise<LogPage | undefined> {
    this.#owner.onRead();
    try {
      const page = await this.#owner.log.read(this.name, after, PAGE);
      const fault = pageFault(page, after);
      if (fault === undefined) return page;
      throw new Error(`The log returned an invalid page of the topic ${JSON.stringify(this.name)}: ${fault}`);
    } catch (error) {
      if (!this.#life.over) this.#owner.report(error);
      return undefined;
    }
  }

  /** Adds a page of the log. It was requested at `asked`, the head at that time; more messages may have arrived since. */
  #take({ epoch, head, from, entries }: LogPage, asked: number): void {
    if (this.#epoch === undefined) {
      this.#epoch = epoch;
      this.#head = head;
      this.#tail.reset(head);
      this.#ready.resolve();
      return;
    }
    if (epoch !== this.#epoch || head < asked) return this.#restart(epoch, head, "epoch-changed");
    if (from > this.#head) return this.#restart(epoch, head, "too-far-behind");
    for (const entry of entries) if (entry.offset > this.#head) this.#advance(entry);
    if (this.#head < head) this.#pullAgain = true;
  }

  #restart(epoch: string, head: number, reason: UnrecoveredReason): void {
    this.#epoch = epoch;
    this.#head = head;
    this.#change(() => this.#tail.reset(head));
    this.#owner.restarted(this.name, this.#position(), reason);
  }
}
