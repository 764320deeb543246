/**
 * The receiving side of a connection. The read loop passes bytes from the transport through `Incoming`, acts on control frames,
 * and queues messages for the application. `sending_connection.ts` mirrors it.
 *
 * @module
 */
import { nextTask } from "../async.ts";
import { Timeout } from "../deadlines.ts";
import { ConnectionError } from "../errors.ts";
import { giveBack, giveBackAll, isPinned, lendAll } from "../pipeline/bytes/lent_memory.ts";
import { decodeClosePayload } from "../pipeline/frames/close_code.ts";
import { type Frame, frame, Opcode } from "../pipeline/frames/frame.ts";
import { memoryOf, type Message, type MessageData, ownCopy } from "../pipeline/messages/message.ts";
import { type MessagePart, wholePart } from "../pipeline/messages/message_splitter.ts";
import { inSteps, type ReadBuffer } from "../transport/transport.ts";
import { type BatchConsumer, BatchQueue } from "./batch_queue.ts";
import type { Progress } from "./closing.ts";
import type { PartSource, ReaderKind } from "./driven_connection.ts";
import { Incoming } from "./incoming.ts";
import { Liveness, type LivenessOwner, MessageDeadline } from "./liveness.ts";
import { PendingPings, pingBytes, PingRate, rejectNoPing } from "./pending_pings.ts";
import { type ConnectionInit, SendingConnection } from "./sending_connection.ts";

/**
 * Milliseconds that a message which is too large for memory waits until the application starts to read, as streams or in another
 * way. After that the limit applies.
 */
const CLAIM_PATIENCE = 2_000;

/**
 * The bytes that are processed at a time if messages are read as streams. Small steps let dropped chunks be collected sooner:
 * with 2 GiB a process grew by 27 to 40 MiB, with steps of 64 KiB by 37 to 67 MiB in the same time.
 */
const STREAMED_STEP = 16 * 1024;

/** The drafts before RFC 6455 have no pings. */
const NO_PINGS = { pingInterval: 0, pongTimeout: 0 };

/** A connection that sends and receives. */
export abstract class ReceivingConnection<Data> extends SendingConnection<Data> implements LivenessOwner {
  protected readonly incoming: Incoming;
  readonly #messages: BatchQueue<Message>;
  readonly #liveness: Liveness;
  #reading = true;
  // Parts that most connections never need are created on first use.
  #parts: BatchQueue<MessagePart> | undefined;
  #timesMessages: boolean;
  #messageDeadline: MessageDeadline | undefined;
  #pingRate: PingRate | undefined;
  #pings: PendingPings | undefined;

  /** @param init Its parts. */
  constructor(init: ConnectionInit<Data>) {
    super(init);
    const { role, limits, chain, framing, lends } = this;
    this.#timesMessages = limits.messageTimeout !== 0;
    this.incoming = new Incoming({ role, limits, chain, framing, lends, claimed: false });
    this.#messages = new BatchQueue({ highWaterMark: limits.highWaterMark, memoryOf, owner: this });
    this.#liveness = new Liveness(this, framing === undefined ? limits : NO_PINGS, this.deadlines);
  }

  /** Starts to read, beginning with the bytes that followed the handshake. */
  protected startReading(first: Uint8Array<ArrayBuffer>): void {
    void this.#read(first);
  }

  /** Reads to the end, step by step. It never rejects. */
  async #read(first: Uint8Array<ArrayBuffer>): Promise<void> {
    const incoming = this.incoming;
    const closing = this.closing;
    try {
      if (first.length > 0) {
        this.#receive(first, first.length, first.buffer);
        if (incoming.pending) await this.#receiveRest(first.buffer);
      }
      while (closing.state !== "closed") {
        if (this.#blocked) await this.#unblocked();
        const { direct } = this.transport; // each time, because `streamMessages` replaces the transport
        if (direct === undefined) {
          const bytes = await this.transport.read();
          if (bytes === null) break;
          this.#receive(bytes, bytes.length);
          if (incoming.pending) await this.#receiveRest();
          incoming.leaveRead();
          continue;
        }
        const view = incoming.missing > 0 ? incoming.writableView : undefined;
        const target = view ?? direct.buffer.writableView;
        const count = await direct.readInto(target);
        if (count === null) break;
        const { buffer } = direct;
        const memory = view === undefined ? target.buffer : undefined;
        const wanted = this.#receive(target, count, memory);
        if (incoming.pending) await this.#receiveRest(memory);
        if (memory === undefined) continue;
        const left = buffer.advance(count, { kept: wanted && incoming.kept, missing: incoming.missing });
        if (left && (this.lends || incoming.missing > 0)) this.#leaveRead(buffer);
      }
      if (closing.state === "closed") return;
      if (closing.awaitsPeer) incoming.end();
      closing.requireClose();
    } catch (error) {
      closing.recordCause(error);
    }
    closing.endReading();
  }

