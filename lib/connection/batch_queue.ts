/**
 * Batches of messages between the reader and whoever consumes them, counted in bytes as they are in memory.
 *
 * @module
 */
import { defer, type Deferred } from "../async.ts";
import type { Message } from "../pipeline/messages/message.ts";

/**
 * Takes batches as they arrive, synchronously, as the callbacks do.
 *
 * @returns A promise where the consumer is not done with the batch: the next one waits for it.
 */
export type BatchConsumer<Item = Message> = (batch: Item[]) => Promise<void> | undefined;

interface Batch<Item> {
  readonly messages: Item[];
  readonly bytes: number;
}

/**
 * Holds at most the high-water mark and one step; then the reader stops, and with it the peer.
 *
 * @typeParam Item What is in a batch: messages, or parts of them.
 */
export class Inbox<Item = Message> {
  readonly #highWaterMark: number;
  readonly #memoryOf: (item: Item) => number;
  readonly #rested: () => void;
  readonly #batches: Batch<Item>[] = [];
  #bytes = 0;
  #room: Deferred<void> | undefined;
  #waiting: Deferred<Item[] | undefined> | undefined;
  #consumer: BatchConsumer<Item> | undefined;
  #consuming = false;
  #consumed: (() => void) | undefined;
  #ended = false;
  #error: unknown;

  /**
   * @param highWaterMark Bytes of memory that may wait here before the reader stops.
   * @param memoryOf The bytes of one item.
   * @param rested Is called when a consumer is done with all there is.
   */
  constructor(highWaterMark: number, memoryOf: (item: Item) => number, rested: () => void = () => {}) {
    this.#highWaterMark = highWaterMark;
    this.#memoryOf = memoryOf;
    this.#rested = rested;
  }

  /** Whether somebody waits for the next batch: everything before it is done with. */
  get awaited(): boolean {
    return this.#waiting !== undefined || (this.#consumer !== undefined && this.idle);
  }

  /** Whether nothing waits here and no consumer is at work. */
  get idle(): boolean {
    return this.#batches.length === 0 && !this.#consuming;
  }

  /** Whether the next batch goes straight to a consumer, within the call of `put`. */
  get direct(): boolean {
    return this.#consumer !== undefined && !this.#consuming;
  }

  /** Whether the reader must stop. */
  get full(): boolean {
    return this.#bytes >= this.#highWaterMark;
  }

  /** Waits until there is room again. */
  room(): Promise<void> {
    this.#room ??= defer<void>();
    return this.#room.promise;
  }

  /** Puts a batch in. */
  put(messages: Item[]): void {
    if (this.#waiting !== undefined) {
      this.#waiting.resolve(messages);
      this.#waiting = undefined;
    } else if (this.#consumer !== undefined && !this.#consuming) {
      // Also while it runs: it may bring about the end, which is told after its batch.
      this.#consuming = true;
      const busy = this.#consumer(messages);
      if (busy === undefined) this.#rest();
      else void this.#consume(busy);
    } else {
      const bytes = messages.reduce((sum, item) => sum + this.#memoryOf(item), 0);
      this.#batches.push({ messages, bytes });
      this.#bytes += bytes;
    }
  }

  /** Says that nothing more will come, and why where it did not end cleanly. What is in it can still be taken. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    if (this.#waiting !== undefined) {
      if (error === undefined) this.#waiting.resolve(undefined);
      else this.#waiting.reject(error);
      this.#waiting = undefined;
    }
    this.release();
    if (!this.#consuming) this.#consumed?.();
  }

  /** Lets the reader go on whatever is in here. */
  release(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  /**
   * Takes the next batch, or waits for it.
   *
   * @returns The batch, or `undefined` after a clean end.
   */
  take(): Item[] | undefined | Promise<Item[] | undefined> {
    const batch = this.#shift();
    if (batch !== undefined) return batch;
    if (this.#ended) return this.#error === undefined ? undefined : Promise.reject(this.#error);
    if (this.#waiting !== undefined) throw new TypeError("Cannot read: another read is waiting for the next message");
    this.#waiting = defer();
    return this.#waiting.promise;
  }

  /**
   * Sends every batch from now on to `consumer`, and says when the last one is done.
   *
   * @param consumer Takes the batches. It must neither throw nor reject.
   * @param ended Is called once, after the end and after the last batch.
   */
  consumeWith(consumer: BatchConsumer<Item>, ended: () => void): void {
    this.#consumer = consumer;
    this.#consumed = ended;
    void this.#consume(undefined);
  }

  /** What takes this one's place, with all that waits here made into something else. Nobody must have begun to take. */
  map<Other>(make: (item: Item) => Other, memoryOf: (item: Other) => number): Inbox<Other> {
    const next = new Inbox<Other>(this.#highWaterMark, memoryOf, this.#rested);
    for (const { messages } of this.#batches) next.put(messages.map(make));
    if (this.#ended) next.end(this.#error);
    next.#room = this.#room; // the reader may be waiting for it
    return next;
  }

  async #consume(busy: Promise<void> | undefined): Promise<void> {
    this.#consuming = true;
    await busy;
    for (let batch = this.#shift(); batch !== undefined; batch = this.#shift()) await this.#consumer?.(batch);
    this.#rest();
  }

  /** The consumer is done with all there is. */
  #rest(): void {
    this.#consuming = false;
    this.#rested();
    if (this.#ended) this.#consumed?.();
  }

  #shift(): Item[] | undefined {
    const batch = this.#batches.shift();
    if (batch === undefined) return undefined;
    this.#bytes -= batch.bytes;
    if (!this.full) this.release();
    return batch.messages;
  }
}
