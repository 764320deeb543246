/**
 * A log in the memory of one process, limited in number, bytes and age.
 *
 * @module
 */
import { ConnectionError } from "../errors.ts";
import { COUNT, type OptionKinds, PERIOD, TIME, whole } from "../option_kinds.ts";
import { checkOptions } from "../options.ts";
import type { Message } from "../pipeline/messages/message.ts";
import type { AppendOptions, Log, LogEntry, LogListener, LogPage, Position, ReadLimit } from "./log.ts";
import { entryBytes, Tail } from "./tail.ts";
import { Expiring } from "./expiring.ts";

/** The options of `memoryLog`. */
export interface MemoryLogOptions {
  /** The maximum number of messages to keep for each topic. @default {1000} */
  messages?: number;
  /**
   * The maximum number of bytes of the messages of all topics. Each message counts as its data plus 256 bytes, and each topic
   * as another 256 bytes. When memory runs out, the topic that was quiet for longest loses its oldest messages first.
   * @default {67108864}, 64 MiB
   */
  bytes?: number;
  /** Milliseconds for which a message can be read again. @default {3600000}, an hour */
  age?: number;
  /**
   * Milliseconds to remember which messages were appended and taken, to detect duplicates. Only the last 65 536 ids and the last
   * 65 536 sessions are remembered.
   * @default {120000}, two minutes
   */
  resumeTimeout?: number;
}

/** What they take. */
export const MEMORY_LOG_OPTION_KINDS: OptionKinds<MemoryLogOptions> = {
  messages: COUNT,
  bytes: whole({ unit: "bytes", least: 1 }),
  age: TIME,
  resumeTimeout: PERIOD,
};

/** The bytes of a topic in memory, without its name. */
const TOPIC_COST = 256;

/**
 * Creates a log in memory, for one server. It is lost with the process: a server that restarts has another epoch, and every
 * client gets `recovered: false`.
 *
 * @example What is read again
 * ```ts
 * import { memoryLog } from "@sluice/websocket/recovery";
 * import { assertEquals } from "@std/assert";
 *
 * await using log = memoryLog({ messages: 100 });
 * const { epoch, offset } = await log.append("news", "It rains");
 * await log.append("news", "It pours");
 * const page = await log.read("news", offset, { messages: 10, bytes: 1_000 });
 * assertEquals([page.epoch, page.entries.map(({ data }) => data)], [epoch, ["It pours"]]);
 * ```
 *
 * @param options The limits.
 * @returns The log.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function memoryLog(options: MemoryLogOptions = {}): Log {
  checkOptions("memoryLog()", options, MEMORY_LOG_OPTION_KINDS);
  return new MemoryLog(options);
}

/** A message with the time at which it was appended. */
interface TimedEntry extends LogEntry {
  readonly time: number;
}

/** The messages of a topic. */
type Kept = Tail<TimedEntry>;

/** A topic with followers. */
interface Followed {
  readonly listeners: Set<LogListener>;
  /** The number from which the topic continues if it is forgotten, so that its followers see no gap. */
  head: number;
}

class MemoryLog implements Log {
  readonly #messages: number;
  readonly #maxBytes: number;
  readonly #age: number;
  readonly #epoch = crypto.randomUUID().slice(0, 8);
  /** The topics. The one that was quiet for longest comes first. */
  readonly #topics = new Map<string, Kept>();
  readonly #followed = new Map<string, Followed>();
  readonly #appended: Expiring<Position>;
  readonly #taken: Expiring<number>;
  /**
   * The largest number of any forgotten topic. A topic that is used again continues from here, so that no number is used twice.
   */
  #floor = 0;
  #bytes = 0;
  #closed = false;

  constructor(
    { messages = 1_000, bytes = 64 * 1024 * 1024, age = 3_600_000, resumeTimeout = 120_000 }: MemoryLogOptions,
  ) {
    this.#messages = messages;
    this.#maxBytes = bytes;
    this.#age = age === 0 ? Infinity : age;
    this.#appended = new Expiring(resumeTimeout);
    this.#taken = new Expiring(resumeTimeout);
  }

