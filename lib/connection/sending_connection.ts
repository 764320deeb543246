/**
 * The sending side of a connection. Messages pass through `Outgoing`, and the write loop passes the bytes to the transport.
 *
 * @module
 */
import { deferHandled, type Deferred, handled } from "../async.ts";
import { ConnectionError, type LimitError, queueFull } from "../errors.ts";
import { type ExtensionChain, openExtensions } from "../extensions/negotiation.ts";
import type { HeaderFields } from "../handshake/http_fields.ts";
import type { Limits } from "../limits.ts";
import { checkOptions } from "../options.ts";
import { type Frame, frame, Opcode } from "../pipeline/frames/frame.ts";
import type { Framing } from "../pipeline/frames/framing.ts";
import { type Message, type MessageData, toMessage } from "../pipeline/messages/message.ts";
import type { Transport } from "../transport/transport.ts";
import { BaseConnection, type BaseConnectionInit } from "./base_connection.ts";
import type { Closing } from "./closing.ts";
import { Deadlines, type TurnEnd } from "../deadlines.ts";
import type { FlushAt, SharedSending } from "./driven_connection.ts";
import { checkUnsent, isSource, type MessageSource, openSource } from "./message_source.ts";
import { endOf, rejectNotOpen, tooLate } from "./not_open.ts";
import { Outgoing, type Write } from "./outgoing.ts";
import { SEND_OPTION_KINDS } from "./socket_options.ts";
import { StreamedSends, type StreamedSendsOwner } from "./streamed_sends.ts";
import type { ConnectionWatch } from "./watch/connection_watch.ts";
import type { Observer } from "./watch/observer.ts";
import type { SendOptions } from "./socket_options.ts";

/** The parts of a connection. */
export interface ConnectionInit<Data> extends BaseConnectionInit<Data> {
  /** The peer's header fields. */
  fields: HeaderFields;
  /** The transport, after the handshake. */
  transport: Transport;
  /** All limits. */
  limits: Limits;
  /** Bytes after the handshake, which belong to frames. */
  rest: Uint8Array<ArrayBuffer>;
  /** The lists of deadlines that it shares with other connections. By default it has its own. */
  deadlines?: Deadlines | undefined;
  /** Whether binary payloads are lent to callbacks. */
  lendPayloads?: boolean | undefined;
  /** How frames are written, if not as in RFC 6455 §5.2. Then there are no pings and no keepalive. */
  framing?: Framing | undefined;
  /** Gets what happens to the connection. */
  observer?: Observer | undefined;
}

/** The result of `send` if the application need not wait, so that no promise has to be created. */
const DONE: Promise<void> = Promise.resolve();

/**
 * The connections that flush in the next microtask. One microtask serves all of them, so that their writes follow one another. A
 * peer on another core then gets several replies each time it wakes up.
 */
let planned: SendingConnection<unknown>[] = [];

/** The number of batches after which they are flushed, so that a reply does not wait for the callbacks of all other connections. */
const MOST_PLANNED = 16;

function flushPlanned(): void {
  const connections = planned;
  planned = [];
  for (let at = 0; at < connections.length; at++) connections[at]!.flush();
}