  /** Processes a first step of the `count` bytes that were read to `memory`. Returns whether they matter. */
  #receive(bytes: Uint8Array<ArrayBuffer>, count: number, memory?: ArrayBuffer): boolean {
    if (count === 0) return false;
    const liveness = this.#liveness;
    liveness.heard = true;
    if (liveness.waiting) liveness.onSign();
    if (!this.closing.listening) return false;
    this.watch?.reading(bytes, count);
    const messages: Message[] = [];
    const parts: MessagePart[] | undefined = this.#parts && [];
    const failure = this.incoming.receive(bytes, count, messages, parts);
    this.watch?.received(messages, parts, count);
    this.#handOn(messages, parts, memory, failure);
    return true;
  }

  /** Processes the rest of a read step by step. In between, other connections get their turn, and the application makes room. */
  async #receiveRest(memory?: ArrayBuffer): Promise<void> {
    while (this.closing.listening && this.incoming.pending) {
      if (this.#blocked) {
        await this.#unblocked();
        continue;
      }
      this.#reading = false; // the awaited pong may be in the next read
      await nextTask();
      this.#reading = true;
      if (!this.closing.listening) return;
      const messages: Message[] = [];
      const parts: MessagePart[] | undefined = this.#parts && [];
      const failure = this.incoming.proceed(messages, parts);
      this.watch?.received(messages, parts, 0);
      this.#handOn(messages, parts, memory, failure);
    }
  }

  /** Passes on the results of a step: control frames, messages or parts of them, and a violation after those. */
  #handOn(
    messages: Message[],
    parts: MessagePart[] | undefined,
    memory: ArrayBuffer | undefined,
    failure: unknown,
  ): void {
    const incoming = this.incoming;
    const { closing } = this;
    if (incoming.controls !== undefined) failure = this.#onControls(parts ?? messages) ?? failure;
    if (incoming.insideMessage || this.#messageDeadline !== undefined) {
      this.#watchMessage(messages.length > 0 || (parts?.some(({ last }) => last) ?? false));
    }
    incoming.own(messages, memory);
    // After our close frame, everything except the peer's close frame is discarded (RFC 6455 §1.4).
    if (closing.state === "open") {
      if (parts !== undefined && parts.length > 0) this.#parts?.put(parts);
      if (messages.length > 0) {
        if (this.lends) this.#lend(messages, memory);
        else this.#messages.put(messages);
      }
    }
    if (failure !== undefined) closing.fault(failure);
    else if (closing.received !== undefined) closing.handlePeerClose();
  }

  /** Lends messages to the callbacks until they return. Callbacks that are still busy get copies. */
  #lend(messages: Message[], memory: ArrayBuffer | undefined): void {
    const lent = lendAll(messages, memory);
    this.#messages.put(this.#messages.direct ? messages : messages.map(ownCopy));
    giveBackAll(lent);
  }

  /** Acts on the control frames of a step. Frames after an invalid one are ignored. Returns the violation, if there is one. */
  #onControls(output: unknown[]): unknown {
    for (const { frame, position } of this.incoming.takeControls()) {
      const wrong = this.#onControl(frame);
      if (wrong === undefined) continue;
      output.length = position;
      return wrong;
    }
    return undefined;
  }

  /** Acts on a control frame. Returns the violation, if there is one. */
  #onControl(received: Frame): unknown {
    const { opcode, payload } = received;
    if (opcode === Opcode.PONG) {
      this.#pings?.receive(payload);
      this.oncontrol?.(received);
    } else if (opcode === Opcode.CLOSE) this.closing.received = decodeClosePayload(payload);
    else if (opcode === Opcode.PING) {
      const flood = (this.#pingRate ??= new PingRate(this.limits)).count();
      if (flood !== undefined) return flood;
      if (this.oncontrol?.(received) === true) return undefined;
      // After a close frame nothing more may be sent (§5.5.1).
      if (this.closing.state !== "open") return undefined;
      this.outgoing.owePong(payload, this.writing);
      this.flushLater();
    }
    return undefined;
  }

  /** Starts or stops the deadline of an incomplete message. `ended` says whether a message has ended since the last step. */
  #watchMessage(ended: boolean): void {
    const expected = this.incoming.insideMessage && this.closing.listening;
    if (ended || !expected) this.#messageDeadline?.stop();
    if (expected && this.#timesMessages) (this.#messageDeadline ??= new MessageDeadline(this)).start();
  }

  /**
   * Whether reading waits, because the application is behind, or because messages before a violation are still to be answered.
   */
  get #blocked(): boolean {
    const { state } = this.closing;
    if (state !== "open") return state === "failing";
    const { bytes } = this.#parts ?? this.#messages;
    return bytes >= this.limits.highWaterMark || (this.incoming.pending && !this.incoming.claimed);
  }

  async #unblocked(): Promise<void> {
    this.#reading = false;
    // The peer is not responsible for the application's time, so the deadline starts anew afterwards. This happens once for a
    // message, because nothing joins the full queue before the message ends.
    this.#messageDeadline?.stop();
    this.watch?.paused();
    const unclaimed = this.incoming.pending && !this.incoming.claimed;
    const patience = unclaimed
      ? new Timeout(this.deadlines.after(CLAIM_PATIENCE), () => this.#judgeMessages())
      : undefined;
    while (this.#blocked) await this.#queue.capacity();
    patience?.cancel();
    this.watch?.resumed();
    this.#watchMessage(false);
    this.#reading = true;
  }

  /** Lets the read loop continue, because it is known how messages are read, or no longer matters. */
  #judgeMessages(): void {
    if (!this.incoming.claimed) this.incoming.claim();
    this.#queue.release();
  }

  /** Called when the next read does not directly follow the last one in memory. */
  #leaveRead(buffer: ReadBuffer): void {
    if (this.incoming.missing > 0) this.incoming.leaveRead();
    if (!this.lends || !isPinned(buffer.memory)) return;
    const { memory } = buffer;
    buffer.replace();
    giveBack(memory);
  }

  /** The queue calls this when the callbacks are done with all messages. */
  onConsumed(): void {
    if (this.closing.answering) this.closing.onProgress();
  }

  get #queue(): BatchQueue<Message> | BatchQueue<MessagePart> {
    return this.#parts ?? this.#messages;
  }

  // The interface for readers.

  /** Takes the next batch, or waits for it. Replies to the previous batch are sent now. */
  takeBatch(): Message[] | undefined | Promise<Message[] | undefined> {
    this.flush();
    const batch = this.#messages.take();
    this.closing.onProgress();
    return batch;
  }

  streamMessages(): PartSource {
    const queue = this.#parts ??= this.#splitMessages();
    return () => {
      this.flush();
      const batch = queue.take();
      this.closing.onProgress();
      return batch;
    };
  }

  /** Delivers messages in parts from now on. Waiting messages become one part each. */
  #splitMessages(): BatchQueue<MessagePart> {
    const queue = this.#messages.map(wholePart, ({ data }) => memoryOf(data));
    const parts: MessagePart[] = [];
    try {
      if (this.incoming.stream(parts)) this.#timesMessages = false;
    } catch (error) {
      this.closing.fault(error);
    }
    this.#messageDeadline?.stop();
    if (parts.length > 0) queue.put(parts);
    this.transport = inSteps(this.transport, STREAMED_STEP);
    return queue;
  }

  consumeWith(consumer: BatchConsumer): void {
    this.claim("callbacks");
    this.#messages.consumeWith(consumer);
  }

  override claim(reader: ReaderKind): void {
    super.claim(reader);
    if (!this.incoming.claimed) this.#judgeMessages();
  }

  // Pings.

  get roundTripTime(): number | undefined {
    return this.#pings?.roundTripTime;
  }

  get #pendingPings(): PendingPings {
    return this.#pings ??= new PendingPings(this.watch);
  }

  ping(payload?: MessageData): Promise<number> {
    const bytes = pingBytes(payload);
    if (this.readyState !== 1) return this.late("ping");
    // The peer has chosen its draft, so this is not a mistake of the caller.
    if (this.framing !== undefined) return rejectNoPing("the peer's draft of the protocol");
    const ping = this.#pendingPings.add(bytes);
    this.sendFrame(frame(Opcode.PING, ping.payload));
    return ping.roundTrip;
  }

  /** Sends an unsolicited pong (RFC 6455 §5.5.3). */
  pong(payload: MessageData): void {
    const bytes = pingBytes(payload) ?? new Uint8Array(0);
    if (this.readyState === 1 && this.framing === undefined) this.sendFrame(frame(Opcode.PONG, bytes));
  }

  get listening(): boolean {
    return this.#reading && this.closing.state === "open";
  }

  get unread(): boolean {
    return !this.#reading && this.writing && this.closing.state === "open";
  }

  pingPeer(): void {
    if (this.readyState === 1) this.sendFrame(frame(Opcode.PING, this.#pendingPings.addOwn()));
  }

  onSilence(unread: boolean): void {
    const { pongTimeout } = this.limits;
    const what = unread
      ? `The peer read nothing for ${pongTimeout} ms`
      : `The peer was silent for ${pongTimeout} ms after a ping`;
    this.closing.lose(new ConnectionError(what));
  }

  // The end.

  /** Handles a violation by the peer. */
  fault(error: unknown): void {
    this.closing.fault(error);
  }

  get progress(): Progress {
    const queue = this.#queue;
    if (queue.awaited) return "all";
    if (this.reader === undefined) return "unread";
    return this.busy || !queue.idle ? "reading" : "last";
  }

  onStateChange(): void {
    this.#judgeMessages();
  }

  /** Stops answering pings, and ends the readers after the queued messages. */
  protected endReceiving(error: unknown, reason: () => unknown): void {
    this.#messageDeadline?.stop();
    this.#liveness.stop();
    if (this.#pings !== undefined) this.#pings.end(reason());
    this.#queue.end(error);
  }
}
