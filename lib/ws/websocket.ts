/**
 * The `WebSocket` of npm's `ws` on top of a Sluice connection, for clients and servers.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { defer, type Deferred, nextTask } from "../async.ts";
import { defineInterface } from "../client/web_idl.ts";
import type { Connection } from "../connection/connection.ts";
import type { CloseInfo } from "../connection/websocket_connection.ts";
import { LimitError, ProtocolError } from "../errors.ts";
import { logError } from "../log_error.ts";
import { type Frame, Opcode } from "../pipeline/frames/frame.ts";
import type { Message } from "../pipeline/messages/message.ts";
import { type ClientAttempt, connectSocket } from "./client.ts";
import { type ConnectionSocket, connectionSocket } from "./connection_socket.ts";
import { eventError, notOpen } from "./event_error.ts";
import type { FrameSender } from "./frame_sender.ts";
import {
  type BinaryDataType,
  isBinaryType,
  lengthOf,
  type SendCallback,
  type SendData,
  toBytes,
  toCloseReason,
  toMessageData,
  toRawData,
} from "./message_data.ts";
import { type ClientOptions, isList, type SocketOptions } from "./options.ts";
import { OutgoingData, type SendOptions } from "./outgoing_data.ts";
import { WebEventEmitter } from "./web_event_emitter.ts";

const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3] as const;

/** Gives a server's socket its connection: it is made before it has one. */
export let openSocket: (socket: WebSocket, connection: Connection) => void;

/**
 * The `WebSocket` of npm's `ws`: an `EventEmitter` with the methods and events of its documentation. `docs/reference/ws.md` lists
 * the differences.
 *
 * @example A client
 * ```ts
 * import WebSocket, { WebSocketServer } from "@sluice/websocket/ws";
 * import { assert, assertEquals } from "@std/assert";
 * import { once } from "node:events";
 *
 * const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
 * server.on("connection", (socket) => {
 *   socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
 * });
 * await once(server, "listening");
 * const address = server.address();
 * assert(typeof address === "object" && address !== null);
 *
 * const socket = new WebSocket(`ws://127.0.0.1:${address.port}`);
 * socket.on("open", () => socket.send("hello"));
 * const [data, isBinary] = await once(socket, "message");
 * assertEquals([String(data), isBinary], ["hello", false]);
 *
 * socket.close();
 * await once(socket, "close");
 * await new Promise((closed) => server.close(closed));
 * ```
 */
export class WebSocket extends WebEventEmitter {
  /** 0: the opening handshake is under way. */
  declare static readonly CONNECTING: 0;
  /** 1: messages flow. */
  declare static readonly OPEN: 1;
  /** 2: the connection is closing. */
  declare static readonly CLOSING: 2;
  /** 3: the connection has ended, or did not open. */
  declare static readonly CLOSED: 3;
  /** 0: the opening handshake is under way. */
  declare readonly CONNECTING: 0;
  /** 1: messages flow. */
  declare readonly OPEN: 1;
  /** 2: the connection is closing. */
  declare readonly CLOSING: 2;
  /** 3: the connection has ended, or did not open. */
  declare readonly CLOSED: 3;
  /** The class's name, for `Object.prototype.toString`. */
  declare readonly [Symbol.toStringTag]: string;

  readonly #options: SocketOptions;
  readonly #attempt: ClientAttempt | undefined;
  #connection: Connection | undefined;
  #outgoing: OutgoingData | undefined;
  #socket: ConnectionSocket | undefined;
  #state: 0 | 1 | 2 | 3 = CONNECTING;
  #binaryType: BinaryDataType = "nodebuffer";
  /** Set while the socket is paused. It resolves when the pause is over. */
  #paused: Deferred<void> | undefined;
  /** Bytes that were sent too late. */
  #unsent = 0;
  /** Whether a listener has thrown. The socket then emits no more messages. */
  #broken = false;
  /** Whether the peer violated the protocol or a limit. */
  #failed = false;

  static {
    openSocket = (socket, connection) => socket.#open(connection);
  }

