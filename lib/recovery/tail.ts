/**
 * The newest messages of a topic, without a gap.
 *
 * @module
 */
import type { LogEntry } from "./log.ts";

/** Bytes that a message is counted with besides its data: its objects, measured as those of a hub's history. */
const ENTRY_COST = 256;

/** Bytes of memory that an entry is counted with. */
export function entryBytes({ data }: LogEntry): number {
  return ENTRY_COST + (typeof data === "string" ? 2 * data.length : data.byteLength);
}

/** Messages in order, which all that follow the first number are. */
export class Tail {
  #from: number;
  #entries: LogEntry[] = [];
  /** Where they begin in the array: `shift` would move all the others. */
  #start = 0;
  #bytes = 0;

  /** @param from The number behind which nothing is missing. */
  constructor(from: number) {
    this.#from = from;
  }

  /** Every message behind this number is here. */
  get from(): number {
    return this.#from;
  }

  /** The number of the last message. */
  get head(): number {
    return this.#entries.at(-1)?.offset ?? this.#from;
  }

  /** Messages. */
  get length(): number {
    return this.#entries.length - this.#start;
  }

  /** Bytes that they are counted with. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The oldest message. */
  get oldest(): LogEntry | undefined {
    return this.#entries[this.#start];
  }

  /** Adds the next message. */
  push(entry: LogEntry): void {
    this.#entries.push(entry);
    this.#bytes += entryBytes(entry);
  }

  /** Adds older messages, between which and the first one here none is missing; what is here already is left out. */
  prepend(entries: readonly LogEntry[], from: number): void {
    const older = entries.filter(({ offset }) => offset <= this.#from);
    this.#entries = [...older, ...this.#entries.slice(this.#start)];
    this.#start = 0;
    this.#from = from;
    for (const entry of older) this.#bytes += entryBytes(entry);
  }

  /** Forgets the oldest message. */
  shift(): void {
    const oldest = this.#entries[this.#start];
    if (oldest === undefined) return;
    this.#start++;
    this.#from = oldest.offset;
    this.#bytes -= entryBytes(oldest);
    // What was forgotten is let go of when it is half of the array: each message is moved once, on average.
    if (2 * this.#start >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#start);
      this.#start = 0;
    }
  }

  /** Forgets everything up to a number. */
  reset(from: number): void {
    if (this.#entries.length > 0) this.#entries = [];
    this.#start = this.#bytes = 0;
    this.#from = from;
  }

  /**
   * What follows a number.
   *
   * @param offset The number.
   * @param messages How many of them, at most.
   * @param bytes How many bytes they may count, about; one message comes if there is one.
   * @returns The messages, or `undefined` where some of them are not here any more.
   */
  after(offset: number, messages = Infinity, bytes = Infinity): LogEntry[] | undefined {
    if (offset < this.#from) return undefined;
    const begin = this.#indexAfter(offset);
    let end = begin;
    for (let room = bytes; end < this.#entries.length && end - begin < messages; end++) {
      room -= entryBytes(this.#entries[end]!);
      if (room < 0 && end > begin) break;
    }
    return this.#entries.slice(begin, end);
  }

  /** The place of the first message with a larger number. */
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
