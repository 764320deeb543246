/**
 * Messages that are sent from a source, and those that wait behind them. A connection sends one message at a time (RFC 6455
 * §5.4), and only control frames may pass between its fragments.
 *
 * @module
 */
import { defer, type Deferred } from "../async.ts";
import { type LimitError, queueFull } from "../errors.ts";
import type { Limits } from "../limits.ts";
import { pin, unpin } from "../pipeline/bytes/lent_memory.ts";
import { utf8Length } from "../pipeline/bytes/utf8.ts";
import type { Frame } from "../pipeline/frames/frame.ts";
import { MAX_HEADER_BYTES } from "../pipeline/frames/frame_layout.ts";
import { ChunkFragmenter } from "../pipeline/messages/chunk_fragmenter.ts";
import { type Message, type MessageData, toMessage } from "../pipeline/messages/message.ts";
import { isBlob, isSource, type MessageSource, openSource, type SourceReader } from "./message_source.ts";
import type { SendOptions } from "./socket_options.ts";

/** The connection that sends. */
export interface StreamedSendsOwner {
  /** `highWaterMark` and `maxQueuedBytes`. */
  readonly limits: Pick<Limits, "highWaterMark" | "maxQueuedBytes">;
  /** All queued bytes. */
  readonly bufferedAmount: number;
  /** Sends a complete message. */
  sendMessage(message: Message, options?: SendOptions): Promise<void>;
  /** Sends a frame of a message. */
  sendFragment(frame: Frame, options?: SendOptions): void;
  /** Waits until less than the high-water mark is queued, if more is. */
  queueDrained(): Promise<void> | undefined;
  /** Called when a message that has begun cannot be completed. */
  onSourceFailed(error: unknown): void;
  /** Called when the waiting messages exceed the limit. */
  onOverflow(error: LimitError): void;
}

/** The largest frame. Two of them fill a batch of 64 KiB, and a chunk of 64 KiB as files are read. */
const MAX_FRAME_BYTES = 32 * 1024;

/** A waiting message: data, or a source. */
interface PendingMessage {
  readonly data: Message | undefined;
  readonly source: SourceReader | undefined;
  readonly options: SendOptions | undefined;
  readonly bytes: number;
  /** The memory of the data, which may be lent. It is not copied while it waits. */
  readonly memory: ArrayBuffer | undefined;
  readonly sent: Deferred<void>;
}

/** Sends messages in order, including messages from sources. */
export class StreamedSends {
  readonly #owner: StreamedSendsOwner;
  /** The waiting messages. The first one is being sent. */
  readonly #pending: PendingMessage[] = [];
  #waitingBytes = 0;
  #ended = false;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param owner The connection that sends. */
  constructor(owner: StreamedSendsOwner) {
    this.#owner = owner;
  }

  /** Whether a message from a source is being sent, so that others have to wait. */
  get busy(): boolean {
    return this.#pending.length > 0;
  }

  /** The most bytes that the waiting messages add to the queue. Text counts as UTF-8, as it does in the queue. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Whether `highWaterMark` bytes or more wait, so that the application should wait too. */
  get full(): boolean {
    return this.#waitingBytes >= this.#owner.limits.highWaterMark;
  }

  /** Waits for the last message in the queue, if the queue is full. */
  drained(): Promise<void> | undefined {
    return this.full ? this.#pending.at(-1)?.sent.promise : undefined;
  }

  /**
   * Adds a message to those that wait. Resolves when it is queued for the transport and less than the high-water mark is queued.
   */
  send(message: MessageData | MessageSource, options?: SendOptions): Promise<void> {
    const next = toPending(message, options);
    next.sent.promise.catch(() => {}); // ignoring the promise is safe when the connection ends
    this.#waitingBytes += next.bytes;
    if (next.memory !== undefined) pin(next.memory);
    this.#pending.push(next);
    if (this.#pending.length === 1) void this.#run();
    else if (next.data !== undefined) this.#checkWaiting();
    return next.sent.promise;
  }

  /** Called when nothing more can be sent. Cancels the sources and rejects the promises of all waiting messages. */
  end(error: unknown): void {
    this.#ended = true;
    this.#stopTimer();
    this.#waitingBytes = 0;
    for (const { source, sent } of this.#pending.splice(0)) {
      sent.reject(error);
      source?.cancel(error);
    }
  }

  /** Checks `maxQueuedBytes`. Beyond it the peer, or the first source, is too slow for an application that does not wait. */
  #checkWaiting(): void {
    const { bufferedAmount: actual, limits: { maxQueuedBytes: max } } = this.#owner;
    if (actual < max) return;
    this.#owner.onOverflow(queueFull(`${actual} bytes queued behind a streamed message`, max, actual));
  }

