/**
 * The queue of message batches between the read loop and the application, counted in bytes of memory.
 *
 * @module
 */
import { defer, type Deferred } from "../async.ts";
import type { Message } from "../pipeline/messages/message.ts";

/**
 * Takes batches as they arrive, in the call stack of the read, as the callbacks do.
 *
 * @typeParam Item The items of a batch: messages, or parts of messages.
 */
export interface BatchConsumer<Item = Message> {
  /**
   * Takes a batch. It must neither throw nor reject.
   *
   * @returns A promise if the consumer is not done with the batch. The next batch waits for it.
   */
  consume(batch: Item[]): Promise<void> | undefined;
  /** Called once, after the end and after the last batch. */
  ended(): void;
}

/** The options of a queue. */
export interface BatchQueueOptions<Item> {
  /** The bytes of memory at which the read loop stops. */
  readonly highWaterMark: number;
  /** Returns the bytes of one item. */
  readonly memoryOf: (item: Item) => number;
  /** Notified when a consumer is done with all items. */
  readonly owner?: { onConsumed(): void } | undefined;
}

interface Batch<Item> {
  readonly items: Item[];
  readonly bytes: number;
}

/**
 * A queue that holds at most the high-water mark and the items of one step. Then the read loop stops, which slows down the peer.
 *
 * @typeParam Item The items of a batch: messages, or parts of messages.
 */
export class BatchQueue<Item = Message> {
  readonly #options: BatchQueueOptions<Item>;
  #batches: Batch<Item>[] | undefined;
  /** The bytes of memory that wait. Only this class writes it. */
  bytes = 0;
  #capacity: Deferred<void> | undefined;
  #taker: Deferred<Item[] | undefined> | undefined;
  #consumer: BatchConsumer<Item> | undefined;
  #consuming = false;
  #ended = false;
  #error: unknown;

  /** @param options How it behaves. */
  constructor(options: BatchQueueOptions<Item>) {
    this.#options = options;
  }

  /** Whether the application waits for the next batch and is done with all earlier ones. */
  get awaited(): boolean {
    return this.#taker !== undefined || (this.#consumer !== undefined && this.idle);
  }

  /** Whether the queue is empty and no consumer is at work. */
  get idle(): boolean {
    return this.#batches === undefined && !this.#consuming;
  }

  /** Whether `put` will pass the next batch directly to a consumer. */
  get direct(): boolean {
    return this.#consumer !== undefined && !this.#consuming;
  }

  /** Whether the read loop must stop. */
  get full(): boolean {
    return this.bytes >= this.#options.highWaterMark;
  }

  /** Waits until there is room again. */
  capacity(): Promise<void> {
    return (this.#capacity ??= defer<void>()).promise;
  }

  /** Adds a batch. */
  put(items: Item[]): void {
    if (this.#taker !== undefined) {
      this.#taker.resolve(items);
      this.#taker = undefined;
    } else if (this.#consumer !== undefined && !this.#consuming) {
      // Set before the call, because the consumer may end the connection, and `ended` must follow this batch.
      this.#consuming = true;
      const busy = this.#consumer.consume(items);
      if (busy !== undefined) return void this.#consume(this.#consumer, busy);
      this.#consuming = false;
      this.#options.owner?.onConsumed();
      if (this.#ended) this.#consumer.ended();
    } else {
      const bytes = items.reduce((sum, item) => sum + this.#options.memoryOf(item), 0);
      (this.#batches ??= []).push({ items, bytes });
      this.bytes += bytes;
    }
  }

  /** Ends the queue, with an error if the end was not clean. Queued items can still be taken. */
  end(error?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    if (error === undefined) this.#taker?.resolve(undefined);
    else this.#taker?.reject(error);
    this.#taker = undefined;
    this.release();
    if (!this.#consuming) this.#consumer?.ended();
  }

  /** Lets the read loop continue even if the queue is full. */
  release(): void {
    this.#capacity?.resolve();
    this.#capacity = undefined;
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
    if (this.#taker !== undefined) throw new TypeError("Cannot read: another read is waiting for the next message");
    this.#taker = defer();
    return this.#taker.promise;
  }

  /** Passes every batch from now on to `consumer`; waiting batches follow in the next microtask. */
  consumeWith(consumer: BatchConsumer<Item>): void {
    this.#consumer = consumer;
    if (this.#batches === undefined && !this.#ended) this.#options.owner?.onConsumed();
    else void this.#consume(consumer, undefined);
  }

  /**
   * Creates a queue that replaces this one, with all waiting items converted. It is only valid before the first `take`.
   *
   * @param convert Converts an item.
   * @param memoryOf Returns the bytes of a converted item.
   */
  map<Other>(convert: (item: Item) => Other, memoryOf: (item: Other) => number): BatchQueue<Other> {
    const next = new BatchQueue<Other>({ ...this.#options, memoryOf });
    for (const { items } of this.#batches ?? []) next.put(items.map(convert));
    if (this.#ended) next.end(this.#error);
    next.#capacity = this.#capacity; // the read loop may be waiting for room
    return next;
  }

  async #consume(consumer: BatchConsumer<Item>, busy: Promise<void> | undefined): Promise<void> {
    this.#consuming = true;
    await busy;
    for (let batch = this.#shift(); batch !== undefined; batch = this.#shift()) await consumer.consume(batch);
    this.#consuming = false;
    this.#options.owner?.onConsumed();
    if (this.#ended) consumer.ended();
  }

  #shift(): Item[] | undefined {
    const batch = this.#batches?.shift();
    if (batch === undefined) return undefined;
    if (this.#batches?.length === 0) this.#batches = undefined;
    this.bytes -= batch.bytes;
    if (!this.full) this.release();
    return batch.items;
  }
}
