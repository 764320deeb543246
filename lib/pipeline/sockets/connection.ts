/**
 * A WebSocket connection, either role, over any transport: the stages of the pipeline, one reader, one write queue and the
 * closing handshake.
 *
 * @module
 */
import { closeCodeOf, ConnectionError, invalidState, LimitError, WebSocketError } from "../../errors.ts";
import type { ExtensionProcessor } from "../../extensions/extension.ts";
import { type ExtensionChain, openExtensions } from "../../extensions/negotiation.ts";
import type { Limits } from "../../limits.ts";
import { randomMaskKey } from "../bytes/mask_key.ts";
import { CloseCode, type ClosePayload, decodeClosePayload, encodeClosePayload } from "../frames/close_code.ts";
import { type Frame, Opcode, type OutgoingFrame, type Role } from "../frames/frame.ts";
import { FrameParser, type FrameParserOptions } from "../frames/frame_parser.ts";
import { bytesOf, type Message, type MessageData } from "../messages/message.ts";
import { MessageAssembler } from "../messages/message_assembler.ts";
import { MessageFragmenter } from "../messages/message_fragmenter.ts";
import { CLOSE_HANDSHAKE, type CloseAction, type CloseEvent, type CloseState } from "./close_handshake.ts";
import { batchStream, messageIterator, messageSink, messageStream } from "./connection_streams.ts";
import { type BatchConsumer, Inbox } from "./inbox.ts";
import { Keepalive } from "./keepalive.ts";
import { PendingPings } from "./pending_pings.ts";
import type { Transport } from "./transport.ts";
import type { Address, CloseInfo, ConnectionFacts, SendOptions, WebSocketConnection } from "./websocket_connection.ts";
import { WriteQueue } from "./write_queue.ts";

/** What a connection is made of. */
export interface ConnectionInit<Data> extends ConnectionFacts {
  /** What the application keeps with it. */
  data: Data | undefined;
  /** The transport, after the handshake. */
  transport: Transport;
  /** All limits. */
  limits: Limits;
  /** Bytes that came right behind the handshake: they are frames. */
  rest: Uint8Array<ArrayBuffer>;
}

/** After a failure the peer has this long to read our close frame: it broke the protocol and is owed no more. */
const FAILED_TIMEOUT = 2_000;

/** The answer to the peer's close waits this long for a reader that stopped reading. */
const REPLY_PATIENCE = 2_000;

/** With extensions too a message is one frame. */
const FRAGMENTER = new MessageFragmenter();

/** `send`'s answer where nobody needs to wait: no promise is made for it. */
const DONE: Promise<void> = Promise.resolve();

/** The connection behind {@linkcode WebSocketConnection}, with what `server/` and `client/` need besides. */
export class Connection<Data = unknown> implements WebSocketConnection<Data> {
  readonly role: Role;
  readonly url: string;
  readonly protocol: string;
  readonly extensions: string;
  readonly extensionProcessors: readonly ExtensionProcessor[];
  readonly headers: Headers;
  readonly remoteAddr: Address | undefined;
  readonly localAddr: Address | undefined;
  data: Data | undefined;

  readonly #transport: Transport;
  readonly #limits: Limits;
  readonly #chain: ExtensionChain | undefined;
  readonly #parser: FrameParser;
  readonly #assembler: MessageAssembler;
  readonly #inbox: Inbox;
  readonly #queue: WriteQueue;
  readonly #keepalive: Keepalive;
  readonly #closed = Promise.withResolvers<CloseInfo>();
  #pings: PendingPings | undefined;

  #state: CloseState = "open";
  #received: ClosePayload | undefined;
  #toSend: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #error: unknown;
  #aborted = false;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #replyTimer: ReturnType<typeof setTimeout> | undefined;
  #replying = false;

  #reading = true;
  #readEnded = false;
  #wireBytes = 0;
  #pingSecond = 0;
  #pingsInSecond = 0;
  #messageSince = 0;
  #messageTimer: ReturnType<typeof setTimeout> | undefined;

  /** How much of the batch in hand is left decides who flushes: see {@linkcode Connection.consuming}. */
  #consuming: "nothing" | "now" | "later" = "nothing";
  #flushSoon = false;
  #turnTimer: ReturnType<typeof setTimeout> | undefined;

  #readable: ReadableStream<Message> | undefined;
  #writable: WritableStream<MessageData> | undefined;
  #batches: ReadableStream<Message[]> | undefined;
  #iterator: AsyncIterableIterator<Message> | undefined;
  #readThrough: string | undefined;

