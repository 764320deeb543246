/**
 * `WebSocketStream`, the class of the WHATWG draft (whatwg/websockets#48), on top of our client.
 *
 * @module
 */
import { WEB_SOCKET_STREAM_OPTION_KINDS, type WebSocketStreamOptions } from "./client_options.ts";
import { defer } from "../async.ts";
import { HandshakeError, invalidState, type WebSocketCloseInfo, WebSocketError } from "../errors.ts";
import type { Message, MessageData } from "../pipeline/messages/message.ts";
import type { Connection } from "../connection/connection.ts";
import { closeFor } from "../connection/readers/streams.ts";
import type { CloseInfo, WebSocketOpenInfo } from "../connection/websocket_connection.ts";
import { takeOptions } from "../options.ts";
import { type Connecting, startConnecting } from "./connecting.ts";
import { defineInterface, enforceUnsignedShort, requireArgument, toDictionary, toWebMessage } from "./web_idl.ts";

/**
 * A WebSocket as a pair of streams, as in the WHATWG draft. In addition to the draft's options it takes those of {@linkcode
 * connect}. You can ignore its promises: they never become unhandled rejections.
 *
 * After a clean end `readable` is closed and then, as in the draft, `writable` errors with an `InvalidStateError`. So
 * `readable.pipeTo(writable)` rejects with that error, unless it has the option `preventClose`; `closed` says whether the end was
 * clean. The streams of `connect` and `serve` differ: there the pipe resolves.
 *
 * @example Ask an echo server
 * ```ts
 * import { serve, WebSocketStream } from "@sluice/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0, hostname: "127.0.0.1" }, (socket) => socket.readable.pipeTo(socket.writable));
 *
 * const stream = new WebSocketStream(server.url);
 * const { readable, writable } = await stream.opened;
 * const writer = writable.getWriter();
 * await writer.write("hello");
 * assertEquals((await readable.getReader().read()).value, "hello");
 * stream.close({ closeCode: 4000, reason: "done" });
 * assertEquals(await stream.closed, { closeCode: 4000, reason: "" });
 * ```
 */
export class WebSocketStream implements AsyncDisposable {
  readonly #connecting: Connecting;
  readonly #opened = defer<WebSocketOpenInfo>();
  readonly #closed = defer<Required<WebSocketCloseInfo>>();
  #connection: Connection | undefined;

  /** The class's name, for `Object.prototype.toString`. */
  declare readonly [Symbol.toStringTag]: string;

