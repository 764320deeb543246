/**
 * The rate limit on a connection, for callbacks and for `for await`.
 *
 * @module
 */
import { checkHandler } from "../connection/check_handler.ts";
import type { WebSocketCallbacks, WebSocketHandler } from "../connection/readers/callbacks.ts";
import type { SendOptions } from "../connection/socket_options.ts";
import type { CloseInfo, WebSocketConnection } from "../connection/websocket_connection.ts";
import { type Message, type MessageData, ownCopy } from "../pipeline/messages/message.ts";
import { END, type MessageConnection, readableOf, refuse } from "../typed/message_connection.ts";
import { RateLimit, type RateLimitOptions, type Rates, ratesOf } from "./rate_limit.ts";

/**
 * A connection that is read no faster than its rate limit allows. You can pass it to `typed` and `requests` of `./typed`.
 *
 * @typeParam Connection The type of the underlying connection.
 */
export interface RateLimitedConnection<Connection extends MessageConnection = MessageConnection>
  extends MessageConnection {
  /** The underlying connection, with its addresses, its `data` and its topics. */
  readonly connection: Connection;
  /** Messages; one chunk is one message. */
  readonly readable: ReadableStream<Message>;
  /** Messages in order. Leaving the loop leaves the connection open; an unclean end throws. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Message>;
}

/** A function that handles each limited connection, or callbacks like those of `serve`. */
export type RateLimitedHandler<Data = unknown, Socket extends MessageConnection = WebSocketConnection<Data>> =
  | ((peer: RateLimitedConnection<Socket>) => unknown)
  | WebSocketCallbacks<Data, Socket>;

/**
 * Limits how fast messages of a connection are read.
 *
 * @example At most two messages at once, and a thousand a second
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { rateLimited } from "@sluice/websocket/rate-limit";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0, hostname: "127.0.0.1" }, async (socket) => {
 *   const limit = { messagesPerSecond: 1_000, messageBurst: 2 };
 *   for await (const message of rateLimited(socket, limit)) await socket.send(message);
 * });
 * await using socket = await connect(server.url);
 * for (const text of ["a", "b", "c"]) void socket.send(text);
 * const heard: unknown[] = [];
 * for await (const message of socket) {
 *   if (heard.push(message) === 3) break;
 * }
 * assertEquals(heard, ["a", "b", "c"]);
 * ```
 *
 * @param connection The connection. No other code may read it.
 * @param options The rates, and what happens to a peer that is faster.
 * @returns The limited connection.
 * @throws {TypeError} If an option is unknown or has the wrong type, or no rate is given.
 * @throws {RangeError} If a number is out of range.
 */
export function rateLimited<Connection extends MessageConnection>(
  connection: Connection,
  options: RateLimitOptions,
): RateLimitedConnection<Connection> {
  return new RateLimited(connection, ratesOf("rateLimited()", options));
}

/**
 * Makes a handler for `serve` that limits how fast each connection is read.
 *
 * @example A chat that is closed to those who flood it
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { rateLimitedHandler } from "@sluice/websocket/rate-limit";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(
 *   { port: 0, hostname: "127.0.0.1" },
 *   rateLimitedHandler({ messagesPerSecond: 5, exceeded: "close" }, {
 *     message: (socket, text) => void socket.send(text),
 *   }),
 * );
 * await using socket = await connect(server.url);
 * for (let n = 0; n < 6; n++) void socket.send("hello");
 * assertEquals((await socket.closed).reason, "More than 5 messages a second, and 5 at once");
 * ```
 *
 * @param options The rates, and what happens to a peer that is faster.
 * @param handler A function that handles each limited connection, or callbacks.
 * @returns The handler.
 * @throws {TypeError} If an option is unknown or has the wrong type, no rate is given, or the handler is invalid.
 * @throws {RangeError} If a number is out of range.
 */
export function rateLimitedHandler<
  Data = unknown,
  Socket extends WebSocketConnection<Data> = WebSocketConnection<Data>,
>(options: RateLimitOptions, handler: RateLimitedHandler<Data, Socket>): WebSocketHandler<Data, Socket> {
  const rates = ratesOf("rateLimitedHandler()", options);
  checkHandler("rateLimitedHandler()", handler);
  if (typeof handler === "function") return (socket) => handler(new RateLimited(socket, rates));
  const gates = new WeakMap<Socket, Gate>();
  const gateOf = (socket: Socket): Gate => {
    let gate = gates.get(socket);
    if (gate === undefined) gates.set(socket, gate = new Gate(socket, rates));
    return gate;
  };
  return {
    ...(handler.open && { open: (socket: Socket) => handler.open?.(socket) }),
    message(socket, data) {
      const waiting = gateOf(socket).pass(data);
      if (waiting === undefined) return handler.message?.(socket, data);
      const kept = ownCopy(data); // a lent message is valid only during this call
      return waiting.then(() => handler.message?.(socket, kept));
    },
    ...(handler.drain && { drain: (socket: Socket) => handler.drain?.(socket) }),
    ...(handler.close && { close: (socket: Socket, info: CloseInfo) => handler.close?.(socket, info) }),
    ...(handler.error && { error: (socket: Socket, error: unknown) => handler.error?.(socket, error) }),
  };
}

/** Delays the messages of one connection, one after another. */
class Gate {
  readonly #connection: MessageConnection;
  readonly #limit: RateLimit;
  #watching = false;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(connection: MessageConnection, rates: Rates) {
    this.#connection = connection;
    this.#limit = new RateLimit(rates, performance.now());
  }

  /**
   * Resolves when the message may be passed on; returns `undefined` if it may be passed at once. Throws, and ends the connection,
   * if the limit closes it.
   */
  pass(message: Message): Promise<void> | undefined {
    let delay: number;
    try {
      delay = this.#ended ? 0 : this.#limit.take(message, performance.now());
    } catch (error) {
      refuse(this.#connection, error);
      throw error;
    }
    return delay === 0 ? undefined : this.#waitFor(message, delay);
  }

  async #waitFor(message: Message, first: number): Promise<void> {
    if (!this.#watching) {
      this.#watching = true;
      // After the end, earlier messages are passed on without delay. This is registered once for each connection, because
      // reactions to `closed` stay in memory.
      void this.#connection.closed.then(() => {
        this.#ended = true;
        this.#wake?.();
      });
    }
    for (let delay = first; delay > 0 && !this.#ended;) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, delay);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      delay = this.#limit.take(message, performance.now());
    }
    this.#wake = undefined;
  }
}

