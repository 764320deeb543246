/**
 * What comes in: the receiver, and the inbox in which its messages, or parts of messages, wait for whoever reads.
 *
 * @module
 */
import { copyWithHeadroom, MIN_BYTES_FOR_HEADROOM } from "../pipeline/bytes/headroom.ts";
import { giveBack, lend } from "../pipeline/bytes/lent_memory.ts";
import { memoryOf, type Message, ownCopy } from "../pipeline/messages/message.ts";
import { type MessagePart, wholePart } from "../pipeline/messages/message_splitter.ts";
import type { WatchedReceiver } from "./watch/connection_watch.ts";
import { type BatchConsumer, Inbox } from "./batch_queue.ts";
import { Receiver, type ReceiverOptions } from "./receiver.ts";

/** What an intake is made of. */
export interface IntakeOptions extends ReceiverOptions {
  /** Is called when whoever reads is done with all there is. */
  readonly rested: () => void;
}

/** How bytes are taken in. */
export interface ReceiveOptions {
  /** Whether anybody wants what they bring. If not, only control frames matter. */
  readonly wanted: boolean;
  /** The memory that reads go to, where the bytes are in it: views of it are not for keeping unless `kept` says so. */
  readonly memory?: ArrayBuffer | undefined;
}

/** Takes in bytes, step by step, and keeps what they bring: at most the high-water mark and what one step brings. */
export class Intake {
  /** The way in. */
  readonly receiver: Receiver;
  readonly #lends: boolean;
  readonly #messages: Inbox<Message>;
  #parts: Inbox<MessagePart> | undefined;
  /** What bytes go to: the receiver itself, or who watches it. */
  #watched: WatchedReceiver;
  #kept = false;
  #claimed = false;

  /** @param options What it is made of. */
  constructor(options: IntakeOptions) {
    this.receiver = this.#watched = new Receiver(options);
    this.#lends = options.lends;
    this.#messages = new Inbox(options.limits.highWaterMark, memoryOf, options.rested);
  }

  /** Who watches the receiver: bytes go there. */
  set watch(watch: WatchedReceiver | undefined) {
    this.#watched = watch ?? this.receiver;
  }

  /** Whether somebody waits for the next batch: everything before it is done with. */
  get awaited(): boolean {
    return this.#inbox.awaited;
  }

  /** Whether nothing waits here and no consumer is at work. */
  get idle(): boolean {
    return this.#inbox.idle;
  }

  /** Whether the reader must stop. Before it is known how messages are read, one step is taken of a read, and no message judged by its size. */
  get full(): boolean {
    return this.#inbox.full || (!this.#claimed && this.pending);
  }

  /** Whether it is known how messages are read. */
  get claimed(): boolean {
    return this.#claimed;
  }

  /** Whether there is more of the last read to take. */
  get pending(): boolean {
    return this.receiver.pending;
  }

  /** Whether somebody may have kept a view of what was taken in last. */
  get kept(): boolean {
    return this.#kept;
  }

  /** Waits until there is room again. The peer is not to blame for the time that takes. */
  async room(): Promise<void> {
    this.#watched.pause();
    await this.#inbox.room();
    this.#watched.resume();
  }