  /**
   * Connects. A server creates its sockets itself, with `null` as the address.
   *
   * @param address The URL: ws, wss, http, https or `ws+unix:/path/of/socket:/resource`.
   * @param protocols A subprotocol, a list of them, or the options.
   * @param options The options.
   * @throws {SyntaxError} If the URL or a subprotocol is invalid.
   * @throws {TypeError} If an option is not supported. The error says what to use instead.
   */
  constructor(
    address: string | URL | null,
    protocols?: string | readonly string[] | ClientOptions | null,
    options?: ClientOptions,
  ) {
    super();
    const named = typeof protocols === "string" || isList(protocols);
    const given = (named ? options : protocols ?? options) ?? {};
    this.#options = given;
    if (address === null) return;
    this.#attempt = connectSocket(address, named ? protocols : undefined, given, {
      opened: (connection) => this.#open(connection),
      failed: (error) => this.#fail(error),
      emitter: this,
    });
  }

  /** The state of the connection: one of the four constants. */
  get readyState(): 0 | 1 | 2 | 3 {
    return this.#state === OPEN && this.#connection?.readyState !== OPEN ? CLOSING : this.#state;
  }

  /** The URL that a client connects to, without a password. `undefined` on a server. */
  get url(): string | undefined {
    return this.#attempt?.url;
  }

  /** The subprotocol, or an empty string. */
  get protocol(): string {
    return this.#connection?.protocol ?? "";
  }

  /** The names of the negotiated extensions, separated by commas. */
  get extensions(): string {
    return this.#connection?.extensionProcessors.map(({ name }) => name).join() ?? "";
  }

  /** The bytes that the operating system has not taken yet, plus those that were sent too late. */
  get bufferedAmount(): number {
    return (this.#outgoing?.bufferedAmount ?? 0) + this.#unsent;
  }

  /** Sends frames that a package has encoded, as Socket.IO does. `undefined` until the socket is open. */
  get _sender(): FrameSender | undefined {
    return this.#outgoing;
  }

  /** The addresses and the `drain` event of the connection, for packages that read them. `undefined` until the socket is open. */
  get _socket(): ConnectionSocket | undefined {
    return this.#connection && (this.#socket ??= connectionSocket(this.#connection));
  }

  /** Whether the socket is paused. */
  get isPaused(): boolean {
    return this.#paused !== undefined;
  }

  /** The type of binary messages: `"nodebuffer"`, the default, or one of the others. Other values are ignored. */
  get binaryType(): BinaryDataType {
    return this.#binaryType;
  }
  set binaryType(type: BinaryDataType) {
    if (isBinaryType(type)) this.#binaryType = type;
  }

  /**
   * Sends data.
   *
   * @param data A string as text, anything else as binary data. Do not change the memory until it is written.
   * @param options The options, or the callback.
   * @param callback Called when the data was written, or with the error that prevented it.
   * @throws {Error} If the opening handshake is under way.
   * @throws {TypeError} If the data cannot be sent.
   */
  send(data: SendData, options?: SendOptions | SendCallback | null, callback?: SendCallback): void {
    this.#checkConnecting();
    if (typeof options === "function") [options, callback] = [undefined, options];
    if (this.readyState === OPEN) this.#outgoing?.send(data, options ?? undefined, callback);
    else this.#tooLate(data, callback);
  }

  /**
   * Sends a ping.
   *
   * @param data At most 125 bytes.
   * @param mask A client masks and a server does not, whatever this says.
   * @param callback Is called when it is written, or with the error that came before.
   * @throws {Error} If the opening handshake is under way.
   * @throws {RangeError} If there are more than 125 bytes.
   */
  ping(data?: SendData | SendCallback, mask?: boolean | SendCallback, callback?: SendCallback): void {
    this.#control(data, mask, callback, (connection, bytes) => void connection.ping(bytes));
  }

  /** Sends a pong: an unsolicited one, or the reply to a ping if `autoPong` is off. The arguments are those of `ping`. */
  pong(data?: SendData | SendCallback, mask?: boolean | SendCallback, callback?: SendCallback): void {
    this.#control(data, mask, callback, (connection, bytes) => connection.pong(bytes));
  }

  /** Pauses the socket. When the buffers are full, the peer has to wait. Pings are still answered. */
  pause(): void {
    if (this.#state !== CONNECTING && this.#state !== CLOSED) this.#paused ??= defer();
  }

  /** Ends a pause. */
  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  /**
   * Starts the closing handshake, or aborts the opening handshake.
   *
   * @param code 1000-1003, 1007-1014 or 3000-4999. Without one the close frame is empty.
   * @param reason At most 123 bytes.
   * @throws {TypeError} If the code may not be sent.
   * @throws {RangeError} If the reason is too long.
   */
  close(code?: number, reason: string | Uint8Array = ""): void {
    if (this.#state === CLOSED || this.#giveUp()) return;
    const bytes = toCloseReason(code, reason);
    if (this.readyState !== OPEN) return;
    this.#state = CLOSING;
    const connection = this.#connection;
    this.#outgoing?.close(() => {
      if (code === undefined) void connection?.closeWithoutCode();
      else void connection?.close(code, bytes.toString());
    });
  }

  /** Ends the connection at once, without a close frame. */
  terminate(): void {
    if (this.#state === CLOSED || this.#giveUp()) return;
    this.#state = CLOSING;
    this.#connection?.abort();
  }

  #giveUp(): boolean {
    if (this.#state !== CONNECTING) return this.#connection === undefined;
    this.#state = CLOSING;
    this.#attempt?.giveUp(new Error("WebSocket was closed before the connection was established"));
    return true;
  }

  #open(connection: Connection): void {
    this.#connection = connection;
    this.#outgoing = new OutgoingData(connection);
    connection.claim("callbacks"); // created now, because there are readers even if the first message arrives before they are called
    connection.oncontrol = (frame) => this.#onControl(frame);
    const { owner } = connection;
    connection.owner = {
      onClosing: () => {
        owner?.onClosing();
        queueMicrotask(() => this.#onCause(connection.cause)); // the connection is in the middle of it
      },
      report: (error) => owner === undefined ? logError(error, this.#options) : owner.report(error),
    };
    this.#state = OPEN;
    void connection.closed.then(() => this.resume()); // messages before the end are emitted
    this.#emit(() => this.emit("open"));
    // The listeners of `open` and `connection` may add those of `message`.
    queueMicrotask(() =>
      connection.consumeWith({
        consume: (batch) => this.#receive(batch),
        ended: () => void connection.closed.then((info) => this.#end(info)),
      })
    );
  }

  #onControl({ opcode, payload }: Frame): boolean {
    const data = Buffer.from(payload); // a copy, because the payload is lent
    const answered = opcode === Opcode.PING && this.#options.autoPong === false;
    this.#emit(() => this.emit(opcode === Opcode.PING ? "ping" : "pong", data));
    return answered;
  }

  /** Emits messages in the call stack of the read, so that their replies leave in one write. */
  #receive(batch: Message[]): Promise<void> | undefined {
    const connection = this.#connection;
    if (this.#options.allowSynchronousEvents === false) return this.#receiveRest(batch, 0);
    connection?.flushAt("batchEnd");
    for (let at = 0; at < batch.length; at++) {
      if (this.#paused !== undefined) return this.#receiveRest(batch, at);
      this.#deliver(batch[at]!);
    }
    connection?.flushAt("microtask");
    return undefined;
  }

  /** The same with pauses. */
  async #receiveRest(batch: Message[], at: number): Promise<void> {
    const apart = this.#options.allowSynchronousEvents === false;
    this.#connection?.flushAt("turnEnd");
    for (; at < batch.length; at++) {
      while (this.#paused !== undefined) await this.#paused.promise;
      this.#deliver(batch[at]!);
      if (apart) await nextTask();
    }
    this.#connection?.flushAt("microtask");
  }

  #deliver(message: Message): void {
    if (this.#broken || this.#connection?.aborted) return;
    const text = typeof message === "string" ? message : undefined;
    this.webFacts.text = text;
    try {
      this.emit("message", toRawData(message, this.#binaryType), text === undefined);
    } catch (error) {
      this.#onThrow(error);
    }
    this.webFacts.text = undefined;
  }

  /** Calls listeners. An error that they throw ends only this connection. */
  #emit(call: () => unknown): void {
    try {
      call();
    } catch (error) {
      this.#onThrow(error);
    }
  }

  #onThrow(error: unknown): void {
    this.#broken = true;
    logError(error, this.#options);
    this.#connection?.fail(error);
  }

  /** Emits the peer's violation as soon as it is known, because the end may take a while. */
  #onCause(cause: unknown): void {
    if (this.#failed || !(cause instanceof ProtocolError || cause instanceof LimitError)) return;
    this.#failed = true;
    this.#emitError(eventError(cause));
  }

  #end({ closeCode, reason, wasClean, error }: CloseInfo): void {
    this.#onCause(error);
    this.webFacts.wasClean = wasClean;
    // A peer that violated the protocol may still have echoed our close frame, whose code is not its own.
    this.#finish(this.#failed ? 1006 : closeCode, this.#failed ? "" : reason);
  }

  #fail(error: Error): void {
    this.#state = CLOSING;
    this.#emitError(error);
    this.#finish(1006, "");
  }

  /** Without a listener an `error` event would end the process. */
  #emitError(error: Error): void {
    if (this.listenerCount("error") > 0) this.#emit(() => this.emit("error", error));
  }

  #finish(code: number, reason: string): void {
    this.#state = CLOSED;
    this.#emit(() => this.emit("close", code, Buffer.from(reason)));
  }

  #control(
    data: SendData | SendCallback,
    mask: boolean | SendCallback | undefined,
    callback: SendCallback | undefined,
    send: (connection: Connection, bytes: Uint8Array<ArrayBuffer>) => void,
  ): void {
    this.#checkConnecting();
    if (typeof data === "function") [data, callback] = [undefined, data];
    else if (typeof mask === "function") callback = mask;
    if (this.readyState !== OPEN) return this.#tooLate(data, callback);
    if (data instanceof Blob) throw new TypeError("Cannot send a blob in a control frame");
    if (this.#connection !== undefined) send(this.#connection, toBytes(toMessageData(data)));
    this.#outgoing?.whenWritten(callback);
  }

  #checkConnecting(): void {
    if (this.#state === CONNECTING) throw notOpen(CONNECTING);
  }

  #tooLate(data: SendData, callback: SendCallback | undefined): void {
    this.#unsent += lengthOf(data);
    if (callback !== undefined) queueMicrotask(callback.bind(undefined, notOpen(this.readyState)));
  }
}

defineInterface(WebSocket, { CONNECTING, OPEN, CLOSING, CLOSED });
