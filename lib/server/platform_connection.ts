/**
 * The platform's WebSocket with the API of a Sluice connection. See `deno_serve.ts` for what it lacks.
 *
 * @module
 */
import { utf8Length } from "../pipeline/bytes/utf8.ts";
import { defer, type Deferred, handled } from "../async.ts";
import { closeCodeOf, ConnectionError, invalidState, LimitError, queueFull, WebSocketError } from "../errors.ts";
import { CloseCode, encodeClosePayload } from "../pipeline/frames/close_code.ts";
import type { Role } from "../pipeline/frames/frame.ts";
import { memoryOf, type Message, type MessageData, toMessage } from "../pipeline/messages/message.ts";
import { wholePart } from "../pipeline/messages/message_splitter.ts";
import { BaseConnection } from "../connection/base_connection.ts";
import type { PartSource } from "../connection/driven_connection.ts";
import { type BatchConsumer, BatchQueue } from "../connection/batch_queue.ts";
import { isBlob, isSource, type MessageSource } from "../connection/message_source.ts";
import { causeOf, endOf, isTooLate, rejectNotOpen } from "../connection/not_open.ts";
import { pingBytes, rejectNoPing } from "../connection/pending_pings.ts";
import type { Topics } from "../connection/topics.ts";
import { SEND_OPTION_KINDS, type SendOptions } from "../connection/socket_options.ts";
import type { CloseInfo } from "../connection/websocket_connection.ts";
import type { Address } from "../transport/transport.ts";
import { checkOptions } from "../options.ts";
import type { UpgradeRequestLimits } from "./upgrade_request_options.ts";

/** The time that the peer has to answer our close frame after a failure, in milliseconds. */
const FAILED_TIMEOUT = 2_000;
/** Milliseconds between two checks of the queued bytes, because the platform does not report when they are written. */
const DRAIN_POLL = 10;

/** The parts of a connection. */
export interface PlatformConnectionOptions<Data> {
  /** The platform's open WebSocket. */
  readonly socket: WebSocket;
  /** Its name in errors, such as `the WebSocket of Deno.serve`. */
  readonly name: string;
  /** Whether it is the server's or the client's end. */
  readonly role: Role;
  /** The URL that was requested. */
  readonly url: string;
  /** The header fields of the peer that are known. */
  readonly headers: Headers;
  /** The extensions that the platform agreed on. */
  readonly extensions?: string;
  /** Maps a close code to one that the platform can send. By default it can send every code. */
  readonly closeCodeFor?: (closeCode: number) => number;
  /** The subprotocol, or an empty string. */
  readonly protocol: string;
  /** The limits. */
  readonly limits: UpgradeRequestLimits;
  /** The peer's address, if it is known. */
  readonly remoteAddr: Address | undefined;
  /** The application's data. */
  readonly data: Data | undefined;
  /** The hub, if there is one. */
  readonly hub: Topics | undefined;
}

/** The platform's WebSocket as a connection. */
export class PlatformConnection<Data> extends BaseConnection<Data> {
  readonly lends = false;
  readonly headers: Headers;
  readonly roundTripTime = undefined;
  readonly shared = undefined;

  readonly #socket: WebSocket;
  readonly #name: string;
  readonly #closeCodeFor: (closeCode: number) => number;
  readonly #limits: UpgradeRequestLimits;
  readonly #queue: BatchQueue;
  readonly #closed = defer<CloseInfo>();
  #state: 1 | 2 | 3 = 1;
  #error: unknown;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #drainTimer: ReturnType<typeof setTimeout> | undefined;
  #drained: Deferred<void> | undefined;

