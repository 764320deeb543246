/**
 * The last messages of each topic, limited by number for each topic and by bytes for all topics.
 *
 * @module
 */
import { type OptionKinds, required, whole } from "../option_kinds.ts";
import type { HubMessage } from "./hub_message.ts";

/** The limits of the history. */
export interface HistoryOptions {
  /** The maximum number of messages to keep for each topic. */
  messages: number;
  /**
   * The maximum number of bytes of memory for the messages of all topics. A message counts twice its size (its data and its
   * frame) plus 576 bytes; a topic counts its name plus 256 bytes. When memory runs out, the topic that was quiet for longest
   * loses its oldest messages first. Messages that are encoded in several ways take more than this.
   * @default {16777216}, 16 MiB
   */
  bytes?: number;
}

/**
 * Measured with 100,000 messages of a byte: 105 bytes for a text, 306 for binary data, and 220 more for the frame that subscribers
 * share.
 */
const KEPT_MESSAGE_COST = 576;

/** Measured: 250 bytes for a topic with one message, without its name. */
const TOPIC_COST = 256;
/** What they take. */
export const HISTORY_OPTION_KINDS: OptionKinds<HistoryOptions> = {
  messages: required(whole({ least: 1, infinite: false })),
  bytes: whole({ unit: "bytes", least: 1, infinite: false }),
};

/** The last messages. */
export class History {
  readonly #messages: number;
  readonly #maxBytes: number;
  /** The messages by topic. The topic that was quiet for longest comes first. */
  readonly #topics = new Map<string, Kept>();
  #bytes = 0;

  /**
   * @param options The limits.
   */
  constructor({ messages, bytes = 16 * 1024 * 1024 }: HistoryOptions) {
    this.#messages = messages;
    this.#maxBytes = bytes;
  }

  /** The bytes that are counted for the messages. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps a message. */
  add(message: HubMessage): void {
    const { topic } = message;
    const known = this.#topics.get(topic);
    const kept = known ?? new Kept();
    if (known === undefined) this.#bytes += topicCost(topic);
    else this.#topics.delete(topic);
    this.#topics.set(topic, kept);
    kept.push(message);
    this.#bytes += messageCost(message);
    if (kept.length > this.#messages) this.#forget(kept);
    while (this.#bytes > this.#maxBytes) {
      const [quiet, theirs] = this.#topics.entries().next().value!;
      this.#forget(theirs);
      if (theirs.length > 0) continue;
      this.#topics.delete(quiet);
      this.#bytes -= topicCost(quiet);
    }
  }

  /** Returns the last `count` messages of a topic, the oldest first. */
  last(topic: string, count: number): readonly HubMessage[] {
    return count > 0 ? this.#topics.get(topic)?.last(count) ?? [] : [];
  }

  #forget(kept: Kept): void {
    const oldest = kept.shift();
    if (oldest !== undefined) this.#bytes -= messageCost(oldest);
  }
}

/** The messages of one topic. Removing the oldest does not move the others, of which there may be tens of thousands. */
class Kept {
  #messages: (HubMessage | undefined)[] = [];
  #first = 0;

  get length(): number {
    return this.#messages.length - this.#first;
  }

  push(message: HubMessage): void {
    this.#messages.push(message);
  }

  shift(): HubMessage | undefined {
    if (this.length === 0) return undefined;
    const oldest = this.#messages[this.#first];
    this.#messages[this.#first++] = undefined;
    if (2 * this.#first > this.#messages.length) {
      this.#messages = this.#messages.slice(this.#first);
      this.#first = 0;
    }
    return oldest;
  }

  last(count: number): HubMessage[] {
    const from = Math.max(this.#first, this.#messages.length - count);
    return this.#messages.slice(from).filter((message) => message !== undefined);
  }
}

/** Estimates the memory of a message. A text takes at most two bytes for each UTF-16 unit, and about as much as its frame. */
function messageCost({ data }: HubMessage): number {
  return KEPT_MESSAGE_COST + 2 * data.length;
}

function topicCost(topic: string): number {
  return TOPIC_COST + 2 * topic.length;
}
