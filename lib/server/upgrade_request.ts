/**
 * WebSockets where there is only `Deno.serve`: the platform's own, with the surface of a connection of ours.
 *
 * What `Deno.upgradeWebSocket` does not give, this cannot give either:
 *
 * - no backpressure on what comes in: the platform reads on while the application does not. What waits is bounded by
 *   `maxQueuedBytes`, and then the connection is closed with 1013;
 * - no `ping()`, no `roundTripTime` and no `tap()`; keepalive is the platform's, to the second;
 * - no compression and no other extensions;
 * - messages are whole: `messages()` gives each as one chunk, and none can be sent from a source;
 * - `maxMessageBytes` is judged when the whole message is here (1009); the platform itself cuts at 64 MiB a frame, and counts
 *   neither fragments nor the time they take;
 * - the platform's idea of the protocol: frames that are not masked are let in, and after other faults the connection ends with
 *   no close frame, as it does where a peer still sends after our close frame. The close frame of a peer is answered at once,
 *   not after the answers to the messages before it;
 * - `abort()` starts to close, and hears no more of it: there is no way to drop the connection;
 * - after a refusal `Deno.serve` leaves the connection open for the next request.
 *
 * Use `serve`, or `serveNode` of `./node`, wherever you can.
 *
 * @module
 */
import { defer, type Deferred, handled } from "../async.ts";
import { closeCodeOf, ConnectionError, HandshakeError, invalidState, LimitError, WebSocketError } from "../errors.ts";
import type { ExtensionProcessor } from "../extensions/extension.ts";
import type { OriginPolicy } from "../handshake/origin.ts";
import { readUpgradeRequest, type UpgradeRequest } from "../handshake/server_handshake.ts";
import { chooseSubprotocol, subprotocolList } from "../handshake/subprotocol.ts";
import { type Limits, resolveLimits } from "../limits.ts";
import { logError } from "../log_error.ts";
import { CloseCode, encodeClosePayload } from "../pipeline/frames/close_code.ts";
import { memoryOf, type Message, type MessageData, toMessage } from "../pipeline/messages/message.ts";
import { wholePart } from "../pipeline/messages/message_splitter.ts";
import { ConnectionWays } from "../connection/readers/streams.ts";
import type { DrivenConnection, PartSource } from "../connection/driven_connection.ts";
import { runHandler, type WebSocketHandler } from "../connection/readers/callbacks.ts";
import { type BatchConsumer, Inbox } from "../connection/batch_queue.ts";
import { isBlob, isSource, type MessageSource } from "../connection/message_source.ts";
import { endOf, isTooLate, rejectNotOpen } from "../connection/not_open.ts";
import { pingBytes, rejectNoPing } from "../connection/pending_pings.ts";
import { hubFor, type SubscribeOptions, type Topics } from "../connection/topics.ts";
import type {
  CloseInfo,
  SendOptions,
  StreamedMessage,
  WebSocketConnectionWithData,
  WebSocketOpenInfo,
} from "../connection/websocket_connection.ts";
import type { Address } from "../transport/transport.ts";
import { checkOptions } from "../options.ts";
import { checkServing } from "../connection/check_handler.ts";
import { SEND_OPTION_KINDS } from "../connection/socket_option_kinds.ts";
import { originCheck } from "./origin_check.ts";
import { UPGRADE_REQUEST_OPTION_KINDS } from "./server_option_kinds.ts";

/** The limits that can be kept over the platform's WebSocket. */
export type KeptLimits = Pick<
  Limits,
  "maxMessageBytes" | "highWaterMark" | "maxQueuedBytes" | "closeTimeout" | "pingInterval" | "pongTimeout"
>;