/** A connection that sends. */
export abstract class SendingConnection<Data> extends BaseConnection<Data>
  implements SharedSending, StreamedSendsOwner, TurnEnd {
  readonly limits: Limits;
  readonly lends: boolean;
  readonly deadlines: Deadlines;
  protected readonly chain: ExtensionChain | undefined;
  protected readonly framing: Framing | undefined;
  protected readonly outgoing: Outgoing;
  protected transport: Transport;
  protected watch: ConnectionWatch | undefined;
  protected abstract readonly closing: Closing;

  writesTaken = 0;
  #writing: Write | undefined;
  #flushAt: FlushAt = "microtask";
  #flushPlanned = false;
  #turnEndAwaited = false;
  #wasFull = false;
  // Parts that most connections never need are created on first use.
  #drained: Deferred<void> | undefined;
  #flushed: Deferred<void> | undefined;
  #streamedSends: StreamedSends | undefined;

  /** @param init What it is made of. */
  constructor(init: ConnectionInit<Data>) {
    super(init);
    const { role, limits, transport, framing, deadlines = new Deadlines() } = init;
    this.limits = limits;
    this.deadlines = deadlines;
    this.transport = transport;
    this.framing = framing;
    const chain = this.chain = init.extensionProcessors.length === 0 ? undefined : this.#openExtensions();
    // The memory of a stream's chunk is not ours to reuse.
    this.lends = (init.lendPayloads ?? false) && transport.direct !== undefined && chain === undefined &&
      framing === undefined;
    this.outgoing = new Outgoing({ role, limits, chain, framing });
  }

  get readyState(): 1 | 2 | 3 {
    const { isOpen, state } = this.closing;
    return isOpen ? 1 : state === "closed" ? 3 : 2;
  }

  get highWaterMark(): number {
    return this.limits.highWaterMark;
  }

  get closeTimeout(): number {
    return this.limits.closeTimeout;
  }

  get hasCloseFrame(): boolean {
    return this.framing?.hasCloseFrame ?? true;
  }

  get bufferedAmount(): number {
    return this.outgoing.queuedBytes + (this.#streamedSends?.waitingBytes ?? 0);
  }

  send(data: MessageData | MessageSource, options?: SendOptions): Promise<void> {
    if (options !== undefined) checkOptions("send()", options, SEND_OPTION_KINDS);
    if (this.closing.state !== "open" && !this.closing.answering) {
      checkUnsent(data, this.closing.error);
      return this.late("send");
    }
    if (this.#streamedSends?.busy) return this.#streamedSends.send(data, options);
    if (typeof data === "string") return this.sendMessage(data, options);
    return isSource(data) ? this.#sendSource(data, options) : this.sendMessage(toMessage(data), options);
  }

  /**
   * Sends a message at once, if no message is being sent from a source. Resolves when less than the high-water mark is queued.
   */
  sendMessage(message: Message, options?: SendOptions): Promise<void> {
    let queued: boolean | Write;
    try {
      queued = this.outgoing.message(message, options);
    } catch (error) {
      // The peer has chosen a draft that cannot carry the message, which a sender to many peers cannot know.
      if (this.framing !== undefined) return handled(Promise.reject(error));
      throw error;
    }
    if (queued === false) return handled(Promise.reject(this.#onFull()));
    if (queued === true && this.outgoing.queuedBytes < this.limits.highWaterMark) {
      if (this.#flushAt !== "batchEnd") this.flushLater();
      return DONE;
    }
    this.flush();
    if (queued === true) return this.#whenDrained();
    return (queued.taken ??= deferHandled()).promise; // after the write, the memory belongs to the sender again
  }

  #sendSource(source: MessageSource, options?: SendOptions): Promise<void> {
    if (this.framing !== undefined) {
      const error = new TypeError("Cannot send from a source: the peer's draft of the protocol has no fragments");
      openSource(source).cancel(error);
      return handled(Promise.reject(error));
    }
    return (this.#streamedSends ??= new StreamedSends(this)).send(source, options);
  }

  /** Sends a frame of a message that comes from a source. */
  sendFragment(frame: Frame, options?: SendOptions): void {
    if (!this.outgoing.fragment(frame, options)) this.#onFull();
    this.flushLater();
  }

  /** Sends a frame unchanged: a ping, or one of an extension. */
  protected sendFrame(frame: Frame): void {
    if (!this.outgoing.frame(frame)) this.#onFull();
    this.flushLater();
  }

  /**
   * Disconnects the peer at `maxQueuedBytes`, because it is too slow for an application that does not wait. Returns the error.
   */
  #onFull(): unknown {
    const { maxQueuedBytes } = this.limits;
    if (this.closing.state === "closed") return endOf(this.closing.error ?? tooLate());
    const actual = this.outgoing.queuedBytes;
    this.onOverflow(queueFull(`Peer does not read: ${actual} bytes queued`, maxQueuedBytes, actual));
    return this.closing.error;
  }

  onOverflow(error: LimitError): void {
    this.closing.lose(endOf(error));
  }

  onSourceFailed(cause: unknown): void {
    // A message that has begun cannot be given up in any other way (§5.4, §7.1.7). It is not the peer's fault.
    this.closing.fail(new ConnectionError("The source of a message failed", { cause }));
  }

  #openExtensions(): ExtensionChain | undefined {
    return openExtensions(this.extensionProcessors, {
      role: this.role,
      maxMessageBytes: this.limits.maxMessageBytes,
      now: () => performance.now(),
      send: (frame) => {
        // After a close frame nothing more may be sent (§5.5.1).
        if (this.closing.state === "open") this.sendFrame(frame);
      },
    });
  }

  // Messages that are encoded once for many connections.

  get shared(): SharedSending | undefined {
    // Other messages wait behind a message from a source.
    return this.#streamedSends?.busy || this.outgoing.encoding === undefined ? undefined : this;
  }

  get encoding(): string {
    return this.outgoing.encoding ?? "";
  }

  encode(data: MessageData, options?: SendOptions): Uint8Array<ArrayBuffer> {
    return this.outgoing.encode(data, options);
  }

  sendEncoded(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.closing.state === "open" && !this.outgoing.shared(bytes)) this.#onFull();
  }

  // Flushing.

  /** Sets when the queue is flushed, by how the current batch is processed. */
  flushAt(when: FlushAt): void {
    const before = this.#flushAt;
    this.#flushAt = when;
    // Messages that were queued in one call stack have no flush scheduled, so they are flushed together with those that follow.
    if (when !== "batchEnd" && (before === "batchEnd" || when === "turnEnd")) {
      if (this.#writing === undefined && this.outgoing.queuedBytes > 0) this.flushLater();
      if (before === "batchEnd" && planned.length >= MOST_PLANNED) flushPlanned();
    }
    if (when === "microtask" && this.closing.answering) this.closing.onProgress();
  }

  /** Whether a batch is being processed. */
  get busy(): boolean {
    return this.#flushAt !== "microtask";
  }

  /** Schedules a flush. */
  flushLater(): void {
    if (this.#flushAt === "batchEnd") return;
    if (this.#flushAt === "turnEnd") {
      if (this.#turnEndAwaited) return;
      this.#turnEndAwaited = true;
      this.deadlines.turnEnds.add(this);
    } else if (!this.#flushPlanned) {
      this.#flushPlanned = true;
      if (planned.push(this) === 1) queueMicrotask(flushPlanned);
    }
  }

  turnEnded(): void {
    this.#turnEndAwaited = false;
    this.flush();
  }

  /** Starts to write the queue, or continues after the write that is under way. */
  flush(): void {
    this.#flushPlanned = false;
    if (this.#writing !== undefined) return;
    const write = this.outgoing.take();
    if (write !== undefined) void this.#write(write);
  }

  /** Whether a write is under way. */
  protected get writing(): boolean {
    return this.#writing !== undefined;
  }

  /** Writes until nothing is queued. It never rejects. */
  async #write(write: Write | undefined): Promise<void> {
    const { outgoing } = this;
    try {
      for (; write !== undefined; write = outgoing.take()) {
        this.#writing = write;
        const { bytes, length } = write;
        let at = 0;
        do {
          if (bytes.length !== length) throw transferred(length);
          at += await this.transport.writeSome(at === 0 ? bytes : bytes.subarray(at));
          this.writesTaken = (this.writesTaken + 1) & 0x3fff_ffff; // a small integer, which costs no memory
        } while (at < length);
        this.watch?.written(bytes, outgoing.queuedBytes);
        this.#wasFull ||= outgoing.queuedBytes >= this.limits.highWaterMark;
        outgoing.written(write);
        if (this.closing.state === "closed") return;
        if (this.#wasFull || write.taken !== undefined) this.#onWritten(write);
      }
      this.#writing = undefined;
      this.#flushed?.resolve();
      this.#flushed = undefined;
    } catch (error) {
      this.closing.lose(error);
    }
  }

  /** Called when a write is done after which less than the high-water mark may be queued, or for which a sender waits. */
  #onWritten({ taken }: Write): void {
    const { full } = this.outgoing;
    if (this.#wasFull && !full) {
      this.#wasFull = false;
      this.#drained?.resolve();
      this.#drained = undefined;
      this.watch?.drained();
      this.ondrain?.();
    }
    taken?.resolve(full ? this.#whenDrained() : undefined);
  }

  /** Whether the high-water mark is reached. */
  get full(): boolean {
    return this.outgoing.queuedBytes >= this.limits.highWaterMark || (this.#streamedSends?.full ?? false);
  }

  drained(): Promise<void> | undefined {
    return this.#streamedSends?.drained() ?? this.queueDrained();
  }

  /** Waits until less than the high-water mark is queued, not counting messages behind a streamed one. */
  queueDrained(): Promise<void> | undefined {
    if (!this.outgoing.full) return undefined;
    this.flush();
    return this.#whenDrained();
  }

  #whenDrained(): Promise<void> {
    if (this.closing.state === "closed") return handled(Promise.reject(endOf(this.closing.error ?? tooLate())));
    if (this.#drained === undefined) this.watch?.filled();
    return (this.#drained ??= deferHandled()).promise;
  }

  /** Waits until the whole queue was written. */
  flushed(): Promise<void> {
    if (this.outgoing.empty && this.#writing === undefined) return DONE;
    this.flush();
    return (this.#flushed ??= deferHandled()).promise;
  }

  // The end.

  get allWritten(): boolean {
    return this.outgoing.queuedBytes === 0;
  }

  sendClose(payload: Uint8Array<ArrayBuffer>, reason: unknown): void {
    // It may interrupt a fragmented message, which is then abandoned.
    if (this.#streamedSends !== undefined) this.#streamedSends.end(endOf(reason ?? tooLate("closing")));
    if (!this.hasCloseFrame) return;
    this.outgoing.frame(frame(Opcode.CLOSE, payload));
    this.flush();
  }

  endWriting(failed: boolean): Promise<void> | undefined {
    // §7.1.1: the server ends the transport first; a client waits for it, unless it has just failed the connection.
    return this.role === "server" || failed ? this.transport.closeWrite() : undefined;
  }

  /** Drops the queue and rejects the promises that wait for it. */
  protected endSending(reason: () => unknown): void {
    if (this.#turnEndAwaited) this.deadlines.turnEnds.delete(this);
    this.#streamedSends?.end(reason());
    const dropped = this.outgoing.end();
    for (const { taken } of this.#writing === undefined ? dropped : [this.#writing, ...dropped]) {
      taken?.reject(reason());
    }
    this.#drained?.reject(reason());
    this.#flushed?.reject(reason());
  }

  /** Returns the rejected promise of a call that comes too late. */
  protected late(action: string): Promise<never> {
    return rejectNotOpen(action, this, this.closing.error);
  }
}

function transferred(length: number): TypeError {
  return new TypeError(
    `Cannot write a message of ${length} bytes: its memory was transferred before it was written. Await \`send\` first`,
  );
}
