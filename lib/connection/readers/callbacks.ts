/**
 * Handlers of a connection: a function, or callbacks. Callbacks are called in the call stack of the read, without streams and
 * promises in between.
 *
 * @module
 */
import { isThenable } from "../../log_error.ts";
import { checkMemory, type Message, ownCopy } from "../../pipeline/messages/message.ts";
import type { BatchConsumer } from "../batch_queue.ts";
import type { DrivenConnection } from "../driven_connection.ts";
import { untilReturned } from "../early_return.ts";
import { isEnd } from "../not_open.ts";
import type { CloseInfo, WebSocketConnection } from "../websocket_connection.ts";

/**
 * Callbacks for a connection. If a callback returns a promise, the next message waits for it, so a slow handler slows down the
 * peer. The exception is `drain`, whose promise is ignored. If a callback throws or rejects, the connection closes with code
 * 1011.
 *
 * A callback may fail because another connection has ended, for example when it awaits `send` on it. That does not close this
 * connection: `onError` gets the error, and the next message follows.
 *
 * @typeParam Data The type of `socket.data`.
 * @typeParam Socket The type of the connection that the callbacks get.
 */
export interface WebSocketCallbacks<Data = unknown, Socket = WebSocketConnection<Data>> {
  /** Called when the connection is open. */
  open?(socket: Socket): unknown;
  /** Called for each message. */
  message?(socket: Socket, data: Message): unknown;
  /** Called when less than `highWaterMark` bytes are queued again, after there were more. */
  drain?(socket: Socket): unknown;
  /** Called when the connection has ended and every earlier message has been handled. */
  close?(socket: Socket, info: CloseInfo): unknown;
  /** Called before `close` if the connection did not end cleanly, or if a callback threw. */
  error?(socket: Socket, error: unknown): unknown;
}

/**
 * A function that handles a connection, or callbacks. When the function returns or its promise resolves, the connection closes
 * with code 1000; if it throws, with code 1011.
 *
 * @typeParam Data The type of `socket.data`.
 * @typeParam Socket The type of the connection that the handler gets.
 */
export type WebSocketHandler<Data = unknown, Socket = WebSocketConnection<Data>> =
  | ((socket: Socket) => unknown)
  | WebSocketCallbacks<Data, Socket>;

/** The part of a connection's owner that a handler needs. */
export interface HandlerOwner {
  /** Gets errors that the handler throws by its own mistake, not those of the connection's end. */
  report(error: unknown): void;
  /** The connection has ended, and the handler is done with it. */
  onDone(): void;
}

/**
 * Runs a handler on a connection.
 *
 * @param connection The connection, not yet read.
 * @param handler The handler.
 * @param report Gets errors that the handler throws by its own mistake, not those of the connection's end.
 * @returns Resolves when the connection has ended and the handler is done with it. It never rejects.
 */
export function runHandler<Data>(
  connection: DrivenConnection<Data>,
  handler: WebSocketHandler<Data>,
  report: (error: unknown) => void,
): Promise<void> {
  return new Promise((onDone) => startHandler(connection, handler, { report, onDone }));
}

/** The same for an owner: no promise is held for as long as the connection lasts. */
export function startHandler<Data>(
  connection: DrivenConnection<Data>,
  handler: WebSocketHandler<Data>,
  owner: HandlerOwner,
): void {
  if (typeof handler === "function") void runFunction(connection, handler, owner);
  else new CallbackReader(connection, handler, owner).start();
}

async function runFunction<Data>(
  connection: DrivenConnection<Data>,
  handler: (socket: WebSocketConnection<Data>) => unknown,
  owner: HandlerOwner,
): Promise<void> {
  try {
    await untilReturned(connection, handler(connection));
    if (connection.readyState === 1) connection.close();
  } catch (error) {
    if (!connection.isOwnError(error)) {
      owner.report(error);
      // The peer must not learn how another connection ended, not even by a close code. But the function has ended, so this
      // connection must end too.
      connection.fail(
        isEnd(error) ? new Error("The handler ended because another connection did", { cause: error }) : error,
      );
    }
  }
  await connection.closed;
  owner.onDone();
}

