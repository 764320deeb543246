/**
 * The last messages of each topic, bounded for each topic in number and for all of them in bytes.
 *
 * @module
 */
import type { HubMessage } from "./hub_message.ts";

/** How much is kept. */
export interface HistoryOptions {
  /** Messages of one topic. */
  messages: number;
  /**
   * Bytes of all topics' messages together, each counted with 64 bytes and its topic's name besides. Where there is no room, the
   * topic that was quiet for longest forgets first. Messages that are encoded in several ways take more than they are counted with.
   *
   * @default {16777216}, 16 MiB
   */
  bytes?: number;
}

/** The last messages. */
export class History {
  readonly #messages: number;
  readonly #maxBytes: number;
  /** By topic, the one that was quiet for longest first. */
  readonly #topics = new Map<string, HubMessage[]>();
  #bytes = 0;

  /**
   * @param options How much is kept.
   * @throws {RangeError} If a number is not a whole number of 1 or more.
   */
  constructor({ messages, bytes = 16 * 1024 * 1024 }: HistoryOptions) {
    for (const [name, value] of Object.entries({ messages, bytes })) {
      if (!Number.isSafeInteger(value) || value < 1) {
        throw new RangeError(`Cannot use history of ${value} ${name}: it must be a whole number of 1 or more`);
      }
    }
    this.#messages = messages;
    this.#maxBytes = bytes;
  }

  /** Bytes that the messages are counted with. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps a message. */
  add(message: HubMessage): void {
    const { topic } = message;
    const kept = this.#topics.get(topic) ?? [];
    this.#topics.delete(topic);
    this.#topics.set(topic, kept);
    kept.push(message);
    this.#bytes += cost(message);
    if (kept.length > this.#messages) this.#forget(kept);
    while (this.#bytes > this.#maxBytes) {
      const [quiet, theirs] = this.#topics.entries().next().value!;
      this.#forget(theirs);
      if (theirs.length === 0) this.#topics.delete(quiet);
    }
  }

  /** The last `count` messages of a topic, the oldest first. */
  last(topic: string, count: number): readonly HubMessage[] {
    return count > 0 ? this.#topics.get(topic)?.slice(-count) ?? [] : [];
  }

  #forget(kept: HubMessage[]): void {
    const oldest = kept.shift();
    if (oldest !== undefined) this.#bytes -= cost(oldest);
  }
}

function cost({ size, topic }: HubMessage): number {
  return size + topic.length;
}