  /** Decides on the answer to the peer's close frame; by default it echoes the code (§5.5.1). A4: what it throws is 1011. */
  decideReply: ((received: ClosePayload) => ClosePayload | Promise<ClosePayload>) | undefined;

  /** Is called when the queue falls below its high-water mark again. */
  ondrain: (() => void) | undefined;

  /** @param init What it is made of. It starts to read at once. */
  constructor(init: ConnectionInit<Data>) {
    this.role = init.role;
    this.url = init.url;
    this.protocol = init.protocol;
    this.extensions = init.extensions;
    this.extensionProcessors = init.extensionProcessors;
    this.headers = init.headers;
    this.remoteAddr = init.remoteAddr;
    this.localAddr = init.localAddr;
    this.data = init.data;
    const { transport, limits, role } = init;
    this.#transport = transport;
    this.#limits = limits;
    this.#chain = openExtensions(init.extensionProcessors, {
      role,
      maxMessageBytes: limits.maxMessageBytes,
      now: () => performance.now(),
      send: (frame) => this.#sendFrame(frame),
    });
    this.#parser = new FrameParser({
      role,
      ...parserLimits(limits, this.#chain),
      split: this.#chain?.splittable ?? true,
    });
    this.#assembler = new MessageAssembler({
      maxMessageBytes: limits.maxMessageBytes,
      control: (frame) => this.#receiveControl(frame),
    });
    this.#inbox = new Inbox(limits.highWaterMark, () => this.#checkConsumed());
    this.#queue = new WriteQueue(transport, {
      highWaterMark: limits.highWaterMark,
      maxQueuedBytes: limits.maxQueuedBytes,
      maskKey: role === "client" ? randomMaskKey : undefined,
      failed: (error) => this.#lose(error),
      drained: () => this.ondrain?.(),
    });
    this.#keepalive = new Keepalive({
      pingInterval: limits.pingInterval,
      pongTimeout: limits.pongTimeout,
      ping: () => void this.ping(),
      lost: () => this.#lose(new ConnectionError(`The peer was silent for ${limits.pongTimeout} ms after a ping`)),
      reading: () => this.#reading && this.#state === "open",
    });
    void this.#read(init.rest);
  }

  get readyState(): 1 | 2 | 3 {
    return this.#state === "open" ? 1 : this.#state === "closed" ? 3 : 2;
  }

  get bufferedAmount(): number {
    return this.#queue.queuedBytes;
  }

  get roundTripTime(): number | undefined {
    return this.#pings?.roundTripTime;
  }

  get closed(): Promise<CloseInfo> {
    return this.#closed.promise;
  }

  get readable(): ReadableStream<Message> {
    return this.#readable ??= messageStream(this);
  }

  get writable(): WritableStream<MessageData> {
    return this.#writable ??= messageSink(this, this.#limits.highWaterMark);
  }

  get batches(): ReadableStream<Message[]> {
    return this.#batches ??= batchStream(this);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Message> {
    return this.#iterator ??= messageIterator(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  send(data: MessageData, options?: SendOptions): Promise<void> {
    // The peer has said that it sends no more, not that it reads no more (§5.5.1).
    if (this.#state !== "closeReceived") this.#checkOpen("send");
    if (this.#chain !== undefined) this.#encode(this.#chain, data, options);
    else if (typeof data === "string") this.#queue.appendText(data);
    else this.#queue.append(Opcode.BINARY, bytesOf(data));
    if (!this.#queue.full) {
      this.#flushLater();
      return DONE;
    }
    this.#queue.flush();
    return this.#queue.drained();
  }

  ping(payload?: MessageData): Promise<number> {
    this.#checkOpen("ping");
    const ping = (this.#pings ??= new PendingPings()).add(payload);
    this.#queue.append(Opcode.PING, ping.payload);
    this.#flushLater();
    return ping.roundTrip;
  }

  close(code: number = CloseCode.NORMAL, reason = ""): Promise<CloseInfo> {
    const payload = encodeClosePayload(code, reason);
    this.#answer("close", payload);
    return this.closed;
  }

  /** Closes with an empty close frame, as the WHATWG does where no code is given. */
  closeWithoutCode(): Promise<CloseInfo> {
    this.#answer("close", encodeClosePayload());
    return this.closed;
  }

  /** Whether the application dropped the connection: it wants no more of it, and that includes messages. */
  get aborted(): boolean {
    return this.#aborted;
  }

  abort(reason: unknown = new ConnectionError("The connection was aborted")): void {
    this.#aborted = true;
    if (this.#state !== "closed") this.#error ??= reason;
    this.#happen("abort");
  }

  /** Fails the connection (RFC 6455 §7.1.7): the one place where an error becomes a close frame. */
  fail(error: unknown): void {
    if (this.#state === "open" || this.#state === "closeSent") this.#error ??= error;
    const code = closeCodeOf(error);
    // What goes wrong on our side is none of the peer's business.
    const reason = error instanceof WebSocketError ? error.reason : "";
    this.#answer("fail", encodeClosePayload(code, reason));
  }

  /** Whether a handler threw what the connection's end threw at it: no bug of its own. */
  isOwnError(error: unknown): boolean {
    if (this.#state === "open") return false;
    return error === this.#error || (error instanceof DOMException && error.name === "InvalidStateError");
  }

  /** Takes the next batch: see {@linkcode Inbox.take}. Replies to the batch before leave now. */
  takeBatch(): Message[] | undefined | Promise<Message[] | undefined> {
    this.flush();
    const batch = this.#inbox.take();
    this.#checkConsumed();
    return batch;
  }

  /** Hands every batch to `consumer`; see {@linkcode Inbox.consumeWith}. */
  consumeWith(consumer: BatchConsumer, ended: () => void): void {
    this.claim("callbacks");
    this.#inbox.consumeWith(consumer, ended);
  }

  /** Says through what the connection is read. There is only one way at a time: two would each miss messages. */
  claim(way: string): void {
    if (this.#readThrough !== undefined && this.#readThrough !== way) {
      throw new TypeError(`Cannot read through ${way}: the connection is read through its ${this.#readThrough}`);
    }
    this.#readThrough = way;
  }

  /**
   * Says how a batch is being consumed, which decides when replies leave: `now`, at the end of this call stack, when the consumer
   * flushes; `later`, over several turns, where the end of the event loop's turn flushes if the batch lasts longer; `nothing`
   * is left of it, and the next microtask flushes.
   */
  consuming(how: "nothing" | "now" | "later"): void {
    this.#consuming = how;
    if (how === "nothing") this.#checkConsumed();
    if (how === "later" && this.#queue.queuedBytes > 0) this.#flushLater();
  }

  /** Writes what is queued. */
  flush(): void {
    this.#queue.flush();
  }

  /** Waits until less than the high-water mark is queued, if more is. */
  drained(): Promise<void> | undefined {
    return this.#queue.full ? this.#queue.drained() : undefined;
  }

  /** A message through the extensions. */
  #encode({ encode }: ExtensionChain, data: MessageData, { compress }: SendOptions = {}): void {
    const frames: Frame[] = [];
    FRAGMENTER.push([data], frames);
    const encoded: OutgoingFrame[] = [];
    encode.push(compress === undefined ? frames : frames.map((frame) => ({ ...frame, compress })), encoded);
    for (const frame of encoded) this.#queue.append(frame.opcode, frame.payload, frame);
  }

  /** A frame of an extension's own. After a close frame nothing more may be sent (F16), as an answer or otherwise. */
  #sendFrame(frame: Frame): void {
    if (this.#state !== "open") return;
    this.#queue.append(frame.opcode, frame.payload, frame);
    this.#flushLater();
  }

  #flushLater(): void {
    if (this.#consuming === "now") return;
    if (this.#consuming === "later") {
      this.#turnTimer ??= setTimeout(() => {
        this.#turnTimer = undefined;
        this.#queue.flush();
      }, 0);
    } else if (!this.#flushSoon) {
      this.#flushSoon = true;
      queueMicrotask(() => {
        this.#flushSoon = false;
        this.#queue.flush();
      });
    }
  }

  #checkOpen(action: string): void {
    if (this.#state !== "open") {
      throw invalidState(`Cannot ${action}: the connection is ${this.#state === "closed" ? "closed" : "closing"}`);
    }
  }

  /** The one reader. It never writes: what it owes goes to the queue. */
  async #read(rest: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      for (let bytes: Uint8Array<ArrayBuffer> | null = rest; bytes !== null; bytes = await this.#transport.read()) {
        if (bytes.length > 0) this.#receive(bytes);
        while (this.#inbox.full && this.#state === "open") {
          const stopped = performance.now();
          this.#reading = false;
          await this.#inbox.room();
          this.#reading = true;
          // While the application does not read, the delay is not the peer's.
          if (this.#messageSince !== 0) this.#messageSince += performance.now() - stopped;
        }
        if (this.#state === "closed") return;
      }
      // Without the peer's close frame it is no clean end, whether ours was sent or not (§7.1.5).
      if (this.#state === "open" || this.#state === "closeSent") {
        this.#parser.end();
        this.#assembler.end();
        throw new ConnectionError("The connection ended without a close frame");
      }
    } catch (error) {
      this.#setError(error);
    }
    this.#readEnded = true;
    this.#happen("end");
  }

  #receive(bytes: Uint8Array<ArrayBuffer>): void {
    this.#keepalive.heard();
    if (this.#state === "failed" || this.#state === "closed") return;
    // After our close frame only the peer's matters (F16, F17).
    const wanted = this.#state === "open";
    const frames: Frame[] = [];
    const messages: Message[] = [];
    let failure: unknown;
    this.#wireBytes += bytes.length;
    try {
      try {
        this.#parser.push(bytes, frames);
      } finally {
        this.#assemble(frames, messages);
      }
    } catch (error) {
      failure = error;
    }
    if (messages.length > 0) {
      if (wanted) this.#inbox.put(messages, this.#wireBytes);
      this.#wireBytes = 0;
      this.#messageSince = 0;
    }
    if (failure !== undefined) this.fail(failure);
    // Now, and not when the frame is read: the messages before it have been delivered.
    else if (this.#received !== undefined) this.#happen("peerClose");
    else if (this.#messageSince === 0 && this.#parser.insideMessage) this.#watchMessage();
  }

  #assemble(frames: Frame[], messages: Message[]): void {
    if (this.#chain === undefined) return this.#assembler.push(frames, messages);
    const decoded: Frame[] = [];
    try {
      this.#chain.decode.push(frames, decoded);
    } finally {
      this.#assembler.push(decoded, messages);
    }
  }

  #receiveControl({ opcode, payload }: Frame): void {
    if (opcode === Opcode.PING) {
      // After a close frame nothing more may be sent (F16).
      if (this.#state !== "open") return;
      this.#countPing();
      this.#queue.owePong(payload);
      this.#flushLater();
    } else if (opcode === Opcode.PONG) {
      this.#pings?.receive(payload);
    } else if (opcode === Opcode.CLOSE) {
      this.#received = decodeClosePayload(payload);
    }
  }

  /** A pong costs us more than its ping costs the peer (F12). */
  #countPing(): void {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#pingSecond) {
      this.#pingSecond = second;
      this.#pingsInSecond = 0;
    }
    const { maxPingsPerSecond: max } = this.#limits;
    if (++this.#pingsInSecond <= max) return;
    throw new LimitError(`Peer sent more than maxPingsPerSecond ${max} pings`, {
      limit: "maxPingsPerSecond",
      max,
      actual: this.#pingsInSecond,
      closeCode: 1008,
    });
  }

  /** A message may take `messageTimeout` (T7). One timer serves many messages: it looks when the present one began. */
  #watchMessage(): void {
    const { messageTimeout } = this.#limits;
    if (messageTimeout === 0) return;
    this.#messageSince = performance.now();
    this.#messageTimer ??= setTimeout(() => this.#judgeMessage(), messageTimeout);
  }

  #judgeMessage(): void {
    this.#messageTimer = undefined;
    if (this.#messageSince === 0) return;
    const { messageTimeout } = this.#limits;
    const taken = this.#reading ? performance.now() - this.#messageSince : 0;
    if (taken < messageTimeout) {
      this.#messageTimer = setTimeout(() => this.#judgeMessage(), messageTimeout - taken);
      return;
    }
    this.fail(
      new LimitError(`Message is incomplete after messageTimeout ${messageTimeout} ms`, {
        limit: "messageTimeout",
        max: messageTimeout,
        actual: Math.round(taken),
        closeCode: 1008,
      }),
    );
  }

  /** The transport failed, or the peer did: there is nobody to tell. */
  #lose(error: unknown): void {
    this.#setError(error);
    this.#happen("abort");
  }

  /** Keeps the first cause. Once both close frames were exchanged, how the transport ends is no error any more. */
  #setError(cause: unknown): void {
    if (this.#state === "exchanged" || this.#state === "closed") return;
    this.#error ??= cause instanceof WebSocketError ? cause : new ConnectionError("The connection was lost", { cause });
  }

  /** What the table says about an event that carries a close frame's payload: the first one that is sent counts. */
  #answer(event: "close" | "fail", payload: Uint8Array<ArrayBuffer>): void {
    if (this.#state === "open" || this.#state === "closeReceived") this.#toSend = payload;
    this.#happen(event);
  }

  #happen(event: CloseEvent): void {
    const transition = CLOSE_HANDSHAKE[this.#state][event];
    if (transition === undefined) return;
    this.#state = transition.next;
    this.#inbox.release();
    for (const action of transition.actions) this.#do(action);
  }

  #do(action: CloseAction): void {
    switch (action) {
      case "startTimer": {
        const { closeTimeout } = this.#limits;
        const time = this.#state === "failed" ? Math.min(closeTimeout || Infinity, FAILED_TIMEOUT) : closeTimeout;
        if (time === 0) break;
        this.#closeTimer = setTimeout(() => {
          this.#setError(new ConnectionError(`The closing handshake took more than ${time} ms`));
          this.#happen("timeout");
        }, time);
        break;
      }
      case "decideReply":
        this.#replyTimer = setTimeout(() => void this.#reply(), REPLY_PATIENCE);
        this.#checkConsumed();
        break;
      case "sendClose":
        this.#queue.append(Opcode.CLOSE, this.#toSend);
        this.#queue.flush();
        break;
      case "endWriting":
        void this.#endWriting();
        break;
      case "flush":
        void this.#queue.flushed().then(() => this.#happen("flushed"), () => {});
        break;
      case "finish":
        this.#finish();
        break;
    }
  }

  /**
   * The answer to the peer's close frame comes after the answers to the messages before it: it waits until whoever reads has
   * consumed them, but no longer than `REPLY_PATIENCE`.
   */
  #checkConsumed(): void {
    if (this.#state !== "closeReceived") return;
    if (this.#inbox.awaited) return void this.#reply();
    if (this.#readThrough !== undefined && (this.#consuming !== "nothing" || !this.#inbox.idle)) return;
    // Nobody reads, or not any more, or the last message is being dealt with: this turn may still answer it.
    clearTimeout(this.#replyTimer);
    this.#replyTimer = setTimeout(() => {
      // A batch that was just handed over is looked at only now: it may have more messages than one.
      if (this.#consuming === "nothing") return void this.#reply();
      this.#replyTimer = setTimeout(() => void this.#reply(), REPLY_PATIENCE);
    }, 0);
  }

  async #reply(): Promise<void> {
    const received = this.#received;
    if (received === undefined || this.#state !== "closeReceived" || this.#replying) return;
    this.#replying = true; // a decision may take its time, and is made once
    try {
      const { closeCode, reason } = await this.decideReply?.(received) ?? { ...received, reason: "" };
      this.#answer(
        "close",
        closeCode === CloseCode.NO_STATUS ? encodeClosePayload() : encodeClosePayload(closeCode, reason),
      );
    } catch (error) {
      this.fail(error);
    }
  }

  async #endWriting(): Promise<void> {
    try {
      await this.#queue.flushed();
      if (this.#readEnded) this.#happen("flushed");
      // §7.1.1: the server ends the transport first; a client waits for it, unless it has just failed the connection.
      else if (this.role === "server" || this.#state === "failed") await this.#transport.closeWrite();
    } catch {
      // The transport is gone: the reader sees that too and reports it.
    }
  }

  #finish(): void {
    const clean = this.#received !== undefined && this.#error === undefined;
    const error = clean ? undefined : this.#error;
    clearTimeout(this.#closeTimer);
    clearTimeout(this.#replyTimer);
    clearTimeout(this.#messageTimer);
    clearTimeout(this.#turnTimer);
    this.#keepalive.stop();
    this.#transport.close();
    this.#chain?.release();
    const ended = error ?? invalidState("The connection is closed");
    this.#queue.end(ended);
    this.#pings?.end(ended);
    this.#inbox.end(error);
    this.#closed.resolve({
      closeCode: this.#received?.closeCode ?? CloseCode.ABNORMAL,
      reason: this.#received?.reason ?? "",
      wasClean: clean,
      ...(error === undefined ? {} : { error }),
    });
  }
}

/** What the parser allows: what extensions own, and a message that compression made larger by its framing (RFC 1951 §3.2.4). */
function parserLimits(limits: Limits, chain: ExtensionChain | undefined): Partial<FrameParserOptions> {
  if (chain === undefined) return limits;
  const { reservedBits, reservedOpcodes } = chain;
  const maxMessageBytes = limits.maxMessageBytes + Math.ceil(limits.maxMessageBytes / 1024) + 64;
  return { ...limits, maxMessageBytes, reservedBits, reservedOpcodes };
}
