/**
 * An in-memory log for topics that catch up, which fails on demand.
 *
 * @module
 */
import type { AppendOptions, Log, LogListener, LogPage, Position, ReadLimit } from "../recovery/log.ts";
import { memoryLog, type MemoryLogOptions } from "../recovery/memory_log.ts";
import type { Message } from "../pipeline/messages/message.ts";

/** A log that a test can make fail, fall silent and lose its contents. */
export interface FaultyLog extends Log {
  /** The error that reading, appending and remembering reject with; `undefined` while the log works. */
  error: unknown;
  /** Whether the log stops announcing new messages. They are then only found by reading. */
  quiet: boolean;
  /** The numbers after which the log was read, one for each read. */
  readonly reads: readonly number[];
  /** Deletes everything. What is appended next has another epoch. */
  wipe(): Promise<void>;
  /** Makes every follower check for new messages, as after a lost connection. */
  hint(): void;
}

/** An in-memory log that fails on demand. */
export class FaultyMemoryLog implements FaultyLog {
  readonly #options: MemoryLogOptions;
  readonly #followers = new Set<{ topic: string; listener: LogListener; end: () => void }>();
  #log: Log;
  error: unknown;
  quiet = false;
  readonly reads: number[] = [];

  /** @param options How much the log keeps. */
  constructor(options: MemoryLogOptions = {}) {
    this.#options = options;
    this.#log = memoryLog(options);
  }

  async wipe(): Promise<void> {
    await this.#log.close();
    this.#log = memoryLog(this.#options);
    for (const follower of this.#followers) follower.end = this.#follow(follower.topic, follower.listener);
  }

  hint(): void {
    for (const { listener } of this.#followers) listener();
  }

  append(topic: string, data: Message, options?: AppendOptions): Promise<Position> {
    return this.error === undefined ? this.#log.append(topic, data, options) : Promise.reject(this.error);
  }

  read(topic: string, after: number, limit: ReadLimit): Promise<LogPage> {
    this.reads.push(after);
    return this.error === undefined ? this.#log.read(topic, after, limit) : Promise.reject(this.error);
  }

  follow(topic: string, listener: LogListener): () => void {
    const follower = { topic, listener, end: this.#follow(topic, listener) };
    this.#followers.add(follower);
    return () => {
      this.#followers.delete(follower);
      follower.end();
    };
  }

  taken(session: string): Promise<number> {
    return this.error === undefined ? this.#log.taken(session) : Promise.reject(this.error);
  }

  take(session: string, number: number): Promise<void> {
    return this.error === undefined ? this.#log.take(session, number) : Promise.reject(this.error);
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#log.close();
  }

  #follow(topic: string, listener: LogListener): () => void {
    return this.#log.follow(topic, (news) => this.quiet ? undefined : listener(news));
  }
}

/**
 * Makes an in-memory log that fails on demand. Use it to test what an application does when messages are refused, late or gone.
 *
 * @example A publisher gets an error for a full log, and a client notices lost messages
 * ```ts
 * import { createRecoverableHub } from "@sluice/websocket/recovery";
 * import { faultyLog } from "@sluice/websocket/testing";
 * import { assertNotEquals, assertRejects } from "@std/assert";
 *
 * const log = faultyLog();
 * await using hub = createRecoverableHub({ log });
 * const { epoch } = await hub.publish("news", "It rains", { durable: true });
 *
 * log.error = new Error("disk full");
 * await assertRejects(() => hub.publish("news", "It pours", { durable: true }), Error, "disk full");
 *
 * log.error = undefined;
 * await log.wipe();
 * assertNotEquals((await hub.publish("news", "The sun shines", { durable: true })).epoch, epoch);
 * ```
 *
 * @param options How much the log keeps.
 * @returns The log.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function faultyLog(options: MemoryLogOptions = {}): FaultyLog {
  return new FaultyMemoryLog(options);
}
