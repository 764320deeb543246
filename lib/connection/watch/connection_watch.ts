/**
 * What stands in a connection's way in and way out while somebody watches it, and only then: without an observer or a tap there is
 * no such object, the connection's reads go to its receiver, and a write finds nobody to tell.
 *
 * @module
 */
import { invalidState } from "../../errors.ts";
import type { Frame } from "../../pipeline/frames/frame.ts";
import { FrameScanner } from "../../pipeline/frames/frame_scanner.ts";
import type { Framing } from "../../pipeline/frames/framing.ts";
import type { Message } from "../../pipeline/messages/message.ts";
import type { MessagePart } from "../../pipeline/messages/message_splitter.ts";
import { type ConnectionObserver, notify } from "./observer.ts";
import type { Receiver } from "../receiver.ts";
import { Tap, type TappedFacts } from "./tap.ts";
import type { TapOptions } from "../socket_options.ts";
import type { CloseInfo } from "../websocket_connection.ts";
import type { WriteQueue, WriteWatch } from "../write_queue.ts";

/** The part of a receiver that is watched. */
export type WatchedReceiver = Pick<Receiver, "receive" | "proceed" | "pause" | "resume">;

/** What a watch is made of. */
export interface ConnectionWatchOptions {
  /** The way in. */
  readonly receiver: Receiver;
  /** The way out. */
  readonly queue: WriteQueue;
  /** How frames are written, where that is not RFC 6455 §5.2. */
  readonly framing: Framing | undefined;
}

/** Tells an observer what happens to a connection, and records it. */
export class ConnectionWatch implements WatchedReceiver, WriteWatch {
  readonly #receiver: Receiver;
  readonly #queue: WriteQueue;
  readonly #countSent: (bytes: Uint8Array<ArrayBuffer>) => number;
  #observer: ConnectionObserver | undefined;
  #tap: Tap | undefined;
  /** Whether the tap has begun to record what comes in: it begins with a message. */
  #tapsReads = false;
  /** Bytes that were queued before the tap: after them a frame begins. */
  #untapped = 0;
  #pausedSince = 0;
  #fullSince = 0;

  /** @param options What it is made of. */
  constructor({ receiver, queue, framing }: ConnectionWatchOptions) {
    this.#receiver = receiver;
    this.#queue = queue;
    this.#countSent = messageCounter(framing);
  }

  /** Is told of the connection. */
  set observer(observer: ConnectionObserver | undefined) {
    this.#observer = observer;
  }

  /** Whether anybody watches. */
  get inUse(): boolean {
    return this.#observer !== undefined || this.#tap !== undefined;
  }

  /**
   * Starts to record.
   *
   * @param facts What is known of the connection.
   * @param options What is recorded.
   * @param cancelled Is called when nobody wants the recording any more.
   * @throws {DOMException} `InvalidStateError` if it is recorded already.
   */
  tap(facts: TappedFacts, options: TapOptions, cancelled: () => void): ReadableStream<string> {
    if (this.#tap !== undefined) throw invalidState("Cannot tap: the connection is tapped already");
    this.#tapsReads = false;
    this.#untapped = this.#queue.queuedBytes;
    this.#tap = new Tap(facts, options, () => {
      this.#tap = undefined;
      cancelled();
    });
    return this.#tap.lines;
  }

  receive(bytes: Uint8Array<ArrayBuffer>, end: number, messages: Message[], parts?: MessagePart[]): unknown {
    if (this.#tap !== undefined && (this.#tapsReads ||= this.#receiver.idle)) {
      this.#tap.record("in", bytes.subarray(0, end)); // now: the receiver unmasks them where they are
    }
    const failure = this.#receiver.receive(bytes, end, messages, parts);
    this.#received(messages, parts, end);
    return failure;
  }

  proceed(messages: Message[], parts?: MessagePart[]): unknown {
    const failure = this.#receiver.proceed(messages, parts);
    this.#received(messages, parts, 0);
    return failure;
  }

  pause(): void {
    this.#pausedSince = performance.now();
    this.#receiver.pause();
  }

  resume(): void {
    this.#receiver.resume();
    const ms = performance.now() - this.#pausedSince;
    this.#tell((observer) => observer.held?.("in", ms));
  }

  written(bytes: Uint8Array<ArrayBuffer>): void {
    const before = Math.min(this.#untapped, bytes.length);
    this.#untapped -= before;
    this.#tap?.record("out", bytes.subarray(before));
    const messages = this.#countSent(bytes);
    this.#tell((observer) => observer.sent?.(messages, bytes.length, this.#queue.queuedBytes - bytes.length));
  }

  filled(): void {
    this.#fullSince = performance.now();
  }

  drained(): void {
    if (this.#fullSince === 0) return; // nobody waited
    const ms = performance.now() - this.#fullSince;
    this.#fullSince = 0;
    this.#tell((observer) => observer.held?.("out", ms));
  }

  /** A pong came for a ping. */
  roundTrip(ms: number): void {
    this.#tell((observer) => observer.roundTrip?.(ms));
  }

  /** The connection has ended. */
  end(info: CloseInfo): void {
    this.drained(); // nobody waits any more
    this.#tap?.end(info);
    this.#tell((observer) => observer.closed?.(info));
    this.#tap = this.#observer = undefined;
  }

  /** A step through a read was taken: its bytes are told with the first one. */
  #received(messages: Message[], parts: MessagePart[] | undefined, bytes: number): void {
    const ended = parts?.filter(({ last }) => last).length ?? 0;
    this.#tell((observer) => observer.received?.(messages.length + ended, bytes));
  }

  #tell(call: (observer: ConnectionObserver) => unknown): void {
    const observer = this.#observer;
    if (observer === undefined) return;
    this.#observer = undefined; // for good, if it throws
    notify(() => {
      const told = call(observer);
      this.#observer = observer;
      return told;
    });
  }
}

/** Counts the messages that end in the bytes of one write after the other. */
function messageCounter(framing: Framing | undefined): (bytes: Uint8Array<ArrayBuffer>) => number {
  if (framing === undefined) {
    const scanner = new FrameScanner();
    return (bytes) => scanner.countMessages(bytes);
  }
  // Drafts of this kind mask nothing, so their frames are read as they are written; a close frame is none of theirs to count.
  const parser = framing.createParser({ maxMessageBytes: Infinity });
  return (bytes) => {
    const frames: Frame[] = [];
    parser.push(bytes, frames);
    return frames.filter(({ opcode }) => opcode < 8).length;
  };
}