class RateLimited<Connection extends MessageConnection> implements RateLimitedConnection<Connection> {
  readonly connection: Connection;
  readonly #gate: Gate;
  #iterator: AsyncIterableIterator<Message> | undefined;
  #readable: ReadableStream<Message> | undefined;

  constructor(connection: Connection, rates: Rates) {
    this.connection = connection;
    this.#gate = new Gate(connection, rates);
  }

  get closed(): Promise<CloseInfo> {
    return this.connection.closed;
  }

  get readable(): ReadableStream<Message> {
    const messages = this[Symbol.asyncIterator]();
    return this.#readable ??= readableOf(messages, async () => void await this.close());
  }

  send(data: MessageData, options?: SendOptions): Promise<void> {
    return this.connection.send(data, options);
  }

  close(code?: number, reason?: string): Promise<CloseInfo> {
    return this.connection.close(code, reason);
  }

  /** If a codec on top refuses a message, the underlying connection fails. */
  fail(error: unknown): void {
    refuse(this.connection, error);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Message> {
    return this.#iterator ??= this.#messages();
  }

  #messages(): AsyncIterableIterator<Message> {
    const messages = this.connection[Symbol.asyncIterator]();
    let refused = false;
    return {
      next: async () => {
        const { done, value } = refused ? END : await messages.next();
        if (done) return END;
        try {
          await this.#gate.pass(value);
        } catch (error) {
          refused = true; // later messages are not delivered
          throw error;
        }
        return { done: false, value };
      },
      return: () => Promise.resolve(END),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}
