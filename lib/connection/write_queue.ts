/**
 * The one queue of a connection's outgoing bytes. Everything that is sent, by the application or owed by the reader, goes
 * through here, so frames never interleave and their order is decided in one place.
 *
 * @module
 */
import { defer, type Deferred } from "../async.ts";
import type { Limits } from "../limits.ts";
import { hasHeadroom } from "../pipeline/bytes/headroom.ts";
import { pin, unpin } from "../pipeline/bytes/lent_memory.ts";
import { type MaskKeySource, maskRange } from "../pipeline/bytes/mask.ts";
import { isControl, Opcode } from "../pipeline/frames/frame.ts";
import { firstByte, headerSize, MAX_HEADER_BYTES, writeHeader } from "../pipeline/frames/frame_serializer.ts";
import { SharedRun } from "../pipeline/bytes/shared_run.ts";
import type { Transport } from "../transport/transport.ts";
import { queueFull } from "../errors.ts";

/** A batch that outgrows the first size goes on in the second. Idle connections hold neither. */
const SMALL_BATCH = 4 * 1024;
const LARGE_BATCH = 64 * 1024;
/** Buffers kept for the next batch of any connection: 1 MiB of large ones, 256 KiB of small ones. */
const KEPT_LARGE = 16;
const KEPT_SMALL = 64;
const smallBatches: Uint8Array<ArrayBuffer>[] = [];
const largeBatches: Uint8Array<ArrayBuffer>[] = [];

/** The first byte of a binary message in one frame (RFC 6455 §5.2). */
const WHOLE_BINARY = firstByte(Opcode.BINARY);

/** Up to this many characters, a loop over ASCII beats a call into the runtime's encoder. */
const SHORT_TEXT = 64;
const ENCODER = new TextEncoder();

/** One write: a batch, whose buffer goes back to the pool, or a large payload, which is written from where it lies. */
interface Segment {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The bytes there must be: nothing is left of a payload whose memory is transferred. */
  readonly length: number;
  readonly batch?: Uint8Array<ArrayBuffer>;
  /** Tells the sender that the memory is its own again. */
  readonly taken?: Deferred<void> | undefined;
}

/** Is told how writing goes, where somebody watches. */
export interface WriteWatch {
  /** The transport took these bytes, which others may write over as soon as this returns. */
  written(bytes: Uint8Array<ArrayBuffer>): void;
  /** Somebody waits for the high-water mark. */
  filled(): void;
  /** Less than that is queued again. */
  drained(): void;
}

/** How a queue behaves. */
export interface WriteQueueOptions extends Pick<Limits, "highWaterMark" | "maxQueuedBytes"> {
  /** Gives masking keys, on a client. */
  maskKey: MaskKeySource | undefined;
  /** Is called once, when a write fails or the queue overflows. */
  failed: (error: unknown) => void;
  /** Is called whenever less than the high-water mark is queued again. */
  drained: () => void;
}

/** Collects frames into batches and writes one batch at a time. */
export class WriteQueue {
  /** Is told how writing goes. */
  watch: WriteWatch | undefined;

  readonly #transport: Transport;
  readonly #options: WriteQueueOptions;
  /** Batches that are full and large payloads, in order. */
  readonly #full: Segment[] = [];
  #batch: Uint8Array<ArrayBuffer> | undefined;
  #batchLength = 0;
  /** The segment that is being written; `undefined` for the batch in hand. */
  #segment: Segment | undefined;
  /** The batch whose bytes are being written: its buffer goes back to the pool. */
  #written: Uint8Array<ArrayBuffer> | undefined;
  /** Frames that other queues write too. A batch may follow them; none goes before. */
  #shared: SharedRun | undefined;
  #pong: Uint8Array<ArrayBuffer> | undefined;
  #queuedBytes = 0;
  #writing = false;
  #ended = false;
  #wasFull = false;
  #drained: Deferred<void> | undefined;
  #flushed: Deferred<void> | undefined;

