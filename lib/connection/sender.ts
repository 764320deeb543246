/**
 * The way out: messages and control frames into the one write queue, and the moment when the queue is flushed.
 *
 * @module
 */
import { handled } from "../async.ts";
import type { ExtensionChain } from "../extensions/negotiation.ts";
import { concatBytes } from "../pipeline/bytes/concat.ts";
import { type Frame, Opcode, type OutgoingFrame } from "../pipeline/frames/frame.ts";
import { FrameSerializer } from "../pipeline/frames/frame_serializer.ts";
import type { Framing } from "../pipeline/frames/framing.ts";
import { type MessageData, toMessage } from "../pipeline/messages/message.ts";
import { MessageFragmenter } from "../pipeline/messages/message_fragmenter.ts";
import { isSource, type MessageSource, openSource } from "./message_source.ts";
import { MessageLine } from "./streamed_sends.ts";
import type { Transport } from "../transport/transport.ts";
import type { SendOptions } from "./socket_options.ts";
import { WriteQueue, type WriteQueueOptions } from "./write_queue.ts";

/** What a sender is made of. */
export interface SenderOptions extends WriteQueueOptions {
  /** The extensions at work. */
  readonly chain: ExtensionChain | undefined;
  /** How frames are written, where that is not RFC 6455 §5.2. */
  readonly framing: Framing | undefined;
  /** Is told of a message that has begun and cannot be finished. */
  readonly broken: (error: unknown) => void;
}

/**
 * How a batch of messages is being consumed, which decides when the replies to it leave: `now`, in one call stack, at whose end
 * the consumer flushes; `later`, over several turns, where the end of the event loop's turn flushes if the batch lasts longer;
 * `nothing` is left of it, and the next microtask flushes.
 */
export type Consuming = "nothing" | "now" | "later";

/** With extensions too a message is one frame. */
const FRAGMENTER = new MessageFragmenter();

/** What is encoded for many goes unmasked: only servers have many. */
const SERIALIZER = new FrameSerializer({ role: "server" });

/** `send`'s answer where nobody needs to wait: no promise is made for it. */
const DONE: Promise<void> = Promise.resolve();

/** Sends. */
export class Sender {
  /** The queue behind it, for what is neither a message nor a frame. */
  readonly queue: WriteQueue;
  readonly #options: SenderOptions;
  readonly #encoding: string | undefined;
  readonly #chain: ExtensionChain | undefined;
  readonly #framing: Framing | undefined;
  /** Whether a message is one frame of RFC 6455 and can be written straight into the queue. */
  readonly #plain: boolean;
  /** Is made with the first message that comes from a source. */
  #line: MessageLine | undefined;
  #consuming: Consuming = "nothing";
  #flushSoon = false;
  #ended: { readonly error: unknown } | undefined;
  #turnTimer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param transport Where the bytes go.
   * @param options What it is made of.
   */
  constructor(transport: Transport, options: SenderOptions) {
    this.queue = new WriteQueue(transport, options);
    this.#options = options;
    this.#chain = options.chain;
    this.#framing = options.framing;
    this.#plain = this.#chain === undefined && this.#framing === undefined;
    // A client masks each frame anew (§5.3).
    const masked = options.maskKey !== undefined;
    this.#encoding = masked || this.#framing !== undefined
      ? undefined
      : this.#chain === undefined
      ? ""
      : this.#chain.encoding;
  }

  /** How the batch in hand is being consumed. */
  get consuming(): Consuming {
    return this.#consuming;
  }

  set consuming(how: Consuming) {
    const before = this.#consuming;
    this.#consuming = how;
    // What was queued in one call stack had no flush to wait for: it leaves as what is queued from now on.
    if (how !== "now" && (before === "now" || how === "later") && this.queue.unflushed) this.flushLater();
  }

  /**
   * How messages are encoded: senders of the same encoding make the same bytes. `undefined` where one makes its own, and while a
   * message comes from a source: others wait behind it.
   */
  get encoding(): string | undefined {
    return this.#line?.busy ? undefined : this.#encoding;
  }

