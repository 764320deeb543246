/**
 * Messages that are sent while they are being made, and those that wait behind them: a connection sends one message at a time
 * (RFC 6455 §5.4), and only control frames pass between its fragments.
 *
 * @module
 */
import { defer, type Deferred } from "../async.ts";
import type { Limits } from "../limits.ts";
import { pin, unpin } from "../pipeline/bytes/lent_memory.ts";
import type { Frame } from "../pipeline/frames/frame.ts";
import { MAX_HEADER_BYTES } from "../pipeline/frames/frame_serializer.ts";
import { ChunkFragmenter } from "../pipeline/messages/chunk_fragmenter.ts";
import { type Message, type MessageData, toMessage } from "../pipeline/messages/message.ts";
import { isBlob, isSource, type MessageSource, openSource, type SourceReader } from "./message_source.ts";
import type { SendOptions } from "./socket_options.ts";
import type { WriteQueue } from "./write_queue.ts";
import { queueFull } from "../errors.ts";

/** What sends. */
export interface MessageLineOptions extends Pick<Limits, "highWaterMark" | "maxQueuedBytes"> {
  /** The queue behind it. */
  readonly queue: WriteQueue;
  /** Sends a message that is here. */
  readonly send: (data: MessageData, options?: SendOptions) => Promise<void>;
  /** Queues a frame of a message, and has it leave when the time has come. */
  readonly append: (frame: Frame, options?: SendOptions) => void;
  /** Is told of a message that has begun and cannot be finished. */
  readonly broken: (error: unknown) => void;
  /** Is told that more waits than may. */
  readonly failed: (error: unknown) => void;
}

/** Two of them fill a large batch of the write queue, and a chunk of 64 KiB, which files come in, is two of them. */
const MAX_FRAME_BYTES = 32 * 1024;

/** A message in the line: data, or a source of it. */
interface Job {
  readonly data: Message | undefined;
  readonly source: SourceReader | undefined;
  readonly options: SendOptions | undefined;
  readonly bytes: number;
  /** Where data is, which may be lent: it waits here uncopied. */
  readonly memory: ArrayBuffer | undefined;
  readonly sent: Deferred<void>;
}

/** Sends messages in order, some of which come from sources. */
export class MessageLine {
  readonly #options: MessageLineOptions;
  /** The first one is being sent. */
  readonly #jobs: Job[] = [];
  #waitingBytes = 0;
  #ended = false;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param options What sends. */
  constructor(options: MessageLineOptions) {
    this.#options = options;
  }

  /** Whether a message is under way: what is sent now waits behind it. */
  get busy(): boolean {
    return this.#jobs.length > 0;
  }

  /** Bytes of the messages that wait, text as its length. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Whether so much waits that the application should. */
  get full(): boolean {
    return this.#waitingBytes >= this.#options.highWaterMark;
  }

  /** Waits for the last message in the line, if it is full. */
  drained(): Promise<void> | undefined {
    return this.full ? this.#jobs.at(-1)?.sent.promise : undefined;
  }

  /** Puts a message at the end of the line. Resolves when it is queued and less than the high-water mark is. */
  send(message: MessageData | MessageSource, options?: SendOptions): Promise<void> {
    const job = toJob(message, options);
    job.sent.promise.catch(() => {}); // whoever does not wait is not punished when the connection ends
    this.#waitingBytes += job.bytes;
    if (job.memory !== undefined) pin(job.memory);
    this.#jobs.push(job);
    if (this.#jobs.length === 1) void this.#run();
    else if (job.data !== undefined) this.#checkWaiting();
    return job.sent.promise;
  }

  /** Nothing more can be sent: sources are cancelled, and everybody who waits is told. */
  end(error: unknown): void {
    this.#ended = true;
    this.#stopTimer();
    this.#waitingBytes = 0;
    for (const { source, sent } of this.#jobs.splice(0)) {
      sent.reject(error);
      source?.cancel(error);
    }
  }

  /** Past `maxQueuedBytes` the peer, or the source in front, is too slow for an application that does not wait. */
  #checkWaiting(): void {
    const { queue, maxQueuedBytes: max, failed } = this.#options;
    const actual = this.#waitingBytes + queue.queuedBytes;
    if (actual < max) return;
    failed(queueFull(`${actual} bytes queued behind a streamed message`, max, actual));
  }

  async #run(): Promise<void> {
    for (let job = this.#jobs[0]; job !== undefined; job = this.#jobs[0]) {
      const { data, source, options, sent } = job;
      if (source !== undefined) await this.#stream(source, job);
      if (this.#ended) return;
      this.#jobs.shift();
      this.#waitingBytes -= job.bytes;
      try {
        sent.resolve(data === undefined ? this.#room() : this.#options.send(data, options));
      } catch (error) {
        sent.reject(error); // an extension's mistake
      }
      if (job.memory !== undefined) unpin(job.memory);
    }
  }

  /** Sends a message from a source. It does not throw: where something went wrong, whoever waits for the message is told. */
  async #stream(source: SourceReader, { options, sent }: Job): Promise<void> {
    const { highWaterMark, append, broken } = this.#options;
    const fragmenter = new ChunkFragmenter({ maxFrameBytes: MAX_FRAME_BYTES, type: options?.type });
    let begun = false;
    let emitting = false;
    /** Queues frames, as there is room. Nothing follows the end. */
    const emit = async (frames: readonly Frame[]): Promise<void> => {
      emitting = true;
      for (const frame of frames) {
        if (this.#ended) return;
        begun = true;
        // The queue copies what is smaller than the mark, and the fragmenter and the source use their buffers again.
        const { payload } = frame;
        append(payload.length < highWaterMark ? frame : { ...frame, payload: payload.slice() }, options);
        await this.#room();
      }
      emitting = false;
    };
    const fail = (error: unknown): void => {
      this.#stopTimer();
      sent.reject(error);
      source.cancel(error);
      if (begun && !this.#ended) broken(error);
    };
    /** What is held waits for more, but not for longer than a turn of the event loop. */
    const flush = (): void => {
      this.#flushTimer = undefined;
      if (!emitting) emit(framesOf((frames) => fragmenter.flush(frames))).catch(fail);
    };
    try {
      await this.#room();
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

  /** Waits until less than the high-water mark is queued, if more is. */
  #room(): Promise<void> | undefined {
    const { queue } = this.#options;
    if (!queue.full) return undefined;
    queue.flush();
    return queue.drained();
  }
}

function framesOf(step: (frames: Frame[]) => void): Frame[] {
  const frames: Frame[] = [];
  step(frames);
  return frames;
}

/** Checks what is to be sent. */
function toJob(message: MessageData | MessageSource, options: SendOptions | undefined): Job {
  const sent = defer<void>();
  if (isSource(message)) {
    // An empty one too, whatever the options say of sources.
    const type = isBlob(message) ? { ...options, type: "binary" as const } : options;
    return { data: undefined, source: openSource(message), options: type, bytes: 0, memory: undefined, sent };
  }
  const data = toMessage(message);
  const memory = typeof data === "string" ? undefined : data.buffer;
  return { data, source: undefined, options, bytes: data.length + MAX_HEADER_BYTES, memory, sent };
}
