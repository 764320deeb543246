/**
 * A connection whose messages are values: a codec on top of a connection.
 *
 * @module
 */
import { nextTask } from "../async.ts";
import { closeCodeOf, invalidState, WebSocketError } from "../errors.ts";
import { like } from "../option_kinds.ts";
import { checkHandler } from "../connection/check_handler.ts";
import type { WebSocketCallbacks, WebSocketHandler } from "../connection/readers/callbacks.ts";
import type { SendOptions } from "../connection/socket_options.ts";
import type { CloseInfo, WebSocketConnection } from "../connection/websocket_connection.ts";
import type { Codec } from "./codec.ts";
import { END, type MessageConnection, readableOf, refuse, refused } from "./message_connection.ts";

/**
 * A connection whose messages are values. Read it in one way: `for await` or `readable`. It uses backpressure, so a slow reader
 * slows down the peer.
 *
 * If the codec refuses a message, the connection fails with the error and its code, as it does for an error of the protocol: the
 * reader, `closed` and the callback `error` get it, and `onError` does not.
 *
 * @typeParam In The type of received values.
 * @typeParam Out The type of values to send.
 * @typeParam Connection The type of the underlying connection.
 */
export interface TypedConnection<In, Out = In, Connection extends MessageConnection = MessageConnection>
  extends AsyncIterable<In>, AsyncDisposable {
  /** The underlying connection, with its addresses, its `data` and its topics. */
  readonly connection: Connection;
  /** Resolves when the connection has ended. */
  readonly closed: Promise<CloseInfo>;
  /** Values; one chunk is one message. It closes when the connection ends cleanly, and errors with the cause if not. */
  readonly readable: ReadableStream<In>;
  /** Values to send; one chunk is one message. Closing it closes the connection with 1000. */
  readonly writable: WritableStream<Out>;
  /**
   * Sends a value.
   *
   * @param value The value. It is encoded at the call, so you may change it afterwards.
   * @param options Whether to compress the message.
   * @returns The promise of the connection's `send`. Await it for backpressure; you can also ignore it.
   * @throws {TypeError} If the codec cannot encode the value.
   */
  send(value: Out, options?: SendOptions): Promise<void>;
  /** Closes the connection, like its own `close`. */
  close(code?: number, reason?: string): Promise<CloseInfo>;
  /** Values in order. Leaving the loop leaves the connection open; an unclean end throws. */
  [Symbol.asyncIterator](): AsyncIterableIterator<In>;
}

/** Callbacks like those of `serve`, with a typed connection and with values instead of messages. */
export interface TypedCallbacks<In, Out, Data = unknown, Socket extends MessageConnection = WebSocketConnection<Data>> {
  /** The connection is open. */
  open?(peer: TypedConnection<In, Out, Socket>): unknown;
  /** A value arrived. If it returns a promise, the next value waits for it, so a slow handler slows down the peer. */
  message?(peer: TypedConnection<In, Out, Socket>, value: In): unknown;
  /** Less than `highWaterMark` bytes are queued again, after there were more. */
  drain?(peer: TypedConnection<In, Out, Socket>): unknown;
  /** Called when the connection has ended and every earlier value has been handled. */
  close?(peer: TypedConnection<In, Out, Socket>, info: CloseInfo): unknown;
  /** Called before `close` if the connection did not end cleanly, the codec refused a message, or a callback threw. */
  error?(peer: TypedConnection<In, Out, Socket>, error: unknown): unknown;
}

/** A function that handles each typed connection, or callbacks. It is a `WebSocketHandler` with values instead of messages. */
export type TypedHandler<In, Out, Data = unknown, Socket extends MessageConnection = WebSocketConnection<Data>> =
  | ((peer: TypedConnection<In, Out, Socket>) => unknown)
  | TypedCallbacks<In, Out, Data, Socket>;

const CODEC = like("a codec, such as json() makes one", { methods: ["encode", "decode"] });
const CONNECTION = like("a connection", { methods: ["send", "close"] });

/**
 * Puts a codec on a connection of a server or a client, including `reconnecting`.
 *
 * @example A typed echo
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { json, typed } from "@sluice/websocket/typed";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0, hostname: "127.0.0.1" }, async (socket) => {
 *   const peer = typed(socket, json());
 *   for await (const value of peer) await peer.send({ echo: value });
 * });
 * await using peer = typed(await connect(server.url), json());
 * await peer.send([1, 2, 3]);
 * assertEquals((await peer[Symbol.asyncIterator]().next()).value, { echo: [1, 2, 3] });
 * ```
 *
 * @param connection The connection. No other code may read it.
 * @param codec The codec: `json()`, or your own.
 * @returns The typed connection.
 * @throws {TypeError} If the connection or the codec is invalid.
 */
export function typed<In, Out, Connection extends MessageConnection>(
  connection: Connection,
  codec: Codec<In, Out>,
): TypedConnection<In, Out, Connection> {
  CONNECTION.check(connection, "the connection of typed()");
  CODEC.check(codec, "the codec of typed()");
  return new Typed(connection, codec);
}

