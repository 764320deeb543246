/**
 * One connection after another behind one API: attempts, delays, and messages that are kept between connections.
 *
 * @module
 */
import { defer, handled, sleep } from "../async.ts";
import { ConnectionError, HandshakeError, invalidState } from "../errors.ts";
import type { ReconnectLimits } from "../limits.ts";
import { checkOptions } from "../options.ts";
import { CloseCode, encodeClosePayload } from "../pipeline/frames/close_code.ts";
import { bytesOf, memoryOf, type Message, type MessageData, ownCopy } from "../pipeline/messages/message.ts";
import { BatchQueue } from "../connection/batch_queue.ts";
import { endOf } from "../connection/not_open.ts";
import { withDeadline } from "../transport/opening.ts";
import type { CloseInfo, WebSocketConnection } from "../connection/websocket_connection.ts";
import { SEND_OPTION_KINDS, type SendOptions } from "../connection/socket_options.ts";
import { isThenable } from "../log_error.ts";
import { UnsentMessages } from "./unsent_messages.ts";
import { reconnectDelay, type ReconnectDelayOptions } from "../backoff.ts";
import type { ReconnectingConnection, ReconnectingHooks, ReconnectingState } from "./reconnecting_connection.ts";
import { shouldReconnect } from "./should_reconnect.ts";

/** The parts of a reconnecting connection. */
export interface ReconnectorInit<Data> extends ReconnectingHooks<Data> {
  /** Opens a connection. The signal aborts the attempt. */
  open: (signal: AbortSignal) => Promise<WebSocketConnection<Data>>;
  /** Its limits. */
  limits: ReconnectLimits;
  /** The maximum number of bytes of unread messages. */
  highWaterMark: number;
  /** The longest time in milliseconds that `close` waits for the outbox to be sent. 0 means no limit. */
  closeTimeout: number;
  /** The backoff. */
  delay: Omit<ReconnectDelayOptions, "retryAfter"> | undefined;
  /** Ends it for good. */
  signal: AbortSignal | undefined;
  /** The target of the browser's `online` event. When the network is back, the next attempt starts at once. */
  network?: EventTarget | undefined;
}

/** The connection behind `ReconnectingConnection`. It starts at once. */
export class Reconnector<Data> implements ReconnectingConnection<Data> {
  readonly #init: ReconnectorInit<Data>;
  readonly #unsent: UnsentMessages;
  readonly #inbox: BatchQueue;
  readonly #stop = new AbortController();
  readonly #closed = defer<CloseInfo>();
  #state: ReconnectingState = "connecting";
  #socket: WebSocketConnection<Data> | undefined;
  #openedAt: number | undefined;
  #heard = false;
  #failures = 0;
  #delay = 0;
  #lastClose: CloseInfo | undefined;
  #receiving: Promise<void> | undefined;
  /** Resolves when the connection has taken the outbox, or has ended. */
  #sending: Promise<void> | undefined;
  /** Whether the application still wants messages. After its `close` it does not. */
  #wanted = true;
  #leave: ((socket: WebSocketConnection<Data>) => void) | undefined;
  /** The result if there was no connection to close. */
  #nothing: CloseInfo = { closeCode: CloseCode.ABNORMAL, reason: "", wasClean: false };