  async #run(): Promise<void> {
    for (let next = this.#pending[0]; next !== undefined; next = this.#pending[0]) {
      const { data, source, options, sent } = next;
      if (source !== undefined) await this.#stream(source, next);
      if (this.#ended) return;
      this.#pending.shift();
      this.#waitingBytes -= next.bytes;
      try {
        sent.resolve(
          data === undefined ? this.#owner.queueDrained() : this.#owner.sendMessage(toMessage(data), options),
        );
      } catch (error) {
        sent.reject(error); // an extension's mistake
      }
      if (next.memory !== undefined) unpin(next.memory);
    }
  }

  /** Sends a message from a source. It does not throw; if it fails, the promise of the message rejects. */
  async #stream(source: SourceReader, { options, sent }: PendingMessage): Promise<void> {
    const owner = this.#owner;
    const fragmenter = new ChunkFragmenter({ maxFrameBytes: MAX_FRAME_BYTES, type: options?.type });
    let begun = false;
    let emitting = false;
    /** Queues frames if there is room. Nothing follows the end. */
    const emit = async (frames: readonly Frame[]): Promise<void> => {
      emitting = true;
      for (const frame of frames) {
        if (this.#ended) return;
        begun = true;
        // The queue copies data that is smaller than the mark, so the fragmenter and the source can reuse their buffers.
        const { payload } = frame;
        const copied = payload.length < owner.limits.highWaterMark;
        owner.sendFragment(copied ? frame : { ...frame, payload: payload.slice() }, options);
        await owner.queueDrained();
      }
      emitting = false;
    };
    const fail = (error: unknown): void => {
      this.#stopTimer();
      sent.reject(error);
      source.cancel(error);
      if (begun && !this.#ended) owner.onSourceFailed(error);
    };
    /** Data below the size of a frame waits for more, but no longer than a turn of the event loop. */
    const flush = (): void => {
      this.#flushTimer = undefined;
      if (!emitting) emit(framesOf((frames) => fragmenter.flush(frames))).catch(fail);
    };
    try {
      await owner.queueDrained();
      while (!this.#ended) {
        const { done, value } = await source.next();
        if (done) break;
        await emit(framesOf((frames) => fragmenter.push(value, frames)));
        if (fragmenter.heldBytes > 0 && !this.#ended) this.#flushTimer ??= setTimeout(flush, 0);
      }
      this.#stopTimer();
      await emit(framesOf((frames) => fragmenter.end(frames)));
    } catch (error) {
      fail(error);
    }
  }

  #stopTimer(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
  }
}

function framesOf(step: (frames: Frame[]) => void): Frame[] {
  const frames: Frame[] = [];
  step(frames);
  return frames;
}

/** Checks data before it waits. */
function toPending(message: MessageData | MessageSource, options: SendOptions | undefined): PendingMessage {
  const sent = defer<void>();
  if (isSource(message)) {
    // This holds for empty data too, because the options of sources do not matter here.
    const type = isBlob(message) ? { ...options, type: "binary" as const } : options;
    return { data: undefined, source: openSource(message), options: type, bytes: 0, memory: undefined, sent };
  }
  const data = toMessage(message);
  const isText = typeof data === "string";
  const bytes = MAX_HEADER_BYTES + (isText ? utf8Length(data) : data.length);
  return { data, source: undefined, options, bytes, memory: isText ? undefined : data.buffer, sent };
}
