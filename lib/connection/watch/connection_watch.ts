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

/** The parts of a watch. */
export interface ConnectionWatchOptions {
  /** The receiving side. */
  readonly incoming: Pick<Incoming, "idle">;
  /** The sending side. */
  readonly outgoing: Pick<Outgoing, "queuedBytes">;
  /** How frames are written, if not as in RFC 6455 §5.2. */
  readonly framing: Framing | undefined;
}

/** Passes the events of a connection to its observer and its tap. */
export class ConnectionWatch {
  readonly #incoming: ConnectionWatchOptions["incoming"];
  readonly #outgoing: ConnectionWatchOptions["outgoing"];
  readonly #countSent: (bytes: Uint8Array<ArrayBuffer>) => number;
  #observer: ConnectionObserver | undefined;
  #tap: Tap | undefined;
  /** Whether the tap has started to record incoming data. It starts at the beginning of a message. */
  #tapsReads = false;
  /** The bytes that were queued before the tap. A frame begins after them. */
  #untapped = 0;
  #pausedSince = 0;
  #fullSince = 0;

  /** @param options Its parts. */
  constructor({ incoming, outgoing, framing }: ConnectionWatchOptions) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#countSent = messageCounter(framing);
  }

  /** Sets the observer of the connection. */
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
   * @param facts The facts of the connection.
   * @param options The options of the tap.
   * @param cancelled Called when the reader cancels the recording.
   * @throws {DOMException} `InvalidStateError` if the connection is already being recorded.
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

  /** Called before a read is processed, which unmasks it in place. */
  reading(bytes: Uint8Array<ArrayBuffer>, count: number): void {
    if (this.#tap === undefined || !(this.#tapsReads ||= this.#incoming.idle)) return;
    this.#tap.record("in", bytes.subarray(0, count));
  }

  /** Called after each step of a read; `count` is the bytes of the read at its first step, and 0 afterwards. */
  received(messages: readonly Message[], parts: readonly MessagePart[] | undefined, count: number): void {
    const ended = parts?.filter(({ last }) => last).length ?? 0;
    this.#tell((observer) => observer.received?.(messages.length + ended, count));
  }

  /** Called when reading starts to wait for the application. */
  paused(): void {
    this.#pausedSince = performance.now();
  }

  /** Called when reading continues. */
  resumed(): void {
    const ms = performance.now() - this.#pausedSince;
    this.#tell((observer) => observer.held?.("in", ms));
  }

  /** Called when the transport has taken these bytes. They may be overwritten as soon as this returns. */
  written(bytes: Uint8Array<ArrayBuffer>, queuedBytes: number): void {
    const before = Math.min(this.#untapped, bytes.length);
    this.#untapped -= before;
    this.#tap?.record("out", bytes.subarray(before));
    const messages = this.#countSent(bytes);
    this.#tell((observer) => observer.sent?.(messages, bytes.length, queuedBytes - bytes.length));
  }

  /** Called when a sender starts to wait for the high-water mark. */
  filled(): void {
    this.#fullSince = performance.now();
  }

  /** Called when less than the high-water mark is queued again. */
  drained(): void {
    if (this.#fullSince === 0) return; // no sender waited
    const ms = performance.now() - this.#fullSince;
    this.#fullSince = 0;
    this.#tell((observer) => observer.held?.("out", ms));
  }

  /** Called when the pong for a ping has arrived. */
  roundTrip(ms: number): void {
    this.#tell((observer) => observer.roundTrip?.(ms));
  }

  /** Called when the connection has ended. */
  end(info: CloseInfo): void {
    this.drained(); // no sender waits any more
    this.#tap?.end(info);
    this.#tell((observer) => observer.closed?.(info));
    this.#tap = this.#observer = undefined;
  }

  #tell(call: (observer: ConnectionObserver) => unknown): void {
    const observer = this.#observer;
    if (observer === undefined) return;
    this.#observer = undefined; // removed for good, if it throws
    notify(() => {
      const told = call(observer);
      this.#observer = observer;
      return told;
    });
  }
}

/** Creates a function that counts the messages that end in each write. */
function messageCounter(framing: Framing | undefined): (bytes: Uint8Array<ArrayBuffer>) => number {
  if (framing === undefined) {
    const scanner = new FrameScanner();
    return (bytes) => scanner.countMessages(bytes);
  }
  // These drafts mask nothing, so written frames can be parsed like received ones. A close frame is not counted.
  const parser = framing.createParser({ maxMessageBytes: Infinity });
  return (bytes) => {
    const frames: Frame[] = [];
    parser.push(bytes, frames);
    return frames.filter(({ opcode }) => opcode < 8).length;
  };
}
