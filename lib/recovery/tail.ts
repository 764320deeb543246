/**
 * The newest messages of a topic, without a gap.
 *
 * @module
 */
import type { LogEntry } from "./log.ts";

/** The bytes that are counted for a message in addition to its data, measured as for a hub's history. */
const ENTRY_COST = 256;

/** Returns the bytes that are counted for an entry. */
export function entryBytes({ data }: LogEntry): number {
  return ENTRY_COST + (typeof data === "string" ? 2 * data.length : data.byteLength);
}

/**
 * Messages in order, without a gap after the first number.
 *
 * @typeParam Entry The type of a message.
 */
export class Tail<Entry extends LogEntry = LogEntry> {
  #from: number;
  #entries: Entry[] = [];
  /** The index of the first message in the array, because `shift` would move all the others. */
  #start = 0;
  #bytes = 0;

  /** @param from The number after which nothing is missing. */
  constructor(from: number) {
    this.#from = from;
  }

  /** The number after which every message is in memory. */
  get from(): number {
    return this.#from;
  }

  /** The number of the last message. */
  get head(): number {
    return this.#entries.at(-1)?.offset ?? this.#from;
  }

  /** The number of messages. */
  get length(): number {
    return this.#entries.length - this.#start;
  }

  /** The bytes that are counted for them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The oldest message. */
  get oldest(): Entry | undefined {
    return this.#entries[this.#start];
  }

  /** Adds the next message. */
  push(entry: Entry): void {
    this.#entries.push(entry);
    this.#bytes += entryBytes(entry);
  }

  /** Adds older messages, without a gap before the first one here. Messages that are already here are skipped. */
  prepend(entries: readonly Entry[], from: number): void {
    const older = entries.filter(({ offset }) => offset <= this.#from);
    this.#entries = [...older, ...this.#entries.slice(this.#start)];
    this.#start = 0;
    this.#from = from;
    for (const entry of older) this.#bytes += entryBytes(entry);
  }

  /** Removes the oldest message. */
  shift(): void {
    const oldest = this.#entries[this.#start];
    if (oldest === undefined) return;
    this.#start++;
    this.#from = oldest.offset;
    this.#bytes -= entryBytes(oldest);
    // Removed messages are released when they fill half of the array, so each message is moved once on average.
    if (2 * this.#start >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
  }

  /** Removes everything, and starts after a number. */
  reset(from: number): void {
    if (this.#entries.length > 0) this.#entries = [];
    this.#start = this.#bytes = 0;
    this.#from = from;
  }

  /**
   * Returns the messages after a number.
   *
   * @param offset The number.
   * @param messages The maximum number of messages.
   * @param bytes The approximate number of bytes; at least one message is returned if there is one.
   * @returns The messages, or `undefined` if some of them are no longer here.
   */
  after(offset: number, messages = Infinity, bytes = Infinity): Entry[] | undefined {
    if (offset < this.#from) return undefined;
    const begin = this.#indexAfter(offset);
    let end = begin;
    for (let room = bytes; end < this.#entries.length && end - begin < messages; end++) {
      room -= entryBytes(this.#entries[end]!);
      if (room < 0 && end > begin) break;
    }
    return this.#entries.slice(begin, end);
  }

  /** Returns the index of the first message with a larger number. */
  #indexAfter(offset: number): number {
    let [low, high] = [this.#start, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle]!.offset > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
