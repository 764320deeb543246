/**
 * The sending side as one stage: it turns messages and control frames into the bytes of writes. Everything that is sent passes
 * through it, so frames never interleave, and one place decides their order.
 *
 * @module
 */
import type { Deferred } from "../async.ts";
import type { ExtensionChain } from "../extensions/negotiation.ts";
import type { Limits } from "../limits.ts";
import { concatBytes } from "../pipeline/bytes/concat.ts";
import { hasHeadroom } from "../pipeline/bytes/headroom.ts";
import { pin, unpin } from "../pipeline/bytes/lent_memory.ts";
import { mask, type MaskKeySource, randomMaskKey } from "../pipeline/bytes/mask.ts";
import { SharedRun } from "../pipeline/bytes/shared_run.ts";
import { type Frame, frame, isControl, Opcode, type OutgoingFrame, type Role } from "../pipeline/frames/frame.ts";
import { FrameSerializer } from "../pipeline/frames/frame_serializer.ts";
import {
  firstByte,
  headerSize,
  MAX_HEADER_BYTES,
  writeFrame,
  writeHeader,
  writeText,
} from "../pipeline/frames/frame_layout.ts";
import type { Framing } from "../pipeline/frames/framing.ts";
import { type Message, type MessageData, toMessage } from "../pipeline/messages/message.ts";
import type { Stage } from "../pipeline/stage.ts";
import type { SendOptions } from "./socket_options.ts";

/** One write: a batch, whose buffer returns to the pool, or a large payload, which is written without a copy. */
export interface Write {
  /** The bytes to write. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The expected number of bytes. A payload whose memory was transferred has none left. */
  readonly length: number;
  /** The batch that contains the bytes. */
  readonly batch: Uint8Array<ArrayBuffer> | undefined;
  /** Settles the promise of the sender that owns the memory. */
  taken: Deferred<void> | undefined;
}

/** The limits of the queue, and how frames are masked. */
export interface OutgoingOptions {
  /** Which end we are: a client masks. */
  readonly role: Role;
  /** The high-water mark and the most bytes that may be queued. */
  readonly limits: Pick<Limits, "highWaterMark" | "maxQueuedBytes">;
  /** The extensions in use. */
  readonly chain?: ExtensionChain | undefined;
  /** How frames are written, if not as in RFC 6455 §5.2. */
  readonly framing?: Framing | undefined;
  /** Returns masking keys; by default random ones. */
  readonly maskKey?: MaskKeySource | undefined;
}

/** The size of a batch's first buffer. */
const SMALL_BATCH = 4 * 1024;
/** The size of its further buffers. */
const LARGE_BATCH = 64 * 1024;

/** The numbers of buffers to keep for later batches: 1 MiB of large ones, 256 KiB of small ones. */
const MAX_LARGE = 16;
const MAX_SMALL = 64;
const small: Uint8Array<ArrayBuffer>[] = [];
const large: Uint8Array<ArrayBuffer>[] = [];

/** The first byte of a binary message in one frame (RFC 6455 §5.2). */
const WHOLE_BINARY = firstByte(Opcode.BINARY);

const ENCODER = new TextEncoder();

/** The encoding for many connections is unmasked, because only servers have many. */
const UNMASKED = new FrameSerializer({ role: "server" });

/** Collects frames into batches, in order, and returns one write at a time. */
export class Outgoing implements Stage<readonly MessageData[], Uint8Array<ArrayBuffer>> {
  /** The bytes that are queued and not yet written. Only this class writes it. */
  queuedBytes = 0;
  readonly #limits: OutgoingOptions["limits"];
  readonly #maskKey: MaskKeySource | undefined;
  readonly #chain: ExtensionChain | undefined;
  readonly #framing: Framing | undefined;
  /** Full batches and large payloads, in order. */
  #full: Write[] | undefined;
  #batch: Uint8Array<ArrayBuffer> | undefined;
  #batchLength = 0;
  /** Frames that other connections send too. A batch may follow them; none precedes them. */
  #shared: SharedRun | undefined;
  #pong: Uint8Array<ArrayBuffer> | undefined;
  #ended = false;

