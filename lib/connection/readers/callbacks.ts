/**
 * The application's side of a connection: a function that holds it, or callbacks, called in the call stack of the read with no
 * stream and no promise between.
 *
 * @module
 */
import { defer } from "../../async.ts";
import { isThenable } from "../../log_error.ts";
import { checkMemory, type Message, ownCopy } from "../../pipeline/messages/message.ts";
import type { DrivenConnection } from "../driven_connection.ts";
import { untilReturned } from "../early_return.ts";
import { isEnd } from "../not_open.ts";
import type { CloseInfo, WebSocketConnection } from "../websocket_connection.ts";

/**
 * Callbacks for a connection. A callback may return anything. A promise is awaited before the next message, so a slow handler stops
 * the peer; that of `drain` is not waited for. If a callback throws or rejects, the connection is closed with 1011.
 *
 * A callback that throws because another connection has ended, such as one that awaits `send` on it, does not close this one:
 * `onError` gets the error, and the next message follows.
 *
 * @typeParam Data What the application keeps with the connection.
 * @typeParam Socket The connection, as the callbacks are given it.
 */
export interface WebSocketCallbacks<Data = unknown, Socket = WebSocketConnection<Data>> {
  /** The connection is open. */
  open?(socket: Socket): unknown;
  /** A message arrived. */
  message?(socket: Socket, data: Message): unknown;
  /** Less than `highWaterMark` bytes are queued again, after there were more. */
  drain?(socket: Socket): unknown;
  /** The connection has ended, and every message before was handled. */
  close?(socket: Socket, info: CloseInfo): unknown;
  /** The connection did not end cleanly, or a callback threw. Comes before `close`. */
  error?(socket: Socket, error: unknown): unknown;
}

/**
 * A function that is given the connection and holds it: when it returns, or its promise resolves, the connection is closed with
 * 1000; when it throws, with 1011. Or callbacks.
 *
 * @typeParam Data What the application keeps with the connection.
 * @typeParam Socket The connection, as the callbacks are given it.
 */
export type WebSocketHandler<Data = unknown, Socket = WebSocketConnection<Data>> =
  | ((socket: Socket) => unknown)
  | WebSocketCallbacks<Data, Socket>;

/**
 * Runs a handler on a connection.
 *
 * @param connection The connection, not yet read.
 * @param handler The handler.
 * @param report Is told of what the handler throws that is its own and not the connection's end.
 * @returns Resolves when the connection has ended and the handler is done with it. It never rejects.
 */
export function runHandler<Data>(
  connection: DrivenConnection<Data>,
  handler: WebSocketHandler<Data>,
  report: (error: unknown) => void,
): Promise<void> {
  return typeof handler === "function"
    ? runFunction(connection, handler, report)
    : runCallbacks(connection, handler, report);
}

async function runFunction<Data>(
  connection: DrivenConnection<Data>,
  handler: (socket: WebSocketConnection<Data>) => unknown,
  report: (error: unknown) => void,
): Promise<void> {
  try {
    await untilReturned(connection, handler(connection));
    if (connection.readyState === 1) connection.close();
  } catch (error) {
    if (!connection.isOwnError(error)) {
      report(error);
      // How another connection ended is not for this peer, not even as a close code. The function has ended: so must this connection.
      connection.fail(
        isEnd(error) ? new Error("The handler ended because another connection did", { cause: error }) : error,
      );
    }
  }
  await connection.closed;
}

function runCallbacks<Data>(
  connection: DrivenConnection<Data>,
  handler: WebSocketCallbacks<Data>,
  report: (error: unknown) => void,
): Promise<void> {
  // A handler that has thrown gets no more messages.
  let broken = false;
  const stop = (error: unknown): void => {
    const own = connection.isOwnError(error);
    if (!own) report(error);
    // A connection is not to be punished for the end of another.
    if (!own && isEnd(error)) return;
    broken = true;
    if (!own) connection.fail(error);
  };

  /** Calls a callback and deals with what it throws; a promise means that it is not done. */
  const call = (callback: () => unknown): Promise<unknown> | undefined => {
    try {
      const busy = callback();
      if (isThenable(busy)) return Promise.resolve(busy).catch(stop);
    } catch (error) {
      stop(error);
    }
    return undefined;
  };

  const message = handler.message?.bind(handler);

  /** Where the batch in hand goes on; the inbox hands on one at a time. */
  let next = 0;

  /** Calls back for the messages from `at` on, until one is not done at once: then `next` is behind it. */
  const deliver = (batch: Message[], at: number): PromiseLike<unknown> | undefined => {
    connection.consuming("now");
    for (; at < batch.length && !connection.aborted && !broken; at++) {
      let busy: PromiseLike<unknown> | undefined;
      try {
        const data = batch[at]!;
        if (data.length === 0) checkMemory(data);
        const returned = message?.(connection, data);
        if (isThenable(returned)) busy = returned;
      } catch (error) {
        stop(error);
      }
      if (busy !== undefined) {
        next = at + 1;
        connection.consuming(next < batch.length ? "later" : "nothing");
        return busy;
      }
    }
    connection.flush(); // before the change of state, which would do it a microtask later
    connection.consuming("nothing");
    return undefined;
  };

  /** The same with a wait for each message that is not done at once. Nothing of a batch is copied for a wait: there may be 40 000. */
  const deliverRest = async (batch: Message[], first: PromiseLike<unknown>): Promise<void> => {
    // What is lent is lent for its call only.
    if (connection.lends) { for (let at = next; at < batch.length; at++) batch[at] = ownCopy(batch[at]!); }
    for (let busy: PromiseLike<unknown> | undefined = first; busy !== undefined; busy = deliver(batch, next)) {
      try {
        await busy;
      } catch (error) {
        stop(error);
      }
    }
    await connection.drained()?.catch(() => {});
  };

  const consume = (batch: Message[]): Promise<void> | undefined => {
    if (message === undefined) return undefined;
    const busy = deliver(batch, 0);
    // Replies that the peer does not read stop its requests.
    return busy === undefined ? connection.drained()?.catch(() => {}) : deliverRest(batch, busy);
  };

  connection.claim("callbacks"); // before `open` can read in another way
  if (handler.drain !== undefined) connection.ondrain = () => void call(() => handler.drain?.(connection));
  const done = defer<void>();
  const finish = async () => {
    const info = await connection.closed;
    if (info.error !== undefined) await call(() => handler.error?.(connection, info.error));
    await call(() => handler.close?.(connection, info));
    done.resolve();
  };
  const start = () => connection.consumeWith(consume, () => void finish());
  const opening = call(() => handler.open?.(connection));
  if (opening === undefined) start();
  else void opening.then(start);
  return done.promise;
}