  /**
   * @param transport Where the bytes go.
   * @param options The marks, the masking and who is told of a failure.
   */
  constructor(transport: Transport, options: WriteQueueOptions) {
    this.#transport = transport;
    this.#options = options;
  }

  /** Bytes queued and not yet taken by the transport. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether `send` must wait. */
  get full(): boolean {
    return this.#queuedBytes >= this.#options.highWaterMark;
  }

  /** Queues a frame; a close frame is the last. A payload as large as the high-water mark is not copied where it needs no masking. */
  append(opcode: number, payload: Uint8Array<ArrayBuffer>, { fin = true, rsv = 0 } = {}): void {
    // A close frame and the one pong that is owed are bounded by themselves: they need no room, and may end a wait for it.
    if (opcode === Opcode.CLOSE) this.#payPong();
    else if (opcode !== Opcode.PONG && !this.#admit()) return;
    if (this.#ended) return;
    const length = payload.length;
    const key = this.#options.maskKey?.();
    const first = firstByte(opcode, fin, rsv);
    // A pong's payload is the reader's, however low the mark is.
    const copy = key !== undefined || length < this.#options.highWaterMark || isControl(opcode);
    const target = this.#reserve(copy ? headerSize(length, key !== undefined) + length : MAX_HEADER_BYTES);
    const start = this.#batchLength;
    const at = writeHeader(target, start, { first, length, key });
    this.#batchLength = at;
    if (copy) {
      target.set(payload, at);
      if (key !== undefined) maskRange(target, at, at + length, key);
      this.#batchLength += length;
    } else {
      this.#seal();
      this.#pushUncopied(payload);
    }
    this.#queuedBytes += at - start + length;
  }

  /**
   * Queues a binary message as one frame. A large one that was received has room for a header in front of it: then neither is
   * copied, and both are one write.
   *
   * @returns Where the payload is not copied, resolves when it is written and less than the mark is queued. `undefined` where it is
   *   copied, or reaches the high-water mark: the queue is full until it is written.
   */
  appendBinary(payload: Uint8Array<ArrayBuffer>): Promise<void> | undefined {
    const size = headerSize(payload.length, false);
    if (this.#options.maskKey !== undefined || !hasHeadroom(payload, size)) {
      this.append(Opcode.BINARY, payload);
      return undefined;
    }
    if (!this.#admit()) return undefined;
    const bytes = new Uint8Array(payload.buffer, payload.byteOffset - size, size + payload.length);
    writeHeader(bytes, 0, { first: WHOLE_BINARY, length: payload.length, key: undefined });
    const taken = handled();
    this.#seal();
    this.#pushUncopied(bytes, taken);
    this.#queuedBytes += bytes.length;
    return taken.promise;
  }

  /** Queues a text message as one frame, encoded straight into the batch. */
  appendText(text: string): void {
    // UTF-8 takes at most three bytes for each UTF-16 unit.
    const most = 3 * text.length;
    if (most > LARGE_BATCH - MAX_HEADER_BYTES) return this.append(Opcode.TEXT, ENCODER.encode(text));
    if (!this.#admit()) return;
    const key = this.#options.maskKey?.();
    const target = this.#reserve(MAX_HEADER_BYTES + most);
    const start = this.#batchLength;
    // The header is guessed from the length as ASCII; other text may need more of it and then moves up.
    const guess = start + headerSize(text.length, key !== undefined);
    const length = encodeInto(text, target, guess);
    const at = start + headerSize(length, key !== undefined);
    if (at !== guess) target.copyWithin(at, guess, guess + length);
    writeHeader(target, start, { first: firstByte(Opcode.TEXT), length, key });
    if (key !== undefined) maskRange(target, at, at + length, key);
    this.#batchLength = at + length;
    this.#queuedBytes += at + length - start;
  }

  /** Queues a frame that another framing has written; `last` says that it is a close frame. */
  appendBytes(bytes: Uint8Array<ArrayBuffer>, { last = false } = {}): void {
    if (last ? this.#ended : !this.#admit()) return;
    if (bytes.length < this.#options.highWaterMark) {
      this.#reserve(bytes.length).set(bytes, this.#batchLength);
      this.#batchLength += bytes.length;
    } else {
      this.#seal();
      this.#pushUncopied(bytes);
    }
    this.#queuedBytes += bytes.length;
  }

  /** Queues frames that other queues are given too. What is queued of them in a row is not copied for each queue. */
  appendShared(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#batch !== undefined) return this.appendBytes(bytes);
    if (!this.#admit()) return;
    if (this.#shared !== undefined && this.#shared.length + bytes.length > LARGE_BATCH) this.#seal();
    this.#shared = this.#shared === undefined ? SharedRun.of(bytes) : this.#shared.and(bytes);
    this.#queuedBytes += bytes.length;
  }

  /**
   * Owes the peer a pong. While the peer does not read only the latest is kept (RFC 6455 §5.5.3), so a flood of pings that is
   * never read back costs one payload (CVE-2026-11586).
   */
  owePong(payload: Uint8Array<ArrayBuffer>): void {
    if (this.#ended) return;
    if (this.#writing || this.full) {
      this.#pong = payload.slice();
    } else {
      this.#pong = undefined; // this one answers it as well
      this.append(Opcode.PONG, payload);
    }
  }

  /** Whether something is queued that nothing writes yet. */
  get unflushed(): boolean {
    return !this.#writing && (this.#queuedBytes > 0 || this.#pong !== undefined);
  }

  /** Starts to write what is queued, unless a write is under way: then it follows. */
  flush(): void {
    if (!this.unflushed) return;
    this.#writing = true;
    void this.#write();
  }

  /** Waits until less than the high-water mark is queued. Ignoring the promise is safe; awaiting it tells of a failure. */
  drained(): Promise<void> {
    if (this.#drained === undefined) this.watch?.filled();
    this.#drained ??= handled();
    return this.#drained.promise;
  }

  /** Waits until everything queued was written. */
  flushed(): Promise<void> {
    if (this.#queuedBytes === 0 && this.#pong === undefined && !this.#writing) return Promise.resolve();
    this.flush();
    this.#flushed ??= handled();
    return this.#flushed.promise;
  }

  /** Drops what is queued, takes nothing more and tells everybody who waits. */
  end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#pong = undefined;
    this.#segment?.taken?.reject(error);
    for (const { taken } of this.#full) taken?.reject(error);
    this.#full.length = 0;
    this.#shared = undefined;
    this.#batch = undefined;
    this.#batchLength = 0;
    this.#queuedBytes = 0;
    this.#drained?.reject(error);
    this.#flushed?.reject(error);
  }

  async #write(): Promise<void> {
    try {
      for (let bytes = this.#next(); bytes !== undefined; bytes = this.#next()) {
        const batch = this.#written;
        const length = this.#segment?.length ?? bytes.length;
        const taken = this.#segment?.taken;
        let at = 0;
        do {
          if (bytes.length !== length) throw transferred(length);
          at += await this.#transport.writeSome(at === 0 ? bytes : bytes.subarray(at));
        } while (at < length);
        this.watch?.written(bytes);
        if (batch !== undefined) release(batch);
        else unpin(bytes.buffer);
        if (this.#ended) return;
        this.#wasFull ||= this.full;
        this.#queuedBytes -= length;
        if (this.#wasFull && !this.full) this.#drain();
        taken?.resolve(this.full ? this.drained() : undefined);
      }
      this.#writing = false;
      this.#flushed?.resolve();
      this.#flushed = undefined;
    } catch (error) {
      if (!this.#ended) this.#options.failed(error);
    }
  }

  /** Queues bytes where they lie: they must not change until they are written. */
  #pushUncopied(bytes: Uint8Array<ArrayBuffer>, taken?: Deferred<void>): void {
    pin(bytes.buffer);
    this.#full.push({ bytes, length: bytes.length, taken });
  }

  #drain(): void {
    this.#wasFull = false;
    this.#drained?.resolve();
    this.#drained = undefined;
    this.watch?.drained();
    this.#options.drained();
  }

  /** What is written next, or `undefined`. A pong is put in now, so that it is the latest one. */
  #next(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#pong !== undefined) this.#payPong();
    if (this.#full.length === 0) {
      const batch = this.#batch;
      if (batch !== undefined && this.#shared === undefined) {
        const length = this.#batchLength;
        this.#batch = undefined;
        this.#batchLength = 0;
        this.#segment = undefined;
        this.#written = batch;
        return batch.subarray(0, length);
      }
      this.#seal();
    }
    const segment = this.#segment = this.#full.shift();
    this.#written = segment?.batch;
    return segment?.bytes;
  }

  /** Queues the pong that is owed. Nothing may follow a close frame, so it comes before one. */
  #payPong(): void {
    const payload = this.#pong;
    this.#pong = undefined;
    if (payload !== undefined) this.append(Opcode.PONG, payload);
  }

  /** Whether there may be more: past `maxQueuedBytes` the peer is too slow for an application that does not wait. */
  #admit(): boolean {
    if (this.#ended) return false;
    const { maxQueuedBytes } = this.#options;
    if (this.#queuedBytes < maxQueuedBytes) return true;
    const actual = this.#queuedBytes;
    this.#options.failed(queueFull(`Peer does not read: ${actual} bytes queued`, maxQueuedBytes, actual));
    return false;
  }

  /** A batch with room for `size` more bytes. */
  #reserve(size: number): Uint8Array<ArrayBuffer> {
    if (this.#batch !== undefined && this.#batch.length - this.#batchLength >= size) return this.#batch;
    const follows = this.#batch !== undefined;
    this.#seal();
    this.#batch = acquire(follows ? Math.max(size, SMALL_BATCH + 1) : size);
    return this.#batch;
  }

  #seal(): void {
    if (this.#shared !== undefined) this.#pushUncopied(this.#shared.bytes);
    this.#shared = undefined;
    if (this.#batch === undefined) return;
    const [batch, length] = [this.#batch, this.#batchLength];
    this.#full.push({ bytes: batch.subarray(0, length), length, batch });
    this.#batch = undefined;
    this.#batchLength = 0;
  }
}

function transferred(length: number): TypeError {
  return new TypeError(
    `Cannot write a message of ${length} bytes: its memory was transferred before it was written. Await \`send\` first`,
  );
}

function handled(): Deferred<void> {
  const deferred = defer<void>();
  deferred.promise.catch(() => {});
  return deferred;
}

function acquire(size: number): Uint8Array<ArrayBuffer> {
  if (size <= SMALL_BATCH) return smallBatches.pop() ?? new Uint8Array(SMALL_BATCH);
  if (size <= LARGE_BATCH) return largeBatches.pop() ?? new Uint8Array(LARGE_BATCH);
  return new Uint8Array(size);
}

function release(batch: Uint8Array<ArrayBuffer>): void {
  if (batch.length === SMALL_BATCH) {
    if (smallBatches.length < KEPT_SMALL) smallBatches.push(batch);
  } else if (batch.length === LARGE_BATCH && largeBatches.length < KEPT_LARGE) {
    largeBatches.push(batch);
  }
}

/** Encodes a text and returns the number of bytes. */
function encodeInto(text: string, target: Uint8Array, start: number): number {
  if (text.length <= SHORT_TEXT) {
    let at = 0;
    for (; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit >= 0x80) break;
      target[start + at] = unit;
    }
    if (at === text.length) return at;
  }
  return ENCODER.encodeInto(text, target.subarray(start)).written;
}