  /** @param options The limits of the queue, and how frames are masked. */
  constructor({ role, limits, chain, framing, maskKey = randomMaskKey }: OutgoingOptions) {
    this.#limits = limits;
    this.#maskKey = role === "client" ? maskKey : undefined;
    this.#chain = chain;
    this.#framing = framing;
  }

  /** As a stage: takes a batch of messages and returns the bytes of their frames, after those queued before. */
  push(batch: readonly MessageData[], output: Uint8Array<ArrayBuffer>[]): void {
    for (const data of batch) {
      this.message(toMessage(data));
      if (this.full) this.flush(output);
    }
    this.flush(output);
  }

  /** As a stage: returns all queued bytes. */
  flush(output: Uint8Array<ArrayBuffer>[]): void {
    for (let write = this.take(); write !== undefined; write = this.take()) {
      output.push(write.batch === undefined ? write.bytes : write.bytes.slice());
      this.written(write);
    }
  }

  /** Whether the high-water mark is reached, so that senders must wait. */
  get full(): boolean {
    return this.queuedBytes >= this.#limits.highWaterMark;
  }

  /** Whether nothing is queued. */
  get empty(): boolean {
    return this.queuedBytes === 0 && this.#pong === undefined;
  }

  /**
   * Whether nothing more may be queued, because the queue has ended or is full: the peer is slow and the application does not
   * wait.
   */
  get closed(): boolean {
    return this.#ended || this.queuedBytes >= this.#limits.maxQueuedBytes;
  }