/** How a request is upgraded. */
export interface UpgradeRequestOptions<Data = unknown> extends Partial<KeptLimits> {
  /** The subprotocol that this server speaks, or a list of them, the best first. */
  protocols?: string | readonly string[];
  /** The origins that may connect. By default only the host's own, where an `Origin` is sent. */
  origins?: OriginPolicy;
  /** More header fields of the answer, such as `Set-Cookie`. */
  headers?: HeadersInit;
  /** What the application keeps with the connection, as `socket.data`. */
  data?: Data;
  /** The peer's address, of the second argument of `Deno.serve`'s handler. */
  remoteAddr?: Address;
  /** What `socket.subscribe`, `unsubscribe` and `publish` are for: `createHub` of `./hub` makes one. */
  hub?: Topics;
  /** Is told of what the handler throws. By default it is printed to the console. */
  onError?(error: unknown): unknown;
}

/**
 * Answers a request of `Deno.serve` with a WebSocket. The module's description says what it cannot do.
 *
 * @example Beside other answers
 * ```ts
 * import { connect } from "@sluice/websocket";
 * import { upgradeRequest } from "@sluice/websocket/deno-serve";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
 *   if (request.headers.get("upgrade") !== "websocket") return new Response("Hello\n");
 *   return upgradeRequest(request, {}, async (socket) => {
 *     for await (const message of socket) await socket.send(message);
 *   });
 * });
 *
 * await using socket = await connect(`ws://127.0.0.1:${server.addr.port}`);
 * await socket.send("hello");
 * assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
 * ```
 *
 * @typeParam Data What the application keeps with the connection.
 * @param request The request, whose body nobody has read.
 * @param options The limits, the subprotocols and the origins.
 * @param handler A function that holds the connection, or callbacks. It runs once the connection is open.
 * @returns The answer, to be returned to `Deno.serve`: 101, or a refusal of a request that is not in order (RFC 6455 §4.2.1).
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If an option is unknown or of another kind, there is no handler, an origin of the list cannot match, or the
 *   request was upgraded before.
 */
export function upgradeRequest<Data>(
  request: Request,
  options: UpgradeRequestOptions<Data> & { data: Data },
  handler: WebSocketHandler<Data, WebSocketConnectionWithData<Data>>,
): Response;
/** Answers a request of `Deno.serve` with a WebSocket, whose `data` may be attached later, or never. */
export function upgradeRequest<Data = unknown>(
  request: Request,
  options: UpgradeRequestOptions<Data>,
  handler: WebSocketHandler<Data>,
): Response;
export function upgradeRequest<Data>(
  request: Request,
  options: UpgradeRequestOptions<Data>,
  handler: WebSocketHandler<Data>,
): Response {
  checkServing("upgradeRequest()", options, UPGRADE_REQUEST_OPTION_KINDS, handler);
  const protocols = subprotocolList(options.protocols);
  const limits = resolveLimits(options);
  const checkOrigin = originCheck(options.origins);
  let upgrade: UpgradeRequest;
  try {
    upgrade = readRequest(request);
    checkOrigin(upgrade);
  } catch (error) {
    if (error instanceof HandshakeError) return refusalOf(error);
    throw error;
  }
  if (UPGRADED.has(request)) throw new TypeError("Cannot upgrade the request: it was upgraded before");
  UPGRADED.add(request);
  const protocol = chooseSubprotocol(upgrade.protocols, protocols);
  const { socket, response } = Deno.upgradeWebSocket(request, {
    ...(protocol === "" ? {} : { protocol }),
    // The platform pings after half of it, and gives up after the rest; it counts in seconds.
    idleTimeout: limits.pingInterval === 0 ? 0 : Math.ceil((limits.pingInterval + limits.pongTimeout) / 1000),
  });
  for (const [name, value] of new Headers(options.headers)) response.headers.append(name, value);
  socket.onopen = () => {
    const connection = new PlatformConnection<Data>({ socket, upgrade, protocol, limits, options });
    void runHandler(connection, handler, (error) => logError(error, options));
  };
  return response;
}

