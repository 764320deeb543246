/**
 * `WebSocket`, the class of the WHATWG standard (websockets §3), on top of our client, for libraries that expect it.
 *
 * @module
 */
import { WEB_SOCKET_OPTION_KINDS, type WebSocketOptions } from "./client_options.ts";
import { invalidState, WebSocketError } from "../errors.ts";
import { nextTask } from "../async.ts";
import type { Message } from "../pipeline/messages/message.ts";
import type { Connection } from "../connection/connection.ts";
import { closeFor } from "../connection/readers/streams.ts";
import { isBlob } from "../connection/message_source.ts";
import type { CloseInfo } from "../connection/websocket_connection.ts";
import { takeOptions } from "../options.ts";
import { type Connecting, startConnecting } from "./connecting.ts";
import { closeEvent, errorEvent, EventHandlerAttribute } from "./event_handlers.ts";
import { OutgoingMessages } from "./outgoing_messages.ts";
import { clampUnsignedShort, defineInterface, requireArgument, toWebMessage } from "./web_idl.ts";

/** An event handler, with the type that the platform's class has. */
export type WebSocketEventHandler<Type extends Event> = (this: globalThis.WebSocket, event: Type) => unknown;

/** The values of `readyState`. */
const [CONNECTING, OPEN, CLOSING, CLOSED] = [0, 1, 2, 3] as const;

/**
 * The browser's class `WebSocket`, with the options of {@linkcode connect} in place of subprotocols if you pass them. Each
 * message is dispatched in its own task. If the connection does not end cleanly, an `error` event comes before `close`; its
 * `error` is the reason.
 *
 * @example Hand it to a library, or use it as in a browser
 * ```ts
 * import { serve, WebSocket } from "@sluice/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0, hostname: "127.0.0.1" }, { message: (socket, data) => socket.send(data) });
 *
 * const socket = new WebSocket(server.url, { headers: { Cookie: "session=1" } });
 * socket.onopen = () => socket.send("hello");
 * const { data } = await new Promise<MessageEvent>((resolve) => socket.onmessage = resolve);
 * assertEquals(data, "hello");
 * socket.close(1000);
 * await new Promise((resolve) => socket.onclose = resolve);
 * ```
 */
export class WebSocket extends EventTarget {
  /** 0: the opening handshake is under way. */
  declare static readonly CONNECTING: 0;
  /** 1: messages flow. */
  declare static readonly OPEN: 1;
  /** 2: the closing handshake is under way. */
  declare static readonly CLOSING: 2;
  /** 3: the connection has ended, or did not open. */
  declare static readonly CLOSED: 3;
  /** 0: the opening handshake is under way. */
  declare readonly CONNECTING: 0;
  /** 1: messages flow. */
  declare readonly OPEN: 1;
  /** 2: the closing handshake is under way. */
  declare readonly CLOSING: 2;
  /** 3: the connection has ended, or did not open. */
  declare readonly CLOSED: 3;
  /** The class's name, for `Object.prototype.toString`. */
  declare readonly [Symbol.toStringTag]: string;

  readonly #connecting: Connecting;
  readonly #origin: string;
  readonly #onopen = new EventHandlerAttribute<WebSocketEventHandler<Event>>(this, "open");
  readonly #onmessage = new EventHandlerAttribute<WebSocketEventHandler<MessageEvent>>(this, "message");
  readonly #onerror = new EventHandlerAttribute<WebSocketEventHandler<Event>>(this, "error");
  readonly #onclose = new EventHandlerAttribute<WebSocketEventHandler<CloseEvent>>(this, "close");
  readonly #outgoing = new OutgoingMessages();
  #connection: Connection | undefined;
  #state: 0 | 1 | 2 | 3 = CONNECTING;
  #binaryType: "blob" | "arraybuffer" = "blob";
  /** Whether messages are being dispatched, or may be waiting since the handshake. A close frame after them has no effect yet. */
  #receiving = false;