  /**
   * The encoding for messages to many connections. Connections with the same encoding send the same bytes. It is `undefined` if a
   * connection needs its own encoding, as a client, which masks each frame anew (§5.3).
   */
  get encoding(): string | undefined {
    if (this.#maskKey !== undefined || this.#framing !== undefined) return undefined;
    return this.#chain === undefined ? "" : this.#chain.encoding;
  }

  /** Encodes a message for all connections of this {@linkcode Outgoing.encoding}. */
  encode(data: MessageData, options?: SendOptions): Uint8Array<ArrayBuffer> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    UNMASKED.push(this.#through(messageFrame(toMessage(data)), options), chunks);
    return concatBytes(chunks);
  }

  /**
   * Queues a message.
   *
   * @param message The message.
   * @param options Whether to compress it.
   * @returns Whether there was room for it; or the write, if the memory must not change until that is done.
   */
  message(message: Message, options?: SendOptions): boolean | Write {
    if (this.#ended || this.queuedBytes >= this.#limits.maxQueuedBytes) return false;
    if (this.#chain !== undefined || this.#framing !== undefined) return this.fragment(messageFrame(message), options);
    return typeof message === "string" ? this.#text(message) : this.#binary(message);
  }

  /** Queues a frame of a message, through the extensions. Returns whether there was room for it. */
  fragment(frame: OutgoingFrame, options?: SendOptions): boolean {
    if (this.closed) return false;
    for (const encoded of this.#through(frame, options)) this.#append(encoded);
    return true;
  }

  /**
   * Queues a frame unchanged: a control frame, or one of an extension. A close frame is the last, and needs no room, because
   * there is at most one. Returns whether there was room for it.
   */
  frame(frame: Frame): boolean {
    const last = frame.opcode === Opcode.CLOSE;
    if (last) this.#payPong();
    if (last ? this.#ended : this.closed) return false;
    this.#append(frame);
    return true;
  }

  /** Queues frames that other connections send too. Several in a row are not copied for each connection. */
  shared(bytes: Uint8Array<ArrayBuffer>): boolean {
    if (this.closed) return false;
    if (this.#batch !== undefined) {
      this.#appendBytes(bytes);
      return true;
    }
    if (this.#shared !== undefined && this.#shared.length + bytes.length > LARGE_BATCH) this.#seal();
    this.#shared = this.#shared === undefined ? SharedRun.of(bytes) : this.#shared.and(bytes);
    this.queuedBytes += bytes.length;
    return true;
  }

  /**
   * Queues a pong. While the peer does not read, only the latest is kept (RFC 6455 §5.5.3), so a flood of pings from a peer that
   * never reads costs one payload (CVE-2026-11586).
   *
   * @param payload The ping's payload.
   * @param writing Whether a write is under way.
   */
  owePong(payload: Uint8Array<ArrayBuffer>, writing: boolean): void {
    if (this.#ended) return;
    if (writing || this.full) {
      this.#pong = payload.slice();
    } else {
      this.#pong = undefined; // this pong answers that ping as well
      this.#append(frame(Opcode.PONG, payload));
    }
  }

  /** Returns the next write, or `undefined`. A pong is added only now, so that it is the latest one. */
  take(): Write | undefined {
    if (this.#pong !== undefined) this.#payPong();
    if (this.#full === undefined) {
      if (this.#shared !== undefined) this.#seal();
      else return this.#batch === undefined ? undefined : this.#takeBatch();
    }
    const write = this.#full?.shift();
    if (this.#full?.length === 0) this.#full = undefined;
    return write;
  }

  /** Called when a write is done. Its memory is reused: a batch returns to the pool. */
  written({ bytes, length, batch }: Write): void {
    if (batch === undefined) unpin(bytes.buffer);
    else if (batch.length === SMALL_BATCH && small.length < MAX_SMALL) small.push(batch);
    else if (batch.length === LARGE_BATCH && large.length < MAX_LARGE) large.push(batch);
    if (!this.#ended) this.queuedBytes -= length;
  }

  /** Drops the queue and accepts nothing more. Returns the dropped writes. */
  end(): readonly Write[] {
    const dropped = this.#full ?? [];
    this.#ended = true;
    this.#full =
      this.#shared =
      this.#batch =
      this.#pong =
        undefined;
    this.#batchLength = this.queuedBytes = 0;
    return dropped;
  }

  /** Queues a text message as one frame, encoded straight into the batch. */
  #text(text: string): boolean {
    const most = MAX_HEADER_BYTES + 3 * text.length; // a UTF-16 unit takes at most three bytes in UTF-8
    if (most > LARGE_BATCH) {
      this.#append(messageFrame(text), true);
    } else {
      const target = this.#reserve(most);
      const start = this.#batchLength;
      this.#batchLength = writeText(target, start, text, this.#maskKey?.());
      this.queuedBytes += this.#batchLength - start;
    }
    return true;
  }

  /**
   * Queues a binary message as one frame. A large message that was received has room for a header in front of it. Then nothing is
   * copied, and header and payload are one write.
   */
  #binary(payload: Uint8Array<ArrayBuffer>): boolean | Write {
    const size = headerSize(payload.length, false);
    if (this.#maskKey !== undefined || !hasHeadroom(payload, size)) {
      this.#append(frame(Opcode.BINARY, payload));
      return true;
    }
    const bytes = new Uint8Array(payload.buffer, payload.byteOffset - size, size + payload.length);
    writeHeader(bytes, 0, { first: WHOLE_BINARY, length: payload.length, key: undefined });
    this.#seal();
    return this.#pushUncopied(bytes);
  }

  /** Returns the frames that extensions make of one frame. */
  #through(frame: OutgoingFrame, { compress }: SendOptions = {}): readonly Frame[] {
    if (this.#chain === undefined) return [frame];
    const encoded: OutgoingFrame[] = [];
    this.#chain.encode.push([compress === undefined ? frame : { ...frame, compress }], encoded);
    return encoded;
  }

  /**
   * Queues a frame. A payload of at least the high-water mark is not copied, unless it has to be masked and belongs to the
   * application.
   *
   * @param frame The frame.
   * @param ours Whether only this queue uses the payload's memory.
   */
  #append(frame: Frame, ours = false): void {
    if (this.#framing !== undefined) return this.#appendBytes(this.#framing.serialize(frame));
    const { fin, rsv, opcode, payload } = frame;
    const { length } = payload;
    const key = this.#maskKey?.();
    const first = firstByte(opcode, fin, rsv);
    // A control frame's payload belongs to the reader, however low the mark is.
    if ((key !== undefined && !ours) || length < this.#limits.highWaterMark || isControl(opcode)) {
      const target = this.#reserve(headerSize(length, key !== undefined) + length);
      this.#advance(writeFrame(target, this.#batchLength, { first, key }, payload));
    } else {
      this.#advance(writeHeader(this.#reserve(MAX_HEADER_BYTES), this.#batchLength, { first, length, key }));
      this.#seal();
      if (key !== undefined) mask(payload, key);
      this.#pushUncopied(payload);
    }
  }

  /** Queues encoded frames. */
  #appendBytes(bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.length < this.#limits.highWaterMark) {
      this.#reserve(bytes.length).set(bytes, this.#batchLength);
      this.#advance(this.#batchLength + bytes.length);
    } else {
      this.#seal();
      this.#pushUncopied(bytes);
    }
  }

  /** Queues bytes without a copy. They must not change until they are written. */
  #pushUncopied(bytes: Uint8Array<ArrayBuffer>): Write {
    pin(bytes.buffer);
    const write: Write = { bytes, length: bytes.length, batch: undefined, taken: undefined };
    (this.#full ??= []).push(write);
    this.queuedBytes += bytes.length;
    return write;
  }

  /** Queues the pending pong. It precedes a close frame, because nothing may follow that. */
  #payPong(): void {
    const payload = this.#pong;
    this.#pong = undefined;
    if (payload !== undefined) this.#append(frame(Opcode.PONG, payload));
  }

  /** Returns a batch with room for `size` more bytes. */
  #reserve(size: number): Uint8Array<ArrayBuffer> {
    const follows = this.#batch !== undefined;
    if (follows && this.#batch!.length - this.#batchLength >= size) return this.#batch!;
    if (follows || this.#shared !== undefined) this.#seal();
    // A batch that outgrows the small size continues in a large one.
    return this.#batch = acquireBatch(follows ? Math.max(size, SMALL_BATCH + 1) : size);
  }

  /** Sets the end of the bytes in the batch. */
  #advance(end: number): void {
    this.queuedBytes += end - this.#batchLength;
    this.#batchLength = end;
  }

  /** Ends the batch and the run of shared frames, so that the next frames are another write. */
  #seal(): void {
    if (this.#shared !== undefined) {
      const { bytes } = this.#shared;
      this.#shared = undefined;
      this.queuedBytes -= bytes.length; // which it counts again
      this.#pushUncopied(bytes);
    }
    const write = this.#takeBatch();
    if (write !== undefined) (this.#full ??= []).push(write);
  }

  /** Returns the batch as a write. */
  #takeBatch(): Write | undefined {
    const batch = this.#batch;
    if (batch === undefined) return undefined;
    const length = this.#batchLength;
    this.#batch = undefined;
    this.#batchLength = 0;
    return { bytes: new Uint8Array(batch.buffer, 0, length), length, batch, taken: undefined };
  }
}

/** Makes one frame of a message, with extensions too. */
function messageFrame(message: Message): Frame {
  return typeof message === "string" ? frame(Opcode.TEXT, ENCODER.encode(message)) : frame(Opcode.BINARY, message);
}

/** Returns a buffer of at least `size` bytes, which is not cleared. */
function acquireBatch(size: number): Uint8Array<ArrayBuffer> {
  if (size <= SMALL_BATCH) return small.pop() ?? new Uint8Array(SMALL_BATCH);
  if (size <= LARGE_BATCH) return large.pop() ?? new Uint8Array(LARGE_BATCH);
  return new Uint8Array(size);
}
