/**
 * The queue of messages for a broker. It is bounded and keeps the newest messages.
 *
 * @module
 */
import type { BrokerLimits } from "../limits.ts";

/** A waiting message: the broker's name for its topic, and its envelope. */
export interface Outgoing {
  /** The broker's name for the topic. */
  readonly name: string;
  /** The envelope. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A queue of messages in order. When it is full, the oldest are dropped, because a late message matters less than a new one. */
export class BrokerQueue {
  readonly #limits: Pick<BrokerLimits, "maxQueuedMessages" | "maxQueuedBytes">;
  #messages: Outgoing[] = [];
  /** The index of the first message in the array, because `shift` would move all the others. */
  #head = 0;
  #bytes = 0;

  /** @param limits The limits. */
  constructor(limits: Pick<BrokerLimits, "maxQueuedMessages" | "maxQueuedBytes">) {
    this.#limits = limits;
  }

  /** The number of waiting messages. */
  get length(): number {
    return this.#messages.length - this.#head;
  }

  /** The bytes of their envelopes. */
  get byteLength(): number {
    return this.#bytes;
  }

  /**
   * Adds a message at the end.
   *
   * @param message The message.
   * @returns The number of messages that were dropped for it. A message that is larger than the whole queue is itself dropped.
   */
  push(message: Outgoing): number {
    const { maxQueuedMessages, maxQueuedBytes } = this.#limits;
    const size = message.bytes.byteLength;
    if (size > maxQueuedBytes) return 1;
    let dropped = 0;
    for (; this.length >= maxQueuedMessages || this.#bytes + size > maxQueuedBytes; dropped++) this.#shift();
    this.#messages.push(message);
    this.#bytes += size;
    return dropped;
  }

  /**
   * Takes messages from the front.
   *
   * @param bytes The maximum number of bytes of envelopes to take. At least one message is taken, if there is one.
   * @returns The messages, the oldest first.
   */
  take(bytes: number): Outgoing[] {
    const taken: Outgoing[] = [];
    for (let room = bytes; this.length > 0; taken.push(this.#shift())) {
      room -= this.#messages[this.#head]!.bytes.byteLength;
      if (room < 0 && taken.length > 0) break;
    }
    return taken;
  }

  /**
   * Empties the queue.
   *
   * @returns The number of messages that were in it.
   */
  clear(): number {
    const dropped = this.length;
    this.#messages = [];
    this.#head = this.#bytes = 0;
    return dropped;
  }

  #shift(): Outgoing {
    const message = this.#messages[this.#head++]!;
    this.#bytes -= message.bytes.byteLength;
    // Taken messages are removed when they fill half of the array, so each message is moved once on average.
    if (2 * this.#head >= this.#messages.length) {
      this.#messages = this.#messages.slice(this.#head);
      this.#head = 0;
    }
    return message;
  }
}