  /** Bytes of all that is not written yet. */
  get bufferedAmount(): number {
    return this.queue.queuedBytes + (this.#line?.waitingBytes ?? 0);
  }

  /** Sends a message, behind one that is under way. Resolves when less than the high-water mark is queued. */
  send(data: MessageData | MessageSource, options?: SendOptions): Promise<void> {
    if (this.#line?.busy) return this.#line.send(data, options);
    return isSource(data) ? this.#stream(data, options) : this.#send(data, options);
  }

  /** Whether the high-water mark is reached. */
  get full(): boolean {
    return this.queue.full || (this.#line?.full ?? false);
  }

  /** Waits until less than the high-water mark is queued, if more is. */
  drained(): Promise<void> | undefined {
    return this.#line?.drained() ?? (this.queue.full ? this.queue.drained() : undefined);
  }

  /** Gives up the messages that are under way and those behind them. Control frames can still be sent. */
  endMessages(error: unknown): void {
    this.#line?.end(error);
  }

  #send(data: MessageData, options?: SendOptions): Promise<void> {
    const message = toMessage(data);
    if (this.#framing !== undefined) return this.#sendFramed(this.#framesOf(message, options));
    let taken: Promise<void> | undefined;
    if (!this.#plain) this.#append(this.#framesOf(message, options));
    else if (typeof message === "string") this.queue.appendText(message);
    else taken = this.queue.appendBinary(message);
    return this.#sent(taken);
  }

  /** What such a draft cannot carry rejects: the peer has chosen the draft, and a sender to many peers cannot know it. */
  #sendFramed(frames: readonly Frame[]): Promise<void> {
    try {
      this.#append(frames);
    } catch (error) {
      return handled(Promise.reject(error));
    }
    return this.#sent();
  }

  /** What is queued leaves. Resolves when less than the high-water mark is, and what is not copied is `taken`. */
  #sent(taken?: Promise<void>): Promise<void> {
    // The queue was full, which has ended the connection: this message went nowhere.
    if (this.#ended !== undefined) return handled(Promise.reject(this.#ended.error));
    if (taken === undefined && !this.queue.full) {
      this.flushLater();
      return DONE;
    }
    this.queue.flush();
    return taken ?? this.queue.drained();
  }

  /** The frames of a message, where there is an {@linkcode encoding}. */
  encode(data: MessageData, options?: SendOptions): Uint8Array<ArrayBuffer> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    SERIALIZER.push(this.#framesOf(data, options), chunks);
    return concatBytes(chunks);
  }

  /** Queues a frame as the connection writes frames. What its framing cannot write throws before anything is queued. */
  append(frame: Frame): void {
    const { opcode, payload } = frame;
    if (this.#framing === undefined) this.queue.append(opcode, payload, frame);
    else this.queue.appendBytes(this.#framing.serialize(frame), { last: opcode === Opcode.CLOSE });
  }

  /** Flushes when the time has come. */
  flushLater(): void {
    if (this.#consuming === "now") return;
    if (this.#consuming === "later") {
      this.#turnTimer ??= setTimeout(() => {
        this.#turnTimer = undefined;
        this.queue.flush();
      }, 0);
    } else if (!this.#flushSoon) {
      this.#flushSoon = true;
      queueMicrotask(() => {
        this.#flushSoon = false;
        this.queue.flush();
      });
    }
  }

  /** Drops what is queued and tells everybody who waits. */
  end(error: unknown): void {
    this.#ended = { error };
    clearTimeout(this.#turnTimer);
    this.endMessages(error);
    this.queue.end(error);
  }

  #stream(source: MessageSource, options?: SendOptions): Promise<void> {
    if (this.#framing !== undefined) {
      const error = new TypeError("Cannot send from a source: the peer's draft of the protocol has no fragments");
      openSource(source).cancel(error);
      return handled(Promise.reject(error));
    }
    this.#line ??= new MessageLine({
      ...this.#options,
      queue: this.queue,
      send: (data, options) => this.#send(data, options),
      append: (frame, options) => {
        this.#append(this.#encoded([frame], options));
        this.flushLater();
      },
    });
    return this.#line.send(source, options);
  }

  #append(frames: readonly Frame[]): void {
    for (const frame of frames) this.append(frame);
  }

  /** The frames of a message, through the extensions. */
  #framesOf(data: MessageData, options?: SendOptions): readonly Frame[] {
    const frames: Frame[] = [];
    FRAGMENTER.push([data], frames);
    return this.#encoded(frames, options);
  }

  #encoded(frames: readonly Frame[], { compress }: SendOptions = {}): readonly Frame[] {
    if (this.#chain === undefined) return frames;
    const encoded: OutgoingFrame[] = [];
    this.#chain.encode.push(compress === undefined ? frames : frames.map((frame) => ({ ...frame, compress })), encoded);
    return encoded;
  }
}