/** Passes the messages of one connection to its callbacks. */
class CallbackReader<Data> implements BatchConsumer {
  readonly #connection: DrivenConnection<Data>;
  readonly #handler: WebSocketCallbacks<Data>;
  readonly #owner: HandlerOwner;
  /** Whether the handler has thrown. It then gets no more messages. */
  #broken = false;
  /** The position in the current batch. There is only one batch at a time. */
  #next = 0;

  constructor(connection: DrivenConnection<Data>, handler: WebSocketCallbacks<Data>, owner: HandlerOwner) {
    this.#connection = connection;
    this.#handler = handler;
    this.#owner = owner;
  }

  start(): void {
    const connection = this.#connection;
    const handler = this.#handler;
    connection.claim("callbacks"); // before `open` can start to read in another way
    if (handler.drain !== undefined) connection.ondrain = () => void this.#call(() => handler.drain?.(connection));
    const opening = handler.open === undefined ? undefined : this.#call(() => handler.open?.(connection));
    if (opening === undefined) connection.consumeWith(this);
    else void opening.then(() => connection.consumeWith(this));
  }

  consume(batch: Message[]): Promise<void> | undefined {
    if (this.#handler.message === undefined) return undefined;
    const busy = this.#deliver(batch, 0);
    if (busy !== undefined) return this.#deliverRest(batch, busy);
    // If the peer does not read the replies, its requests have to wait.
    return this.#connection.full ? this.#drained() : undefined;
  }

  ended(): void {
    void this.#finish();
  }

  async #finish(): Promise<void> {
    const connection = this.#connection;
    const handler = this.#handler;
    const info = await connection.closed;
    if (info.error !== undefined && handler.error !== undefined) {
      await this.#call(() => handler.error?.(connection, info.error));
    }
    if (handler.close !== undefined) await this.#call(() => handler.close?.(connection, info));
    this.#owner.onDone();
  }

  /** Handles an error that a callback threw. */
  #stop(error: unknown): void {
    const own = this.#connection.isOwnError(error);
    if (!own) this.#owner.report(error);
    // The end of another connection must not close this one.
    if (!own && isEnd(error)) return;
    this.#broken = true;
    if (!own) this.#connection.fail(error);
  }

  /** Calls a callback. Returns a promise, which never rejects, if it is not done. */
  #call(callback: () => unknown): Promise<unknown> | undefined {
    try {
      const busy = callback();
      if (isThenable(busy)) return Promise.resolve(busy).catch((error) => this.#stop(error));
    } catch (error) {
      this.#stop(error);
    }
    return undefined;
  }

  /** Calls back for the messages from `at` on, until a callback returns a pending promise. Then `#next` is after its message. */
  #deliver(batch: Message[], at: number): PromiseLike<unknown> | undefined {
    const connection = this.#connection;
    const handler = this.#handler;
    connection.flushAt("batchEnd");
    for (; at < batch.length && !connection.aborted && !this.#broken; at++) {
      let busy: PromiseLike<unknown> | undefined;
      try {
        const data = batch[at]!;
        if (data.length === 0) checkMemory(data);
        const returned = handler.message?.(connection, data);
        if (returned !== undefined && isThenable(returned)) busy = returned;
      } catch (error) {
        this.#stop(error);
      }
      if (busy !== undefined) {
        this.#next = at + 1;
        connection.flushAt(this.#next < batch.length ? "turnEnd" : "microtask");
        return busy;
      }
    }
    connection.flushAt("microtask");
    return undefined;
  }

  /**
   * Continues after a callback that returned a pending promise. The batch is not sliced for each wait, because it may contain 40,000
   * messages.
   */
  async #deliverRest(batch: Message[], first: PromiseLike<unknown>): Promise<void> {
    // A lent message is valid only during its call.
    if (this.#connection.lends) {
      for (let at = this.#next; at < batch.length; at++) batch[at] = ownCopy(batch[at]!);
    }
    let busy: PromiseLike<unknown> | undefined = first;
    while (busy !== undefined) {
      try {
        await busy;
      } catch (error) {
        this.#stop(error);
      }
      busy = this.#deliver(batch, this.#next);
    }
    await this.#drained();
  }

  async #drained(): Promise<void> {
    try {
      await this.#connection.drained();
    } catch {
      // The connection has ended, and `closed` says how.
    }
  }
}