  /** @param init Its parts. */
  constructor(init: ReconnectorInit<Data>) {
    this.#init = init;
    this.#unsent = new UnsentMessages(init.limits);
    this.#inbox = new BatchQueue({ highWaterMark: init.highWaterMark, memoryOf });
    if (init.signal?.aborted) this.#abort();
    else init.signal?.addEventListener("abort", this.#abort);
    void this.#run();
  }

  get state(): ReconnectingState {
    return this.#state;
  }

  get socket(): WebSocketConnection<Data> | undefined {
    return this.#state === "open" ? this.#socket : undefined;
  }

  get failures(): number {
    return this.#proven ? 0 : this.#failures;
  }

  get delay(): number {
    return this.#delay;
  }

  get lastClose(): CloseInfo | undefined {
    return this.#lastClose;
  }

  get bufferedAmount(): number {
    return this.#unsent.bytes + (this.#socket?.bufferedAmount ?? 0);
  }

  get closed(): Promise<CloseInfo> {
    return this.#closed.promise;
  }

  send(data: MessageData, options?: SendOptions): Promise<void> {
    if (options !== undefined) checkOptions("send()", options, SEND_OPTION_KINDS);
    if (typeof data !== "string") bytesOf(data); // the data is checked in the same way whether or not it has to wait
    if (this.#stop.signal.aborted) {
      return handled(Promise.reject(this.#ended("Cannot send: the connection is closed for good")));
    }
    const { socket } = this;
    if (socket?.readyState === 1 && this.#unsent.messages === 0) return socket.send(data, options);
    return this.#unsent.add(data, options);
  }

  close(code: number = CloseCode.NORMAL, reason = ""): Promise<CloseInfo> {
    encodeClosePayload(code, reason); // throws here if the data may not be sent
    this.#wanted = false;
    this.#end(
      endOf(invalidState("The connection was closed")),
      (socket) => void this.#closeBehindOutbox(socket, code, reason),
    );
    return this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Message> {
    return {
      next: async () => {
        const [value] = await this.#inbox.take() ?? [];
        return value === undefined ? { value, done: true } : { value, done: false };
      },
      return: () => Promise.resolve({ value: undefined, done: true }),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #abort = (): void => this.#fail(this.#init.signal?.reason);

  /** Ends it for good with an error. */
  #fail(error: unknown): void {
    this.#nothing = { ...this.#nothing, error };
    this.#wanted = false;
    this.#end(error, (socket) => socket.abort(error));
  }

  /** Makes the error of a call after the end. */
  #ended(message: string): DOMException {
    const cause = this.#nothing.error ?? (this.#state === "closed" ? this.#lastClose?.error : undefined);
    return endOf(invalidState(message, cause));
  }

  /** Ends the connection for good: starts nothing more and leaves what is under way. */
  #end(reason: unknown, leave: (socket: WebSocketConnection<Data>) => void): void {
    if (this.#state === "closed") return;
    this.#stop.abort(reason);
    this.#leave = leave;
    this.#inbox.release();
    if (this.#socket !== undefined) leave(this.#socket);
  }

  /** Closes a connection. An open connection first takes the outbox at its own pace, because its queue has its own limit. */
  async #closeBehindOutbox(socket: WebSocketConnection<Data>, code: number, reason: string): Promise<void> {
    if (this.#state === "open" && this.#unsent.messages > 0) {
      const { closeTimeout: time } = this.#init;
      const late = () => new ConnectionError(`The outbox did not leave within ${time} ms`);
      try {
        await withDeadline(this.#sendOutbox(socket), { time, late });
      } catch {
        // The remaining messages are not sent; their promises reject with the error of `close`.
      }
    }
    void socket.close(code, reason);
  }

  /** Whether the connection has shown that it works. */
  get #proven(): boolean {
    if (this.#openedAt === undefined) return false;
    return this.#heard || performance.now() - this.#openedAt >= this.#init.limits.stableInterval;
  }

  async #run(): Promise<void> {
    let info: CloseInfo;
    try {
      do info = await this.#connectOnce(); while (await this.#goesOn(info));
    } catch (error) {
      info = lost(error); // an error in the hook
    }
    await this.#finish(info);
  }

  /** Runs one connection, from the attempt to its end. */
  async #connectOnce(): Promise<CloseInfo> {
    if (this.#stop.signal.aborted) return this.#nothing;
    this.#change("connecting");
    try {
      this.#socket = await this.#init.open(this.#stop.signal);
    } catch (error) {
      return this.#stop.signal.aborted ? this.#nothing : lost(error);
    }
    const socket = this.#socket;
    this.#heard = false;
    this.#sending = undefined;
    this.#leave?.(socket); // the attempt could no longer be given up
    const failure = await this.#prepare(socket);
    if (socket.readyState === 1) {
      this.#openedAt = performance.now();
      this.#change("open");
      void this.#sendOutbox(socket);
    }
    this.#receiving = this.#receive(socket);
    const info = await socket.closed;
    return failure ?? info;
  }

  /** Runs `onConnect`, and returns its error if it failed. */
  async #prepare(socket: WebSocketConnection<Data>): Promise<CloseInfo | undefined> {
    if (this.#init.onConnect === undefined || this.#stop.signal.aborted) return undefined;
    try {
      await Promise.race([this.#init.onConnect(socket), socket.closed]);
      return undefined;
    } catch (cause) {
      // If it failed because the connection did, the connection's error is more useful.
      if (socket.readyState !== 1) return undefined;
      void socket.close(CloseCode.INTERNAL_ERROR);
      return lost(new ConnectionError("onConnect failed", { cause }));
    }
  }

  /** Sends the outbox as fast as the connection takes it. New messages are added at its end. */
  #sendOutbox(socket: WebSocketConnection<Data>): Promise<void> {
    const sendAll = async (): Promise<void> => {
      while (socket.readyState === 1) {
        const handed = this.#unsent.handOne(socket);
        if (handed === undefined) return;
        await handed;
      }
    };
    return this.#sending ??= sendAll();
  }

  /** Receives messages. It pauses, and so slows down the peer, while too many bytes are unread. */
  async #receive(socket: WebSocketConnection<Data>): Promise<void> {
    await this.#receiving; // unread messages of the previous connection
    try {
      for await (const message of socket) {
        this.#heard = true;
        if (!this.#wanted) continue; // reading must go on, because a peer that is stopped might not read what is still sent
        this.#keep(message);
        while (this.#inbox.full && !this.#stop.signal.aborted) await this.#inbox.capacity();
      }
    } catch {
      // `closed` says why.
    }
  }

  /**
   * Queues a message and counts the memory that it takes. A small message must not keep the buffer of its whole read in memory.
   */
  #keep(message: Message): void {
    const whole = typeof message === "string" || message.byteLength === message.buffer.byteLength;
    this.#inbox.put([whole || this.#inbox.awaited ? message : ownCopy(message)]);
  }

  /** Decides after an end whether to reconnect, and waits. */
  async #goesOn(info: CloseInfo): Promise<boolean> {
    this.#lastClose = info;
    this.#failures = this.#proven ? 0 : this.#failures + 1;
    this.#openedAt = undefined;
    if (this.#stop.signal.aborted || this.#failures >= this.#init.limits.maxAttempts) return false;
    if (!await (this.#init.shouldReconnect ?? shouldReconnect)(info) || this.#stop.signal.aborted) return false;
    const retryAfter = info.error instanceof HandshakeError ? info.error.headers.get("retry-after") : null;
    this.#delay = reconnectDelay(this.#failures, { ...this.#init.delay, retryAfter });
    this.#change("waiting");
    await this.#wait(this.#delay);
    await this.#receiving;
    this.#delay = 0;
    return true;
  }

  /** Waits before the next attempt, or until the network is back. */
  async #wait(time: number): Promise<void> {
    const { network } = this.#init;
    const hurry = new AbortController();
    const online = () => hurry.abort();
    network?.addEventListener("online", online);
    await sleep(time, AbortSignal.any([this.#stop.signal, hurry.signal]));
    network?.removeEventListener("online", online);
  }

  async #finish(info: CloseInfo): Promise<void> {
    const reason = endOf(info.error ?? invalidState("The connection is closed for good"));
    this.#end(reason, (socket) => socket.abort(reason));
    await this.#receiving; // messages that have arrived can still be read
    this.#init.signal?.removeEventListener("abort", this.#abort);
    this.#unsent.end(this.#stop.signal.reason);
    this.#lastClose = info;
    try {
      this.#change("closed");
    } catch (error) {
      this.#lastClose = info.error === undefined ? { ...info, error } : info;
    }
    this.#inbox.end(this.#lastClose.error);
    this.#closed.resolve(this.#lastClose);
  }

  #change(state: ReconnectingState): void {
    if (this.#state === state) return;
    this.#state = state;
    const told = this.#init.onState?.(this);
    if (isThenable(told)) Promise.resolve(told).catch((error) => this.#fail(error));
  }
}

/** Describes a failed attempt as a lost connection (RFC 6455 §7.1.5). */
function lost(error: unknown): CloseInfo {
  return { closeCode: CloseCode.ABNORMAL, reason: "", wasClean: false, error };
}