  /** @param options Its parts. */
  constructor(options: PlatformConnectionOptions<Data>) {
    const { socket, role, url, headers, protocol, extensions = "", limits, remoteAddr, data, hub } = options;
    super({
      role,
      url,
      protocol,
      extensions,
      extensionProcessors: [],
      remoteAddr,
      localAddr: undefined,
      data,
      hub,
    });
    this.headers = headers;
    this.#name = options.name;
    this.#closeCodeFor = options.closeCodeFor ?? ((closeCode) => closeCode);
    this.#socket = socket;
    this.#limits = limits;
    this.#queue = new BatchQueue({ highWaterMark: limits.maxQueuedBytes, memoryOf });
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) =>
      this.#receive(typeof data === "string" ? data : new Uint8Array(data));
    socket.onerror = (event) => {
      const cause = event instanceof ErrorEvent ? event.error : undefined;
      this.#error ??= new ConnectionError("The connection was lost", { cause });
    };
    socket.onclose = ({ code, reason, wasClean }) => this.#finish({ closeCode: code, reason, wasClean });
  }

  get readyState(): 1 | 2 | 3 {
    // The platform answers the peer's close frame by itself.
    return this.#state === 1 && this.#socket.readyState !== WebSocket.OPEN ? 2 : this.#state;
  }

  get highWaterMark(): number {
    return this.#limits.highWaterMark;
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  get closed(): Promise<CloseInfo> {
    return this.#closed.promise;
  }

  send(data: MessageData | MessageSource, options?: SendOptions): Promise<void> {
    if (options !== undefined) checkOptions("send()", options, SEND_OPTION_KINDS);
    if (isSource(data)) {
      const instead = isBlob(data) ? "await blob.arrayBuffer()" : "the whole message";
      throw new TypeError(`Cannot send from a source: ${this.#name} has no fragments. Send ${instead}`);
    }
    const message = toMessage(data);
    if (this.readyState !== 1) return rejectNotOpen("send", this, this.#error);
    this.#socket.send(message); // which copies it
    const { maxQueuedBytes: max } = this.#limits;
    const actual = this.bufferedAmount;
    if (actual >= max) {
      const error = queueFull(`Peer does not read: ${actual} bytes queued`, max, actual);
      this.fail(error);
      return handled(Promise.reject(endOf(error)));
    }
    return this.drained() ?? Promise.resolve();
  }

  ping(payload?: MessageData): Promise<number> {
    pingBytes(payload);
    return rejectNoPing(this.#name);
  }

  tap(): ReadableStream<string> {
    throw new DOMException(`Cannot tap: ${this.#name} shows no frames`, "NotSupportedError");
  }

  close(code: number = CloseCode.NORMAL, reason = ""): Promise<CloseInfo> {
    encodeClosePayload(code, reason); // throws if they may not be sent
    return this.#close(() => this.#socket.close(this.#closeCodeFor(code), reason));
  }

  closeWithoutCode(): Promise<CloseInfo> {
    return this.#close(() => this.#socket.close());
  }

  abort(reason: unknown = new ConnectionError("The connection was aborted")): void {
    this.aborted = true;
    if (this.#state === 3) return;
    this.#error ??= reason;
    this.#close(() => this.#socket.close());
    this.#finish({ closeCode: CloseCode.ABNORMAL, reason: "", wasClean: false });
  }

  fail(error: unknown): void {
    if (this.#state === 1) this.#error ??= causeOf(error);
    const reason = error instanceof WebSocketError ? error.reason : "";
    this.#close(() => this.#socket.close(this.#closeCodeFor(closeCodeOf(error)), reason), FAILED_TIMEOUT);
  }

  isOwnError(error: unknown): boolean {
    if (this.#state === 1) return false;
    return (error !== undefined && error === this.#error) || isTooLate(error);
  }

  takeBatch(): Message[] | undefined | Promise<Message[] | undefined> {
    return this.#queue.take();
  }

  /** The platform delivers whole messages only. */
  streamMessages(): PartSource {
    return async () => (await this.takeBatch())?.map(wholePart);
  }

  consumeWith(consumer: BatchConsumer): void {
    this.#queue.consumeWith(consumer);
  }

  /** The platform decides when replies are sent. */
  flushAt(): void {}
  flush(): void {}

  get full(): boolean {
    return this.bufferedAmount >= this.#limits.highWaterMark;
  }

  drained(): Promise<void> | undefined {
    if (!this.full || this.#state === 3) return undefined;
    if (this.#drained === undefined) {
      this.#drained = defer();
      this.#drained.promise.catch(() => {}); // a caller that does not wait needs no error
      this.#watchDrain();
    }
    return this.#drained.promise;
  }

  #watchDrain(): void {
    this.#drainTimer = setTimeout(() => {
      if (this.full) return this.#watchDrain();
      this.#drained?.resolve();
      this.#drained = undefined;
      this.ondrain?.();
    }, DRAIN_POLL);
  }

  #receive(message: Message): void {
    if (this.#state !== 1) return; // after our close frame, only the peer's close frame matters
    const { maxMessageBytes, maxQueuedBytes } = this.#limits;
    const { length } = message;
    // A UTF-16 unit takes at most three bytes, so usually nothing has to be counted.
    const bytes = typeof message === "string" && 3 * length > maxMessageBytes ? utf8Length(message) : length;
    if (bytes > maxMessageBytes) {
      const facts = { limit: "maxMessageBytes", max: maxMessageBytes, actual: bytes, closeCode: 1009 } as const;
      return this.fail(new LimitError(`Message of ${bytes} bytes is over maxMessageBytes ${maxMessageBytes}`, facts));
    }
    this.#queue.put([message]);
    if (!this.#queue.full) return;
    this.fail(queueFull("Messages that the application has not read", maxQueuedBytes));
  }

  #close(start: () => void, most = Infinity): Promise<CloseInfo> {
    if (this.#state !== 1) return this.closed;
    this.#state = 2;
    start();
    const time = Math.min(this.#limits.closeTimeout || Infinity, most);
    if (time !== Infinity) {
      this.#closeTimer = setTimeout(() => {
        this.#error ??= new ConnectionError(`The closing handshake took more than ${time} ms`);
        this.#finish({ closeCode: CloseCode.ABNORMAL, reason: "", wasClean: false });
      }, time);
    }
    return this.closed;
  }

  #finish({ closeCode, reason, wasClean }: CloseInfo): void {
    if (this.#state === 3) return;
    this.#state = 3;
    clearTimeout(this.#closeTimer);
    clearTimeout(this.#drainTimer);
    const clean = wasClean && this.#error === undefined;
    if (!clean) this.#error ??= new ConnectionError("The connection ended without a close frame");
    const error = clean ? undefined : this.#error;
    this.#drained?.reject(endOf(error ?? invalidState("The connection is closed")));
    this.onend?.();
    this.#queue.end(error);
    this.#closed.resolve({
      closeCode: closeCode || CloseCode.ABNORMAL, // the platform reports 0 after it gave up
      reason,
      wasClean: clean,
      ...(error === undefined ? {} : { error }),
    });
  }
}
