/**
 * One topic at one server: where it stands, how it follows its log, and how many that come back share what is read for them.
 *
 * @module
 */
import { reconnectDelay } from "../backoff.ts";
import { defer } from "../async.ts";
import { Lifetime } from "../hub/lifetime.ts";
import type { Log, LogEntry, LogPage, Position, ReadLimit } from "./log.ts";
import type { UnrecoveredReason } from "./protocol.ts";
import { entryBytes, Tail } from "./tail.ts";

/** What is read at a time. */
const PAGE: ReadLimit = { messages: 1_000, bytes: 256 * 1024 };

/** How far before the first one that comes back it is read: those who were cut off together stood at about the same number. */
const MARGIN = 1_000;

/** Milliseconds for which what was read is kept after the last one has caught up: those who were cut off together come together. */
const LINGER = 5_000;

/** Messages that one that catches up is given in one go. */
const STEP = 256;

/** The bytes of memory that all topics of a server may hold for those who catch up. */
export interface TailBudget {
  /** Bytes that are held. */
  held: number;
  /** Bytes, at most. */
  readonly most: number;
}

/** What a topic needs of its server. */
export interface TopicOwner {
  /** Where the messages are. */
  readonly log: Log;
  /** The memory for those who catch up. */
  readonly budget: TailBudget;
  /** Gives a message to all that are at the head. */
  deliver(topic: string, entry: LogEntry): void;
  /** All that are at the head have missed something: they go on from another place. */
  restarted(topic: string, position: Position, reason: UnrecoveredReason): void;
  /** A page was read. */
  onRead(): void;
  /** Gets why the log cannot be read. */
  report(error: unknown): void;
}

/** One that catches up. */
export interface Follower {
  /** Whether it still wants the topic. */
  readonly active: boolean;
  /** Where it goes on, said once before the first message, and again when it goes on elsewhere. */
  begin(position: Position, recovered: boolean | undefined, reason?: UnrecoveredReason): void;
  /** Gives it a message. Returns what it waits for, where it is slow. */
  give(entry: LogEntry): Promise<void> | undefined;
  /** It has everything: from now on it is given what is delivered to all. */
  join(): void;
}

/** What was read for those who catch up. */
interface Reading {
  /** Everything of the topic behind this number was in the log. */
  readonly oldest: number;
  /** Everything behind this one and up to the last is here. */
  readonly from: number;
  readonly entries: readonly LogEntry[];
}

/** A topic. It follows its log from when it is made. */
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
  /** How many catch up. */
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

  /** Bytes of messages that it holds for those who catch up. */
  get bytes(): number {
    return this.#tail.bytes;
  }

  /** Ends it: nothing is read any more. */
  stop(): void {
    this.#unfollow();
    this.#life.end(new Error("The topic is not followed any more"));
    this.#ready.resolve();
    this.#forget();
  }

  /** Reads what is new until there is nothing newer. Resolves when what was in the log at the call is known here. */
  async refresh(): Promise<void> {
    const pulling = this.#pull;
    this.#pullAgain = true;
    if (pulling !== undefined) return await pulling;
    await (this.#pull = this.#pullAll());
  }

  /**
   * Brings one that comes back, or is new, to the head.
   *
   * @param position Where it was; `undefined` for one that is new.
   * @param follower What it is given.
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
    for (let begun = false; follower.active && !this.#life.over;) {
      const here = { epoch: position.epoch, offset: at };
      // Another server, or what was read just now, may have given it what was not said here yet. And the log can be lost meanwhile.
      if (!this.#knows(here)) await this.refresh();
      if (!follower.active || this.#life.over) return;
      if (!this.#knows(here)) return joinAtHead(false, "epoch-changed");
      if (at === this.#head) {
        if (!begun) follower.begin(position, true);
        return follower.join();
      }
      const entries = this.#tail.after(at, STEP, PAGE.bytes) ?? await this.#readFor(at);
      if (entries === "too-far-behind") return joinAtHead(false, entries);
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

  /** What follows a number, read once for all that wait for it. It may be nothing: then it has changed meanwhile. */
  async #readFor(at: number): Promise<readonly LogEntry[] | "too-far-behind"> {
    const reading = await (this.#reading ??= this.#readFrom(at));
    if (reading !== undefined && at < reading.oldest) return "too-far-behind";
    if (reading !== undefined && at < reading.from) return []; // it was read for one that has more
    if (reading !== undefined && at < (reading.entries.at(-1)?.offset ?? 0)) return reading.entries;
    await this.refresh(); // the log was lost, or is out of reach
    return [];
  }

  /** Reads from before a number up to what is here, or as much as is held at a time. `undefined` where the log was lost. */
  async #readFrom(at: number): Promise<Reading | undefined> {
    // What waits for it is of this epoch, whatever comes meanwhile.
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
        else if (page.from > after) break; // the log forgets as fast as it is read
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

  /** Keeps what was read for the next ones, if there is room. */
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

  /** The next message, for all that are at the head. */
  #advance(entry: LogEntry): void {
    const { budget } = this.#owner;
    this.#head = entry.offset;
    if (this.#behind === 0 && this.#linger === undefined) this.#tail.reset(entry.offset); // no client asks for it
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
        await this.#life.sleep(reconnectDelay(failures++, { first: 100, most: 5_000 })).catch(() => {});
      } else {
        failures = 0;
        this.#take(page, asked);
      }
    }
    this.#pull = undefined;
  }

  async #read(after: number): Promise<LogPage | undefined> {
    this.#owner.onRead();
    try {
      return await this.#owner.log.read(this.name, after, PAGE);
    } catch (error) {
      if (!this.#life.over) this.#owner.report(error);
      return undefined;
    }
  }

  /** A page behind what was the head when it was asked for: more may have come meanwhile. */
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