  /** Says that it is known how messages are read, or that it no longer matters. */
  claim(): void {
    if (this.#claimed) return;
    this.#claimed = true;
    this.receiver.judge();
    this.#inbox.release();
  }

  /** Lets the reader go on whatever is in here. */
  release(): void {
    this.claim();
    this.#inbox.release();
  }

  /**
   * Takes bytes in, and a first step through them. While {@linkcode Intake.pending}, {@linkcode Intake.proceed} takes the next one.
   *
   * @param bytes Where they are; they are the intake's from here on.
   * @param count How many they are.
   * @param options Whether they matter, and where they were read to.
   * @returns What was wrong, if anything.
   */
  receive(bytes: Uint8Array<ArrayBuffer>, count: number, options: ReceiveOptions): unknown {
    this.#kept = false;
    const messages: Message[] = [];
    const parts: MessagePart[] | undefined = this.#parts && [];
    const failure = this.#watched.receive(bytes, count, messages, parts);
    this.#put(messages, parts, options);
    return failure;
  }

  /** Takes the next step through what was read last. */
  proceed(options: ReceiveOptions): unknown {
    const messages: Message[] = [];
    const parts: MessagePart[] | undefined = this.#parts && [];
    const failure = this.#watched.proceed(messages, parts);
    this.#put(messages, parts, options);
    return failure;
  }

  /**
   * Has messages handed on in parts from here on; those that wait become one part each.
   *
   * @returns What was wrong with the message that has begun, if anything.
   */
  stream(): unknown {
    if (this.#parts !== undefined) return undefined;
    this.claim();
    this.#parts = this.#messages.map(wholePart, memoryOfPart);
    const parts: MessagePart[] = [];
    const failure = this.receiver.stream(parts);
    if (parts.length > 0) this.#parts.put(parts);
    return failure;
  }

  /** Takes the next batch of messages: see {@linkcode Inbox.take}. */
  take(): Message[] | undefined | Promise<Message[] | undefined> {
    return this.#messages.take();
  }

  /** The same of parts, after {@linkcode Intake.stream}. */
  takeParts(): MessagePart[] | undefined | Promise<MessagePart[] | undefined> {
    return this.#parts?.take();
  }

  /** Sends every batch from now on to `consumer`: see {@linkcode Inbox.consumeWith}. */
  consumeWith(consumer: BatchConsumer, ended: () => void): void {
    this.#messages.consumeWith(consumer, ended);
  }

  /** Says that nothing more will come, and why where it did not end cleanly. What is here can still be taken. */
  end(error: unknown): void {
    this.#inbox.end(error);
  }

  get #inbox(): Inbox<Message> | Inbox<MessagePart> {
    return this.#parts ?? this.#messages;
  }

  #put(messages: Message[], parts: MessagePart[] | undefined, { wanted, memory }: ReceiveOptions): void {
    if (!this.#lends) {
      const stays = memory !== undefined && keepPrivate(messages, memory, messages.length <= FEW || this.pending);
      if (stays || this.receiver.keepsBytes) this.#kept = true;
    }
    if (parts !== undefined) {
      if (wanted && parts.length > 0) this.#parts?.put(parts);
    } else if (messages.length > 0) {
      if (this.#lends) this.#lend(messages, { wanted, memory });
      else if (wanted) this.#messages.put(messages);
    }
  }

  /** Hands messages on that are lent. Who is still busy with those before gets copies. */
  #lend(messages: Message[], { wanted, memory }: ReceiveOptions): void {
    const direct = this.#messages.direct;
    const gathered: ArrayBuffer[] = [];
    let read = false;
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i]!;
      // Small ones are nearly all in the read's memory: to look where costs 4 % of an echo of 32 bytes, and once is enough. One that
      // was gathered behind them is not told of: its memory is simply not used again.
      if (typeof message === "string" || (read && message.length < MIN_BYTES_FOR_HEADROOM)) continue;
      if (message.buffer === memory) read = true;
      else gathered.push(message.buffer);
    }
    if (read && memory !== undefined) lend(memory);
    gathered.forEach(lend);
    if (wanted) this.#messages.put(direct ? messages : messages.map(ownCopy));
    gathered.forEach(giveBack);
  }
}

function memoryOfPart({ data }: MessagePart): number {
  return memoryOf(data);
}

/** More messages than this are given their read's memory where all of it has been taken: it costs less than a buffer for each. */
const FEW = 8;

/**
 * Gives large payloads a buffer of their own, and small ones where they are few: to read to the same memory again, which is in the
 * processor's cache, costs less than to read to memory that is new, and an application may transfer what is its own. Says whether
 * messages stay where they were read.
 */
function keepPrivate(messages: Message[], memory: ArrayBuffer, few: boolean): boolean {
  let kept = false;
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i]!;
    if (typeof message === "string" || (kept && message.length < MIN_BYTES_FOR_HEADROOM) || message.buffer !== memory) {
      continue;
    }
    if (message.length >= MIN_BYTES_FOR_HEADROOM) messages[i] = copyWithHeadroom(message);
    else if (few) messages[i] = message.slice();
    else kept = true;
  }
  return kept;
}
