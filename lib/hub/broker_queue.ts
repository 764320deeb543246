/**
 * What waits for a broker: a queue with bounds, which keeps the newest.
 *
 * @module
 */
import type { BrokerLimits } from "../limits.ts";

/** A message that waits: its topic's name at the broker, and its envelope. */
export interface Outgoing {
  /** What the broker calls the topic. */
  readonly name: string;
  /** The envelope. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A queue of messages in order. When it is full, the oldest go: a message that is late matters less than one that is new. */
export class BrokerQueue {
  readonly #limits: Pick<BrokerLimits, "maxQueuedMessages" | "maxQueuedBytes">;
  #messages: Outgoing[] = [];
  /** Where the queue begins in the array: `shift` would move all the others. */
  #head = 0;
  #bytes = 0;

  /** @param limits Its bounds. */
  constructor(limits: Pick<BrokerLimits, "maxQueuedMessages" | "maxQueuedBytes">) {
    this.#limits = limits;
  }

  /** How many messages wait. */
  get length(): number {
    return this.#messages.length - this.#head;
  }

  /** Bytes of their envelopes. */
  get byteLength(): number {
    return this.#bytes;
  }

  /**
   * Adds a message at the end.
   *
   * @param message The message.
   * @returns How many messages had to go for it; if it is larger than the whole queue may be, it is the one that goes.
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
   * @param bytes How many bytes of envelopes, at most; but one message at least, if there is one.
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
   * @returns How many messages were in it.
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
    // What was taken is let go of when it is half of the array: each message is moved once, on average.
    if (2 * this.#head >= this.#messages.length) {
      this.#messages = this.#messages.slice(this.#head);
      this.#head = 0;
    }
    return message;
  }
}