  /**
   * Starts to connect. As in a browser, the streams of this class and the sockets of `WebSocket` connect to a host one after
   * another (RFC 6455 §4.1); `handshakeTimeout` starts when it is a stream's turn. {@linkcode connect} does not wait.
   *
   * @param url An absolute URL with ws, wss, http or https; or a URL relative to `location`, if the program has one.
   * @param options The subprotocols, a signal that aborts the opening handshake, and the other options of `connect`.
   * @throws {DOMException} `SyntaxError` for an invalid URL or subprotocol, or for a duplicate subprotocol in any case.
   * @throws {TypeError} If there is no URL, if `options` is not an object, if `protocols` is not a list, if a header field is
   *   invalid, or if an option is unknown or has the wrong type.
   * @throws {RangeError} If a limit is out of range.
   */
  constructor(url: string | URL, options: WebSocketStreamOptions = {}) {
    requireArgument(arguments.length, "new WebSocketStream");
    const dictionary = toDictionary(options);
    const { protocols = [], signal } = dictionary;
    // A string is iterable, but is not a sequence in Web IDL.
    if (typeof protocols !== "object") throw new TypeError("Cannot use protocols: they must be a list");
    const given = takeOptions("WebSocketStream", dictionary, WEB_SOCKET_STREAM_OPTION_KINDS);
    this.#connecting = startConnecting(url, { ...given, protocols: Array.from(protocols, String) }, {
      opened: (connection) => this.#open(connection),
      failed: (error) => {
        const reason = signal?.aborted && error === signal.reason ? error : notOpened(error);
        this.#opened.reject(reason);
        this.#closed.reject(reason);
      },
    });
    this.#opened.promise.catch(() => {});
    this.#closed.promise.catch(() => {});
  }

  /** The URL, with ws or wss. */
  get url(): string {
    return this.#connecting.url;
  }

  /**
   * Resolves when the connection is open. If it does not open, it rejects with a {@linkcode WebSocketError} with the code 1006,
   * whose `cause` is a `HandshakeError` if the server refused, or a `ConnectionError` if there was no response. If the signal was
   * aborted, it rejects with the signal's reason.
   */
  get opened(): Promise<WebSocketOpenInfo> {
    return this.#opened.promise;
  }

  /**
   * Resolves when the connection has ended cleanly, with the peer's code (or 1005) and reason. Otherwise it rejects with a
   * {@linkcode WebSocketError}. Its code is 1006 if the peer sent no close frame. Its `cause` is a `ConnectionError` for a lost
   * connection, a `ProtocolError` for a violation of the protocol, or a `LimitError`.
   */
  get closed(): Promise<Required<WebSocketCloseInfo>> {
    return this.#closed.promise;
  }

  /**
   * Starts the closing handshake after the queued messages, or aborts the opening handshake.
   *
   * @param closeInfo The code (1000 or 3000 to 4999, by default none) and the reason. With a reason only, the code is 1000.
   * @throws {DOMException} `InvalidAccessError` for a code that an application may not use, `SyntaxError` for a reason of more
   *   than 123 bytes of UTF-8.
   * @throws {TypeError} If `closeInfo` is not an object or its code is not a number.
   */
  close(closeInfo: WebSocketCloseInfo = {}): void {
    const { closeCode, reason } = toDictionary(closeInfo);
    // The rules are those of the error, which has the same two fields.
    const checked = new WebSocketError("", {
      ...(closeCode === undefined ? {} : { closeCode: enforceUnsignedShort(closeCode) }),
      ...(reason === undefined ? {} : { reason: `${reason}` }),
    });
    if (this.#connection === undefined) this.#connecting.giveUp();
    else void closeFor(this.#connection, checked);
  }

  /** Closes the connection and waits for its end, clean or not. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.#closed.promise.catch(() => {});
  }

  #open(connection: Connection): void {
    this.#connection = connection;
    const end = connection.closed.then(errorOf);
    const { extensions, protocol } = connection;
    const readable = readableOf(connection, end);
    const writable = writableOf(connection, end);
    this.#opened.resolve({ extensions, protocol, readable, writable });
    void connection.closed.then(async ({ closeCode, reason }) => {
      const error = await end;
      if (error === undefined) this.#closed.resolve({ closeCode, reason });
      else this.#closed.reject(error);
    });
  }
}

/**
 * Makes the stream of messages. As in the draft it reads one message ahead, so that the stream ends with the connection even if
 * no code reads.
 */
function readableOf(connection: Connection, end: Promise<WebSocketError | undefined>): ReadableStream<Message> {
  const messages = connection[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await messages.next();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        throw await end ?? error;
      }
    },
    cancel: (reason) => closeFor(connection, reason),
  });
}

/** Makes the stream to write messages to. A write resolves when less than `highWaterMark` bytes are queued. */
function writableOf(connection: Connection, end: Promise<WebSocketError | undefined>): WritableStream<MessageData> {
  return new WritableStream({
    start(controller) {
      void end.then((error) => controller.error(error ?? invalidState("Cannot write: the connection is closed")));
    },
    async write(chunk) {
      try {
        await connection.send(toWebMessage(chunk));
      } catch (error) {
        throw connection.readyState === 3 ? await end ?? error : error;
      }
    },
    async close() {
      await connection.closeWithoutCode();
      const error = await end;
      if (error !== undefined) throw error;
    },
    abort: (reason) => closeFor(connection, reason),
  });
}

/**
 * Makes the error of an unclean end. Its code is the peer's, or 1006, regardless of the code that we sent. Our own error is its
 * cause.
 */
function errorOf({ closeCode, reason, wasClean, error }: CloseInfo): WebSocketError | undefined {
  return wasClean ? undefined : webSocketError({ closeCode, reason }, error);
}

/** Makes the error of a connection that did not open. A refusal is its direct cause. */
function notOpened(error: unknown): WebSocketError {
  const refused = error instanceof WebSocketError && error.cause instanceof HandshakeError;
  return webSocketError({ closeCode: 1006, reason: "" }, refused ? error.cause : error);
}

/**
 * Makes a `WebSocketError` and not one of its subclasses, as in the draft. Its constructor allows only the codes of applications.
 */
function webSocketError(info: Required<WebSocketCloseInfo>, cause: unknown): WebSocketError {
  const message = cause instanceof Error ? cause.message : "The connection did not end cleanly";
  return Object.assign(new WebSocketError(message), info, { cause });
}

defineInterface(WebSocketStream);
