/**
 * Passes what a connection reads and writes to its observer and its tap. A connection without either has no such object.
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
import type { TapOptions } from "../socket_options.ts";
import { Tap, type TappedFacts } from "./tap.ts";
import type { CloseInfo } from "../websocket_connection.ts";
import type { Incoming } from "../incoming.ts";
import type { Outgoing } from "../outgoing.ts";

/** What a watch is made of. */
export interface ConnectionWatchOptions {
  /** The way in. */
  readonly incoming: Pick<Incoming, "idle">;
  /** The way out. */
  readonly outgoing: Pick<Outgoing, "queuedBytes">;
  /** How frames are written, where that is not RFC 6455 §5.2. */
  readonly framing: Framing | undefined;
}

/** Tells an observer what happens to a connection, and records it. */
export class ConnectionWatch {
  readonly #incoming: ConnectionWatchOptions["incoming"];
  readonly #outgoing: ConnectionWatchOptions["outgoing"];
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
  constructor({ incoming, outgoing, framing }: ConnectionWatchOptions) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#countSent = messageCounter(framing);
  }

  /** Gets what happens to the connection. */
  set observer(observer: ConnectionObserver | undefined) {
    this.#observer = observer;
  }

  /** Whether there is an observer or a tap. */
  get inUse(): boolean {
    return this.#observer !== undefined || this.#tap !== undefined;
  }

  /**
   * Starts to record.
   *
   * @param facts What is known of the connection.
   * @param options What is recorded.
   * @param cancelled Is called when the reader cancels the recording.
   * @throws {DOMException} `InvalidStateError` if it is recorded already.
   */
  tap(facts: TappedFacts, options: TapOptions, cancelled: () => void): ReadableStream<string> {
    if (this.#tap !== undefined) throw invalidState("Cannot tap: the connection is tapped already");
    this.#tapsReads = false;
    this.#untapped = this.#outgoing.queuedBytes;
    this.#tap = new Tap(facts, options, () => {
      this.#tap = undefined;
      cancelled();
    });
    return this.#tap.lines;
  }

  /** A read is about to be taken in, which unmasks it where it lies. */
  reading(bytes: Uint8Array<ArrayBuffer>, count: number): void {
    if (this.#tap === undefined || !(this.#tapsReads ||= this.#incoming.idle)) return;
    this.#tap.record("in", bytes.subarray(0, count));
  }

  /** A step through a read was taken; `count` is the bytes of the read with its first step, and then 0. */
  received(messages: readonly Message[], parts: readonly MessagePart[] | undefined, count: number): void {
    const ended = parts?.filter(({ last }) => last).length ?? 0;
    this.#tell((observer) => observer.received?.(messages.length + ended, count));
  }

  /** Reading waits for the application. */
  paused(): void {
    this.#pausedSince = performance.now();
  }

  /** Reading goes on. */
  resumed(): void {
    const ms = performance.now() - this.#pausedSince;
    this.#tell((observer) => observer.held?.("in", ms));
  }

  /** The transport took these bytes of so many queued ones; they may be written over as soon as this returns. */
  written(bytes: Uint8Array<ArrayBuffer>, queuedBytes: number): void {
    const before = Math.min(this.#untapped, bytes.length);
    this.#untapped -= before;
    this.#tap?.record("out", bytes.subarray(before));
    const messages = this.#countSent(bytes);
    this.#tell((observer) => observer.sent?.(messages, bytes.length, queuedBytes - bytes.length));
  }

  /** A sender waits for the high-water mark. */
  filled(): void {
    this.#fullSince = performance.now();
  }

  /** Less than the high-water mark is queued again. */
  drained(): void {
    if (this.#fullSince === 0) return; // no sender waited
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
    this.drained(); // no sender waits any more
    this.#tap?.end(info);
    this.#tell((observer) => observer.closed?.(info));
    this.#tap = this.#observer = undefined;
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
  // Drafts of this kind mask nothing, so their frames are read as they are written; a close frame is not counted.
  const parser = framing.createParser({ maxMessageBytes: Infinity });
  return (bytes) => {
    const frames: Frame[] = [];
    parser.push(bytes, frames);
    return frames.filter(({ opcode }) => opcode < 8).length;
  };
}