  append(topic: string, data: Message, { id }: AppendOptions = {}): Promise<Position> {
    if (this.#closed) return Promise.reject(new ConnectionError("The log is closed"));
    const name = id === undefined ? undefined : `${id} ${topic}`;
    const known = name === undefined ? undefined : this.#appended.get(name);
    if (known !== undefined) return Promise.resolve(known);
    const kept = this.#keptOf(topic);
    const previous = kept.head;
    const entry = { offset: previous + 1, previous, data, time: performance.now() };
    kept.push(entry);
    this.#bytes += entryBytes(entry);
    this.#forget(topic, kept);
    const position = { epoch: this.#epoch, offset: entry.offset };
    if (name !== undefined) this.#appended.set(name, position);
    for (const listener of this.#followed.get(topic)?.listeners ?? []) listener({ epoch: this.#epoch, entry });
    return Promise.resolve(position);
  }

  read(topic: string, after: number, { messages, bytes }: ReadLimit): Promise<LogPage> {
    if (this.#closed) return Promise.reject(new ConnectionError("The log is closed"));
    const kept = this.#topics.get(topic);
    if (kept === undefined) {
      const head = this.#headOf(topic);
      return Promise.resolve({ epoch: this.#epoch, head, from: head, entries: [] });
    }
    this.#forgetOld(kept);
    const entries = kept.after(Math.max(after, kept.from), messages, bytes) ?? [];
    return Promise.resolve({ epoch: this.#epoch, head: kept.head, from: kept.from, entries });
  }

  follow(topic: string, listener: LogListener): () => void {
    const followed = this.#followed.get(topic) ?? { listeners: new Set(), head: this.#headOf(topic) };
    this.#followed.set(topic, followed);
    followed.listeners.add(listener);
    listener();
    return () => {
      followed.listeners.delete(listener);
      if (followed.listeners.size === 0 && this.#followed.get(topic) === followed) this.#followed.delete(topic);
    };
  }

  taken(session: string): Promise<number> {
    return Promise.resolve(this.#taken.get(session) ?? 0);
  }

  take(session: string, number: number): Promise<void> {
    this.#taken.set(session, Math.max(number, this.#taken.get(session) ?? 0));
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#topics.clear();
    this.#followed.clear();
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Returns a topic, and moves it to the end as the one that was used last. */
  #keptOf(topic: string): Kept {
    let kept = this.#topics.get(topic);
    if (kept === undefined) {
      kept = new Tail(this.#headOf(topic));
      this.#bytes += topicBytes(topic);
    } else {
      this.#topics.delete(topic);
    }
    this.#topics.set(topic, kept);
    return kept;
  }

  /** Returns the number of the last message of a topic, or a number in its place. */
  #headOf(topic: string): number {
    return this.#topics.get(topic)?.head ?? this.#followed.get(topic)?.head ?? this.#floor;
  }

  #forget(topic: string, kept: Kept): void {
    this.#forgetOld(kept);
    while (kept.length > this.#messages) this.#shift(kept);
    while (this.#bytes > this.#maxBytes) {
      const [quiet, theirs] = this.#topics.entries().next().value!;
      this.#shift(theirs);
      if (theirs.length > 0) continue;
      this.#floor = Math.max(this.#floor, theirs.head);
      const followed = this.#followed.get(quiet);
      if (followed !== undefined) followed.head = theirs.head;
      this.#topics.delete(quiet);
      this.#bytes -= topicBytes(quiet);
      if (quiet === topic) break;
    }
  }

  #forgetOld(kept: Kept): void {
    const oldest = performance.now() - this.#age;
    while (kept.oldest !== undefined && kept.oldest.time < oldest) this.#shift(kept);
  }

  #shift(kept: Kept): void {
    const before = kept.bytes;
    kept.shift();
    this.#bytes -= before - kept.bytes;
  }
}

function topicBytes(topic: string): number {
  return TOPIC_COST + 2 * topic.length;
}