/**
 * Makes a handler for `serve` from one that gets values.
 *
 * @example Typed callbacks
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { json, typed, typedHandler } from "@sluice/websocket/typed";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(
 *   { port: 0, hostname: "127.0.0.1" },
 *   typedHandler(json(), { message: (peer, value) => peer.send({ echo: value }) }),
 * );
 * await using peer = typed(await connect(server.url), json());
 * await peer.send("hello");
 * assertEquals((await peer[Symbol.asyncIterator]().next()).value, { echo: "hello" });
 * ```
 *
 * @param codec The codec.
 * @param handler A function that handles each typed connection, or callbacks.
 * @returns The handler. If the codec refuses a message, the connection fails with the codec's error and its code.
 * @throws {TypeError} If the codec or the handler is invalid, or a callback has an unknown name.
 */
export function typedHandler<
  In,
  Out,
  Data = unknown,
  Socket extends WebSocketConnection<Data> = WebSocketConnection<Data>,
>(
  codec: Codec<In, Out>,
  handler: TypedCallbacks<In, Out, Data, Socket>,
): WebSocketCallbacks<Data, Socket>;
/** Makes a handler for `serve` from a function that handles each typed connection. */
export function typedHandler<
  In,
  Out,
  Data = unknown,
  Socket extends WebSocketConnection<Data> = WebSocketConnection<Data>,
>(
  codec: Codec<In, Out>,
  handler: TypedHandler<In, Out, Data, Socket>,
): WebSocketHandler<Data, Socket>;
export function typedHandler<In, Out, Data, Socket extends WebSocketConnection<Data>>(
  codec: Codec<In, Out>,
  handler: TypedHandler<In, Out, Data, Socket>,
): WebSocketHandler<Data, Socket> {
  CODEC.check(codec, "the codec of typedHandler()");
  checkHandler("typedHandler()", handler);
  return typeof handler === "function" ? (socket) => handler(new Typed(socket, codec)) : typedCallbacks(codec, handler);
}

function typedCallbacks<In, Out, Data, Socket extends WebSocketConnection<Data>>(
  codec: Codec<In, Out>,
  callbacks: TypedCallbacks<In, Out, Data, Socket>,
): WebSocketCallbacks<Data, Socket> {
  const peers = new WeakMap<Socket, TypedConnection<In, Out, Socket>>();
  const peerOf = (socket: Socket): TypedConnection<In, Out, Socket> => {
    let peer = peers.get(socket);
    if (peer === undefined) peers.set(socket, peer = new Typed(socket, codec));
    return peer;
  };
  return {
    open: (socket) => callbacks.open?.(peerOf(socket)),
    message(socket, data) {
      let value: In | Promise<In>;
      try {
        value = codec.decode(data);
      } catch (error) {
        return refused(socket, error);
      }
      if (!(value instanceof Promise)) return callbacks.message?.(peerOf(socket), value);
      return value.then(
        (value) => callbacks.message?.(peerOf(socket), value),
        (error) => refused(socket, error),
      );
    },
    drain: (socket) => callbacks.drain?.(peerOf(socket)),
    close: (socket, info) => callbacks.close?.(peerOf(socket), info),
    error: (socket, error) => callbacks.error?.(peerOf(socket), error),
  };
}

class Typed<In, Out, Connection extends MessageConnection> implements TypedConnection<In, Out, Connection> {
  readonly connection: Connection;
  readonly #codec: Codec<In, Out>;
  #iterator: AsyncIterableIterator<In> | undefined;
  #readable: ReadableStream<In> | undefined;
  #writable: WritableStream<Out> | undefined;

  constructor(connection: Connection, codec: Codec<In, Out>) {
    this.connection = connection;
    this.#codec = codec;
  }

  get closed(): Promise<CloseInfo> {
    return this.connection.closed;
  }

  get readable(): ReadableStream<In> {
    const values = this[Symbol.asyncIterator]();
    return this.#readable ??= readableOf(values, (reason) => this.#closeFor(reason));
  }

  get writable(): WritableStream<Out> {
    return this.#writable ??= new WritableStream<Out>({
      start: (controller) => {
        void this.closed.then(async ({ error }) => {
          // After a clean end a pipe from `readable` closes this stream, in the task in which `readable` ended.
          if (error === undefined) await nextTask();
          controller.error(error ?? invalidState("Cannot write: the connection is closed"));
        });
      },
      write: (value) => this.send(value),
      close: async () => {
        const { error } = await this.close();
        if (error !== undefined) throw error;
      },
      abort: (reason) => this.#closeFor(reason),
    });
  }

  send(value: Out, options?: SendOptions): Promise<void> {
    return this.connection.send(this.#codec.encode(value), options);
  }

  close(code?: number, reason?: string): Promise<CloseInfo> {
    return this.connection.close(code, reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<In> {
    return this.#iterator ??= this.#values();
  }

  #values(): AsyncIterableIterator<In> {
    const messages = this.connection[Symbol.asyncIterator]();
    let refused = false;
    return {
      next: async () => {
        const { done, value } = refused ? END : await messages.next();
        if (done) return END;
        try {
          return { done: false, value: await this.#codec.decode(value) };
        } catch (error) {
          refused = true; // later messages are not delivered
          refuse(this.connection, error);
          throw error;
        }
      },
      return: () => Promise.resolve(END),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /**
   * Implements `cancel` and `abort` of a stream. A `WebSocketError` sets the close code and reason, as for a connection's own
   * streams.
   */
  async #closeFor(reason: unknown): Promise<void> {
    if (reason instanceof WebSocketError && reason.closeCode !== null) {
      await this.close(closeCodeOf(reason), reason.reason);
    } else {
      await this.close();
    }
  }
}
