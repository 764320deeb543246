/**
 * What waits for a subscriber that does not read, in a bounded number of bytes.
 *
 * @module
 */
import type { SlowPolicy } from "../connection/socket_options.ts";
import type { HubMessage } from "./hub_message.ts";

/** What has a place in the queue; with `latest-only` a newer message of its topic takes it. */
interface Place {
  message: HubMessage;
}

/** Messages in order, the newest of them. */
export class Backlog {
  readonly #maxBytes: number;
  readonly #places: Place[] = [];
  /** The places of topics of which only the newest message is kept. */
  readonly #latest = new Map<string, Place>();
  #bytes = 0;

  /** @param maxBytes Bytes of the messages that it holds at most. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Messages that wait. */
  get length(): number {
    return this.#places.length;
  }

  /** Puts a message in, and returns how many were dropped for it. */
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

  /** Takes the oldest message out. */
  take(): HubMessage | undefined {
    const place = this.#places.shift();
    if (place === undefined) return undefined;
    const { message } = place;
    this.#bytes -= message.size;
    if (this.#latest.get(message.topic) === place) this.#latest.delete(message.topic);
    return message;
  }
}
