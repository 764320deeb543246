/**
 * A WebSocket connection, either role, over any transport: the stages of the pipeline, one reader, one write queue and the
 * closing handshake.
 *
 * @module
 */
import { defer } from "../async.ts";
import type { Deadlines } from "../deadlines.ts";
import { ConnectionError, invalidState } from "../errors.ts";
import type { ExtensionProcessor } from "../extensions/extension.ts";
import { type ExtensionChain, openExtensions } from "../extensions/negotiation.ts";
import { type HeaderFields, packFields, unpackFields } from "../handshake/http_fields.ts";
import type { Limits } from "../limits.ts";
import { randomMaskKey } from "../pipeline/bytes/mask.ts";
import { CloseCode, decodeClosePayload, encodeClosePayload } from "../pipeline/frames/close_code.ts";
import { type Frame, Opcode, type Role } from "../pipeline/frames/frame.ts";
import type { Framing } from "../pipeline/frames/framing.ts";
import type { Message, MessageData } from "../pipeline/messages/message.ts";
import { checkOptions } from "../options.ts";
import { Closing, type DecideReply } from "./closing.ts";
import { ConnectionReader } from "./connection_reader.ts";
import { ConnectionWays } from "./readers/streams.ts";
import { ConnectionWatch } from "./watch/connection_watch.ts";
import type { DrivenConnection, PartSource, SharedSending } from "./driven_connection.ts";
import type { BatchConsumer } from "./batch_queue.ts";
import { Intake } from "./intake.ts";
import { Keepalive } from "./keepalive.ts";
import { checkUnsent, type MessageSource } from "./message_source.ts";
import { endOf, isTooLate, notOpen, rejectNotOpen } from "./not_open.ts";
import { notify, type Observer } from "./watch/observer.ts";
import { PendingPings, pingBytes, rejectNoPing } from "./pending_pings.ts";
import { type Consuming, Sender } from "./sender.ts";
import {
  SEND_OPTION_KINDS,
  type SendOptions,
  type SubscribeOptions,
  TAP_OPTION_KINDS,
  type TapOptions,
} from "./socket_options.ts";
import { hubFor, type Topics } from "./topics.ts";
import type { Address, Transport } from "../transport/transport.ts";
import type { CloseInfo, ConnectionFacts, StreamedMessage, WebSocketOpenInfo } from "./websocket_connection.ts";

/** What a connection is made of. */
export interface ConnectionInit<Data> extends Omit<ConnectionFacts, "headers"> {
  /** The peer's header fields. */
  fields: HeaderFields;
  /** What the application keeps with it. */
  data: Data | undefined;
  /** The transport, after the handshake. */
  transport: Transport;
  /** All limits. */
  limits: Limits;
  /** Bytes that came right behind the handshake: they are frames. */
  rest: Uint8Array<ArrayBuffer>;
  /** The lists of deadlines that it shares with others. By default its own. */
  deadlines?: Deadlines | undefined;
  /** Whether callbacks are lent binary payloads. */
  lendPayloads?: boolean | undefined;
  /** How frames are written, where that is not RFC 6455 §5.2. There is no ping then, and no keepalive. */
  framing?: Framing | undefined;
  /** The hub that `subscribe` and its like are for. */
  hub?: Topics | undefined;
  /** Is told what happens. */
  observer?: Observer | undefined;
}

/** The connection behind `WebSocketConnection`, with what `server/` and `client/` need besides. */
export class Connection<Data = unknown> implements DrivenConnection<Data>, SharedSending {
  readonly role: Role;
  readonly url: string;
  readonly protocol: string;
  readonly extensions: string;
  readonly extensionProcessors: readonly ExtensionProcessor[];
  readonly remoteAddr: Address | undefined;
  readonly localAddr: Address | undefined;
  data: Data | undefined;

  readonly #fields: string;
  #headers: Headers | undefined;
  readonly #transport: Transport;
  readonly #limits: Limits;
  readonly #chain: ExtensionChain | undefined;
  readonly #framing: Framing | undefined;
  readonly #hub: Topics | undefined;
  readonly #intake: Intake;
  readonly #sender: Sender;
  readonly #keepalive: Keepalive;
  readonly #reader: ConnectionReader;
  readonly #closed = defer<CloseInfo>();
  #pings: PendingPings | undefined;
  #watch: ConnectionWatch | undefined;