/** The requests that were upgraded: one has one answer. */
const UPGRADED = new WeakSet<Request>();

/** The rules of our own server, which `Deno.upgradeWebSocket` does not ask for: the version, the key, one of each field. */
function readRequest({ method, url, headers }: Request): UpgradeRequest {
  // The platform gives the target as it came: the URL parser would settle what is to be judged.
  const [scheme = "", rest = ""] = url.split("://", 2);
  const slash = rest.indexOf("/");
  const target = slash < 0 ? new URL(url).pathname : url.slice(scheme.length + "://".length + slash);
  return readUpgradeRequest({ method, target, version: "HTTP/1.1", fields: [...headers] }, {
    secure: scheme === "https",
  });
}

function refusalOf({ status, headers, message }: HandshakeError): Response {
  const response = new Response(`${message}\n`, { status, headers });
  response.headers.set("Connection", headers.has("Upgrade") ? "close, Upgrade" : "close");
  return response;
}

/** After a failure the peer has this long to answer our close frame. */
const FAILED_TIMEOUT = 2_000;
/** Milliseconds between two looks at what is queued out: the platform does not say when it is written. */
const DRAIN_POLL = 10;

/** The platform's WebSocket as a connection. */
class PlatformConnection<Data> implements DrivenConnection<Data> {
  readonly role = "server";
  readonly lends = false;
  readonly url: string;
  readonly protocol: string;
  readonly extensions = "";
  readonly extensionProcessors: readonly ExtensionProcessor[] = [];
  readonly headers: Headers;
  readonly remoteAddr: Address | undefined;
  readonly localAddr = undefined;
  readonly roundTripTime = undefined;
  readonly shared = undefined;
  data: Data | undefined;
  ondrain: (() => void) | undefined;
  onend: (() => void) | undefined;

  readonly #socket: WebSocket;
  readonly #limits: KeptLimits;
  readonly #hub: Topics | undefined;
  readonly #inbox: Inbox;
  readonly #closed = defer<CloseInfo>();
  #state: 1 | 2 | 3 = 1;
  #aborted = false;
  #error: unknown;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;
  #drainTimer: ReturnType<typeof setTimeout> | undefined;
  #drained: Deferred<void> | undefined;
  readonly #ways: ConnectionWays;

