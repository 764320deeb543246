/**
 * The messages that wait for a slow subscriber, bounded in bytes.
 *
 * @module
 */
import type { SlowPolicy } from "../connection/socket_options.ts";
import type { HubMessage } from "./hub_message.ts";

/** A place in the queue. With `latest-only` a newer message of the same topic takes it over. */
interface Place {
  message: HubMessage;
}

/** A queue of messages in order, which keeps the newest. */
export class Backlog {
  readonly #maxBytes: number;
  readonly #places: Place[] = [];
  /** The places of topics for which only the newest message is kept. */
  readonly #latest = new Map<string, Place>();
  #bytes = 0;

  /** @param maxBytes The maximum number of bytes of messages to hold. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The number of waiting messages. */
  get length(): number {
    return this.#places.length;
  }

  /** Adds a message, and returns the number of messages that were dropped for it. */
  put(message: HubMessage, policy: Extract<SlowPolicy, "drop-oldest" | "latest-only">): number {
    let dropped = 0;
    const place = policy === "latest-only" ? this.#latest.get(message.topic) : undefined;
    this.#bytes += message.size;
    if (place === undefined) {
      const last = { message };
      this.#places.push(last);
      if (policy === "latest-only") this.#latest.set(message.topic, last);
    } else {
      this.#bytes -= place.message.size;
      place.message = message;
      dropped++;
    }
    for (; this.#bytes > this.#maxBytes; dropped++) this.take();
    return dropped;
  }

  /** Removes and returns the oldest message. */
  take(): HubMessage | undefined {
    const place = this.#places.shift();
    if (place === undefined) return undefined;
    const { message } = place;
    this.#bytes -= message.size;
    if (this.#latest.get(message.topic) === place) this.#latest.delete(message.topic);
    return message;
  }
}