  readonly #closing: Closing;
  #aborted = false;

  readonly #ways: ConnectionWays;
  readonly #lends: boolean;

  /** Whether anything has begun to read it. */
  get read(): boolean {
    return this.#ways.inUse;
  }

  /** Whether binary messages are the callbacks' only until these return. */
  get lends(): boolean {
    return this.#lends;
  }

  /** Is called when the queue falls below its high-water mark again. */
  ondrain: (() => void) | undefined;

  /** Is called when the connection is not open any more: it closes, or has ended. */
  onclosing: (() => void) | undefined;

  /** Is called when the connection has ended, before anybody else is told. */
  onend: (() => void) | undefined;

  /** @param init What it is made of. It starts to read at once. */
  constructor(init: ConnectionInit<Data>) {
    this.role = init.role;
    this.url = init.url;
    this.protocol = init.protocol;
    this.extensions = init.extensions;
    this.extensionProcessors = init.extensionProcessors;
    this.#fields = packFields(init.fields);
    this.remoteAddr = init.remoteAddr;
    this.localAddr = init.localAddr;
    this.data = init.data;
    const { transport, limits, role } = init;
    this.#transport = transport;
    this.#limits = limits;
    this.#ways = new ConnectionWays(this, this.#limits.highWaterMark);
    this.#chain = openExtensions(init.extensionProcessors, {
      role,
      maxMessageBytes: limits.maxMessageBytes,
      now: () => performance.now(),
      send: (frame) => this.#sendFrame(frame),
    });
    this.#framing = init.framing;
    // A stream's chunk is not ours to use again.
    this.#lends = (init.lendPayloads ?? false) && transport.direct !== undefined && this.#chain === undefined &&
      this.#framing === undefined;
    this.#hub = init.hub;
    this.#intake = new Intake({
      role,
      limits,
      chain: this.#chain,
      framing: this.#framing,
      lends: this.#lends,
      control: (frame) => this.#receiveControl(frame),
      late: (error) => this.#closing.fault(error),
      rested: () => this.#closing.checkConsumed(),
    });
    this.#sender = new Sender(transport, {
      chain: this.#chain,
      framing: this.#framing,
      highWaterMark: limits.highWaterMark,
      maxQueuedBytes: limits.maxQueuedBytes,
      maskKey: role === "client" ? randomMaskKey : undefined,
      failed: (error) => this.#closing.lose(error),
      // A message that has begun can be given up in no other way (§5.4, §7.1.7). It is no fault of the peer's.
      broken: (cause) => this.fail(new ConnectionError("The source of a message failed", { cause })),
      drained: () => this.ondrain?.(),
    });
    this.#closing = new Closing({
      role,
      closeTimeout: limits.closeTimeout,
      hasCloseFrame: this.#framing?.hasCloseFrame ?? true,
      transport,
      sender: this.#sender,
      intake: this.#intake,
      ways: this.#ways,
      chain: this.#chain,
      left: () => this.onclosing?.(),
      finish: (info) => this.#finish(info),
    });
    this.#keepalive = new Keepalive({
      pingInterval: this.#framing === undefined ? limits.pingInterval : 0,
      pongTimeout: limits.pongTimeout,
      ping: () => void this.ping(),
      lost: () =>
        this.#closing.lose(new ConnectionError(`The peer was silent for ${limits.pongTimeout} ms after a ping`)),
      reading: () => this.#reader.reading && this.#closing.state === "open",
    });
    this.#reader = new ConnectionReader({
      transport,
      intake: this.#intake,
      closing: this.#closing,
      keepalive: this.#keepalive,
      lends: this.#lends,
    });
    if (init.observer !== undefined) this.#observe(init.observer);
    void this.#reader.run(init.rest);
  }

  get headers(): Headers {
    return this.#headers ??= unpackFields(this.#fields);
  }

  get readyState(): 1 | 2 | 3 {
    const { isOpen, state } = this.#closing;
    return isOpen ? 1 : state === "closed" ? 3 : 2;
  }

  get bufferedAmount(): number {
    return this.#sender.bufferedAmount;
  }

  get roundTripTime(): number | undefined {
    return this.#pings?.roundTripTime;
  }

  get opened(): Promise<WebSocketOpenInfo> {
    return this.#ways.opened;
  }

  get closed(): Promise<CloseInfo> {
    return this.#closed.promise;
  }

  get readable(): ReadableStream<Message> {
    return this.#ways.readable;
  }

  get bytes(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#ways.bytes;
  }

  get writable(): WritableStream<MessageData | MessageSource> {
    return this.#ways.writable;
  }

  get batches(): ReadableStream<Message[]> {
    return this.#ways.batches;
  }

  messages(): AsyncIterableIterator<StreamedMessage> {
    return this.#ways.messages();
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Message> {
    return this.#ways.iterator;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  send(data: MessageData | MessageSource, options?: SendOptions): Promise<void> {
    if (options !== undefined) checkOptions("send()", options, SEND_OPTION_KINDS);
    // The peer has said that it sends no more, not that it reads no more (§5.5.1).
    if (this.readyState !== 1 && !this.#closing.answering) {
      checkUnsent(data, this.#closing.error);
      return this.#late("send");
    }
    return this.#sender.send(data, options);
  }

  subscribe(topic: string, options?: SubscribeOptions): boolean {
    return hubFor("subscribe", this.#hub).subscribe(this, topic, options);
  }

  unsubscribe(topic: string): boolean {
    return hubFor("unsubscribe", this.#hub).unsubscribe(this, topic);
  }

  publish(topic: string, data: MessageData, options?: SendOptions): number {
    return hubFor("publish", this.#hub).publishFrom(this, topic, data, options);
  }

  get shared(): SharedSending | undefined {
    return this.#sender.encoding === undefined ? undefined : this;
  }

  get encoding(): string {
    return this.#sender.encoding ?? "";
  }

  encode(data: MessageData, options?: SendOptions): Uint8Array<ArrayBuffer> {
    return this.#sender.encode(data, options);
  }

  sendEncoded(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#closing.state === "open") this.#sender.queue.appendShared(bytes);
  }

  ping(payload?: MessageData): Promise<number> {
    const bytes = pingBytes(payload);
    if (this.readyState !== 1) return this.#late("ping");
    // The peer has chosen its draft: it is no mistake of the caller.
    if (this.#framing !== undefined) return rejectNoPing("the peer's draft of the protocol");
    const ping = (this.#pings ??= new PendingPings(this.#watch)).add(bytes);
    this.#sender.queue.append(Opcode.PING, ping.payload);
    this.#sender.flushLater();
    return ping.roundTrip;
  }

  close(code: number = CloseCode.NORMAL, reason = ""): Promise<CloseInfo> {
    this.#closing.close(encodeClosePayload(code, reason));
    return this.closed;
  }

  tap(options: TapOptions = {}): ReadableStream<string> {
    checkOptions("tap()", options, TAP_OPTION_KINDS);
    if (this.#closing.state === "closed") {
      const error = notOpen("tap", this, this.#closing.error);
      return new ReadableStream({ start: (controller) => controller.error(error) });
    }
    const { role, url, protocol, extensions } = this;
    const facts = { role, url, protocol, extensions, limits: this.#limits, standard: this.#framing === undefined };
    return this.#watched().tap(facts, options, () => this.#unwatch());
  }

  /** See {@linkcode Closing.decideReply}. */
  set decideReply(decide: DecideReply | undefined) {
    this.#closing.decideReply = decide;
  }

  /** Closes with an empty close frame, as the WHATWG does where no code is given. */
  closeWithoutCode(): Promise<CloseInfo> {
    this.#closing.close(encodeClosePayload());
    return this.closed;
  }

  /** Whether the application dropped the connection: it wants no more of it, and that includes messages. */
  get aborted(): boolean {
    return this.#aborted;
  }

  abort(reason: unknown = new ConnectionError("The connection was aborted")): void {
    this.#aborted = true;
    this.#closing.abort(reason);
  }

  fail(error: unknown): void {
    this.#closing.fail(error);
  }

  /** Whether a handler threw what the connection's end threw at it: no bug of its own. */
  isOwnError(error: unknown): boolean {
    if (this.#closing.state === "open") return false;
    return (error !== undefined && error === this.#closing.error) || isTooLate(error);
  }

  /** Takes the next batch: see {@linkcode Intake.take}. Replies to the batch before leave now. */
  takeBatch(): Message[] | undefined | Promise<Message[] | undefined> {
    this.flush();
    const batch = this.#intake.take();
    this.#closing.checkConsumed();
    return batch;
  }

  /** Has messages handed on in parts from here on, and gives what takes the next batch of them. */
  streamMessages(): PartSource {
    const failure = this.#intake.stream();
    if (failure !== undefined) this.#closing.fault(failure);
    this.#reader.takeSteps();
    return () => {
      this.flush();
      const batch = this.#intake.takeParts();
      this.#closing.checkConsumed();
      return batch;
    };
  }

  /** Hands every batch to `consumer`; see {@linkcode Intake.consumeWith}. */
  consumeWith(consumer: BatchConsumer, ended: () => void): void {
    this.claim("callbacks");
    this.#intake.consumeWith(consumer, ended);
  }

  /** Says through what the connection is read. There is only one way at a time: two would each miss messages. */
  claim(way: string): void {
    if (this.#lends && way !== "callbacks") {
      throw new TypeError(`Cannot read through ${way}: with lendPayloads, only callbacks read`);
    }
    this.#ways.claim(way);
    this.#intake.claim();
  }

  /** Says how a batch is being consumed: see {@linkcode Consuming}. */
  consuming(how: Consuming): void {
    this.#sender.consuming = how;
    if (how === "nothing") this.#closing.checkConsumed();
  }

  /** Writes what is queued. */
  flush(): void {
    this.#sender.queue.flush();
  }

  /** Whether the high-water mark is reached. */
  get full(): boolean {
    return this.#sender.full;
  }

  /** Waits until less than the high-water mark is queued, if more is. */
  drained(): Promise<void> | undefined {
    return this.#sender.drained();
  }

  /** A frame of an extension's own. After a close frame nothing more may be sent (F16), as an answer or otherwise. */
  #sendFrame(frame: Frame): void {
    if (this.#closing.state !== "open") return;
    this.#sender.append(frame);
    this.#sender.flushLater();
  }

  /** What a call gets that comes too late. */
  #late(action: string): Promise<never> {
    return rejectNotOpen(action, this, this.#closing.error);
  }

  #observe(observer: Observer): void {
    const watching = notify(() => observer.opened?.(this)) ?? undefined;
    if (watching !== undefined) this.#watched().observer = watching;
  }

  /** Puts a watch into the way in and the way out, unless there is one. */
  #watched(): ConnectionWatch {
    if (this.#watch !== undefined) return this.#watch;
    const { receiver } = this.#intake;
    const watch = new ConnectionWatch({ receiver, queue: this.#sender.queue, framing: this.#framing });
    void this.closed.then((info) => watch.end(info));
    return this.#watch = this.#intake.watch = this.#sender.queue.watch = watch;
  }

  /** Takes the watch out where nobody needs it any more. */
  #unwatch(): void {
    if (this.#watch?.inUse !== false) return;
    this.#watch = this.#intake.watch = this.#sender.queue.watch = undefined;
  }

  #receiveControl({ opcode, payload }: Frame): void {
    if (opcode === Opcode.PING) {
      // After a close frame nothing more may be sent (F16).
      if (this.#closing.state !== "open") return;
      this.#sender.queue.owePong(payload);
      this.#sender.flushLater();
    } else if (opcode === Opcode.PONG) {
      this.#pings?.receive(payload);
    } else if (opcode === Opcode.CLOSE) {
      this.#closing.received = decodeClosePayload(payload);
    }
  }

  #finish(info: CloseInfo): void {
    this.#intake.receiver.stop();
    this.#keepalive.stop();
    this.#transport.close();
    const ended = endOf(info.error ?? invalidState("The connection is closed"));
    this.#sender.end(ended);
    this.#pings?.end(ended);
    this.onend?.();
    this.#intake.end(info.error);
    this.#closed.resolve(info);
  }
}