  constructor({ socket, upgrade, protocol, limits, options }: {
    socket: WebSocket;
    upgrade: UpgradeRequest;
    protocol: string;
    limits: KeptLimits;
    options: UpgradeRequestOptions<Data>;
  }) {
    this.url = upgrade.url;
    this.protocol = protocol;
    this.headers = upgrade.headers;
    this.remoteAddr = options.remoteAddr;
    this.data = options.data;
    this.#socket = socket;
    this.#limits = limits;
    this.#hub = options.hub;
    this.#ways = new ConnectionWays(this, this.#limits.highWaterMark);
    this.#inbox = new Inbox(limits.maxQueuedBytes, memoryOf);
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

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  get opened(): Promise<WebSocketOpenInfo> {
    return this.#ways.opened;
  }

  get closed(): Promise<CloseInfo> {
    return this.#closed.promise;
  }

  get read(): boolean {
    return this.#ways.inUse;
  }

  get aborted(): boolean {
    return this.#aborted;
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
    if (isSource(data)) {
      const instead = isBlob(data) ? "await blob.arrayBuffer()" : "the whole message";
      throw new TypeError(`Cannot send from a source: the WebSocket of Deno.serve has no fragments. Send ${instead}`);
    }
    const message = toMessage(data);
    if (this.readyState !== 1) return rejectNotOpen("send", this, this.#error);
    this.#socket.send(message); // which copies it
    const { maxQueuedBytes: max } = this.#limits;
    if (this.bufferedAmount >= max) {
      const facts = { limit: "maxQueuedBytes", max, actual: this.bufferedAmount, closeCode: 1013 } as const;
      const error = new LimitError(
        `Peer does not read: ${facts.actual} bytes queued reach maxQueuedBytes ${max}`,
        facts,
      );
      this.fail(error);
      return handled(Promise.reject(endOf(error)));
    }
    return this.drained() ?? Promise.resolve();
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

  ping(payload?: MessageData): Promise<number> {
    pingBytes(payload);
    return rejectNoPing("the WebSocket of Deno.serve");
  }

  tap(): ReadableStream<string> {
    throw new DOMException("Cannot tap: the WebSocket of Deno.serve shows no frames", "NotSupportedError");
  }

  close(code: number = CloseCode.NORMAL, reason = ""): Promise<CloseInfo> {
    encodeClosePayload(code, reason); // throws where they may not be sent
    return this.#close(() => this.#socket.close(code, reason));
  }

  closeWithoutCode(): Promise<CloseInfo> {
    return this.#close(() => this.#socket.close());
  }

  abort(reason: unknown = new ConnectionError("The connection was aborted")): void {
    this.#aborted = true;
    if (this.#state === 3) return;
    this.#error ??= reason;
    this.#close(() => this.#socket.close());
    this.#finish({ closeCode: CloseCode.ABNORMAL, reason: "", wasClean: false });
  }

  fail(error: unknown): void {
    if (this.#state === 1) this.#error ??= error;
    const reason = error instanceof WebSocketError ? error.reason : "";
    this.#close(() => this.#socket.close(closeCodeOf(error), reason), FAILED_TIMEOUT);
  }

  isOwnError(error: unknown): boolean {
    if (this.#state === 1) return false;
    return error === this.#error || isTooLate(error);
  }

  takeBatch(): Message[] | undefined | Promise<Message[] | undefined> {
    return this.#inbox.take();
  }

  /** The platform hands on whole messages only. */
  streamMessages(): PartSource {
    return async () => (await this.takeBatch())?.map(wholePart);
  }

  consumeWith(consumer: BatchConsumer, ended: () => void): void {
    this.#inbox.consumeWith(consumer, ended);
  }

  claim(way: string): void {
    this.#ways.claim(way);
  }

  /** When replies leave is the platform's affair. */
  consuming(): void {}
  flush(): void {}

  get full(): boolean {
    return this.bufferedAmount >= this.#limits.highWaterMark;
  }

  drained(): Promise<void> | undefined {
    if (!this.full || this.#state === 3) return undefined;
    if (this.#drained === undefined) {
      this.#drained = defer();
      this.#drained.promise.catch(() => {}); // who does not wait is not told
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
    if (this.#state !== 1) return; // after our close frame only the peer's matters
    const { maxMessageBytes, maxQueuedBytes } = this.#limits;
    const bytes = typeof message === "string" ? encodedLength(message, maxMessageBytes) : message.length;
    if (bytes > maxMessageBytes) {
      const facts = { limit: "maxMessageBytes", max: maxMessageBytes, actual: bytes, closeCode: 1009 } as const;
      return this.fail(new LimitError(`Message of ${bytes} bytes is over maxMessageBytes ${maxMessageBytes}`, facts));
    }
    this.#inbox.put([message]);
    if (!this.#inbox.full) return;
    const facts = { limit: "maxQueuedBytes", max: maxQueuedBytes, closeCode: 1013 } as const;
    this.fail(new LimitError(`Messages that nobody reads reach maxQueuedBytes ${maxQueuedBytes}`, facts));
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
    this.#inbox.end(error);
    this.#closed.resolve({
      closeCode: closeCode || CloseCode.ABNORMAL, // the platform says 0 where it gave up
      reason,
      wasClean: clean,
      ...(error === undefined ? {} : { error }),
    });
  }
}

/** The size of a text in UTF-8, which is counted only where it matters. */
function encodedLength(text: string, max: number): number {
  return 3 * text.length <= max ? text.length : new TextEncoder().encode(text).length;
}