  /**
   * Starts to connect. As in a browser, the sockets of this class and of `WebSocketStream` connect to a host one after another
   * (RFC 6455 §4.1); `handshakeTimeout` starts when it is a socket's turn. {@linkcode connect} does not wait.
   *
   * @param url An absolute URL with ws, wss, http or https; or a URL relative to `location`, if the program has one.
   * @param protocols A subprotocol, a list of them with the preferred one first, or options.
   * @throws {DOMException} `SyntaxError` for an invalid URL or subprotocol, or for a duplicate subprotocol in any case.
   * @throws {TypeError} If there is no URL, if a header field is invalid, or if an option is unknown or has the wrong type.
   * @throws {RangeError} If a limit is out of range.
   */
  constructor(url: string | URL, protocols: string | readonly string[] | WebSocketOptions = []) {
    requireArgument(arguments.length, "new WebSocket");
    super();
    this.#connecting = startConnecting(url, optionsOf(protocols), {
      opened: (connection) => void this.#open(connection),
      failed: (error) => void this.#end({ closeCode: 1006, reason: "", wasClean: false, error }),
    });
    this.#origin = new URL(this.#connecting.url).origin;
  }

  /** The URL, with ws or wss. */
  get url(): string {
    return this.#connecting.url;
  }

  /** The state of the connection: one of the four constants. */
  get readyState(): 0 | 1 | 2 | 3 {
    const peerCloses = this.#state === OPEN && !this.#receiving && this.#connection?.readyState !== OPEN;
    return peerCloses ? CLOSING : this.#state;
  }

  /** The bytes of data that are queued to be sent, without frame headers. It never decreases after the end. */
  get bufferedAmount(): number {
    return this.#outgoing.bufferedAmount;
  }

  /** The negotiated extensions, as in the response's header field, or an empty string. */
  get extensions(): string {
    return this.#connection?.extensions ?? "";
  }

  /** The subprotocol, or an empty string. */
  get protocol(): string {
    return this.#connection?.protocol ?? "";
  }

  /** The type of binary messages: `"blob"`, the default, or `"arraybuffer"`. Other values are ignored. */
  get binaryType(): "blob" | "arraybuffer" {
    return this.#binaryType;
  }
  set binaryType(type: "blob" | "arraybuffer") {
    const value = `${type}`;
    if (value === "blob" || value === "arraybuffer") this.#binaryType = value;
  }

  /** Called when the connection is open. */
  get onopen(): WebSocketEventHandler<Event> | null {
    return this.#onopen.value;
  }
  set onopen(handler: WebSocketEventHandler<Event> | null) {
    this.#onopen.value = handler;
  }
  /** Called for each message. */
  get onmessage(): WebSocketEventHandler<MessageEvent> | null {
    return this.#onmessage.value;
  }
  set onmessage(handler: WebSocketEventHandler<MessageEvent> | null) {
    this.#onmessage.value = handler;
  }
  /** Called when the connection did not open, or did not end cleanly; the event has an `error`. */
  get onerror(): WebSocketEventHandler<Event> | null {
    return this.#onerror.value;
  }
  set onerror(handler: WebSocketEventHandler<Event> | null) {
    this.#onerror.value = handler;
  }
  /** Called at the end, with the code, the reason and whether it was clean. */
  get onclose(): WebSocketEventHandler<CloseEvent> | null {
    return this.#onclose.value;
  }
  set onclose(handler: WebSocketEventHandler<CloseEvent> | null) {
    this.#onclose.value = handler;
  }

  /**
   * Sends a message. Messages are sent in the order of the calls, including blobs. A message for a connection that is closing or
   * closed is discarded, and counts as `bufferedAmount`.
   *
   * @param data A string as text; a buffer, a view or a blob as binary data. It is copied. Anything else becomes a string.
   * @throws {DOMException} `InvalidStateError` while the opening handshake is under way.
   * @throws {TypeError} If there is no argument, or it cannot become a string, or its memory is shared, resizable or detached.
   */
  send(data: string | BufferSource | Blob): void {
    requireArgument(arguments.length, "send");
    const message = isBlob(data) ? data : toWebMessage(data);
    if (this.#state === CONNECTING) throw invalidState("Cannot send: the connection is not open yet");
    this.#outgoing.send(message);
  }

  /**
   * Starts the closing handshake after the queued messages, or aborts the opening handshake.
   *
   * @param code 1000 or 3000 to 4999; by default none.
   * @param reason At most 123 bytes of UTF-8; without a code, the code is 1000.
   * @throws {DOMException} `InvalidAccessError` for a code that an application may not use, `SyntaxError` for a long reason.
   */
  close(code: number | undefined = undefined, reason = ""): void {
    // The rules are those of the error, which has the same two fields.
    const checked = new WebSocketError("", {
      ...(code === undefined ? {} : { closeCode: clampUnsignedShort(code) }),
      reason: `${reason}`,
    });
    if (this.#state === CLOSING || this.#state === CLOSED) return;
    this.#state = CLOSING;
    if (this.#connection === undefined) this.#connecting.giveUp();
    else this.#outgoing.close((connection) => void closeFor(connection, checked));
  }

  async #open(connection: Connection): Promise<void> {
    this.#connection = connection;
    connection.claim("callbacks"); // created now, because there are readers even if the first message arrives before they are called
    this.#outgoing.open(connection);
    this.#state = OPEN;
    this.#receiving = true;
    this.dispatchEvent(new Event("open"));
    // A listener of this event may still add one for the messages that have arrived already.
    await nextTask();
    this.#receiving = false;
    connection.consumeWith({
      consume: (batch) => this.#receive(batch),
      ended: () => void connection.closed.then((info) => this.#end(info)),
    });
  }

  /** Dispatches each message in its own task, so that promises that one message resolves continue before the next message. */
  async #receive(batch: Message[]): Promise<void> {
    this.#receiving = true;
    for (const message of batch) {
      if (this.#state !== OPEN) break;
      this.#outgoing.refresh();
      this.dispatchEvent(new MessageEvent("message", { data: this.#dataOf(message), origin: this.#origin }));
      await nextTask();
    }
    this.#receiving = false;
  }

  /** Returns the data of a message, in the current `binaryType`. */
  #dataOf(message: Message): string | Blob | ArrayBuffer {
    if (typeof message === "string") return message;
    if (this.#binaryType === "blob") return new Blob([message]);
    return message.byteLength === message.buffer.byteLength ? message.buffer : message.slice().buffer;
  }

  async #end({ closeCode: code, reason, wasClean, error }: CloseInfo): Promise<void> {
    await nextTask();
    this.#outgoing.end({ wasClean });
    this.#state = CLOSED;
    if (!wasClean) {
      this.dispatchEvent(errorEvent({ error, message: error instanceof Error ? error.message : `${error}` }));
    }
    this.dispatchEvent(closeEvent({ code, reason, wasClean }));
  }
}

function optionsOf(protocols: string | readonly string[] | WebSocketOptions | null): WebSocketOptions {
  if (protocols === null) return {};
  if (typeof protocols !== "object") return { protocols: [`${protocols}`] };
  if (Symbol.iterator in protocols) return { protocols: Array.from(protocols, String) };
  return takeOptions("WebSocket", protocols, WEB_SOCKET_OPTION_KINDS);
}

defineInterface(WebSocket, { CONNECTING, OPEN, CLOSING, CLOSED });

/** The types of listeners, as in the platform's class. */
export interface WebSocket {
  /** Listens for one of the four events. */
  addEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: (this: globalThis.WebSocket, event: WebSocketEventMap[Type]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /** Listens for an event of any other name. */
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /** Listens no more. */
  removeEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: (this: globalThis.WebSocket, event: WebSocketEventMap[Type]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  /** Listens no more. */
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}
