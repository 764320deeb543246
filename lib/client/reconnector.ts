/**
 * One connection after another behind one surface: the attempts, the waiting, and what is kept from one to the next.
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

/** What a connection that comes back is made of. */
export interface ReconnectorInit<Data> extends ReconnectingHooks<Data> {
  /** Makes a connection, or gives up with the signal. */
  open: (signal: AbortSignal) => Promise<WebSocketConnection<Data>>;
  /** Its limits. */
  limits: ReconnectLimits;
  /** Bytes that may wait to be read. */
  highWaterMark: number;
  /** Milliseconds that `close` waits until the open connection has taken the outbox. 0: no limit. */
  closeTimeout: number;
  /** How the waiting grows. */
  delay: Omit<ReconnectDelayOptions, "retryAfter"> | undefined;
  /** Ends it for good. */
  signal: AbortSignal | undefined;
  /** Where a browser dispatches `online`, when the network is back: then there is no waiting. */
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
  /** Whether the application still wants messages: not those that come after its `close`. */
  #wanted = true;
  #leave: ((socket: WebSocketConnection<Data>) => void) | undefined;
  /** How it ends where there is no connection to end. */
  #nothing: CloseInfo = { closeCode: CloseCode.ABNORMAL, reason: "", wasClean: false };

  /** @param init What it is made of. */
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
    if (typeof data !== "string") bytesOf(data); // the same data is a message whether or not it has to wait
    if (this.#stop.signal.aborted) {
      return handled(Promise.reject(this.#ended("Cannot send: the connection is closed for good")));
    }
    const { socket } = this;
    if (socket?.readyState === 1 && this.#unsent.messages === 0) return socket.send(data, options);
    return this.#unsent.add(data, options);
  }

  close(code: number = CloseCode.NORMAL, reason = ""): Promise<CloseInfo> {
    encodeClosePayload(code, reason); // throws here what may not be sent
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

  /** What a call gets that comes after the end. */
  #ended(message: string): DOMException {
    const cause = this.#nothing.error ?? (this.#state === "closed" ? this.#lastClose?.error : undefined);
    return endOf(invalidState(message, cause));
  }

  /** The end for good: nothing more is begun, and what there is is left. */
  #end(reason: unknown, leave: (socket: WebSocketConnection<Data>) => void): void {
    if (this.#state === "closed") return;
    this.#stop.abort(reason);
    this.#leave = leave;
    this.#inbox.release();
    if (this.#socket !== undefined) leave(this.#socket);
  }

  /** Closes a connection. One that is open takes the outbox first, at its own pace: its queue has a limit of its own. */
  async #closeBehindOutbox(socket: WebSocketConnection<Data>, code: number, reason: string): Promise<void> {
    if (this.#state === "open" && this.#unsent.messages > 0) {
      const { closeTimeout: time } = this.#init;
      const late = () => new ConnectionError(`The outbox did not leave within ${time} ms`);
      try {
        await withDeadline(this.#sendOutbox(socket), { time, late });
      } catch {
        // What is left is not sent: its senders get the error of `close`.
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
      info = lost(error); // a hook's own mistake
    }
    await this.#finish(info);
  }

  /** One connection, from the attempt to its end. */
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
    this.#leave?.(socket); // it was too late to give up the attempt
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

  /** The application's preparations; how they failed, if they did. */
  async #prepare(socket: WebSocketConnection<Data>): Promise<CloseInfo | undefined> {
    if (this.#init.onConnect === undefined || this.#stop.signal.aborted) return undefined;
    try {
      await Promise.race([this.#init.onConnect(socket), socket.closed]);
      return undefined;
    } catch (cause) {
      // Where it failed because the connection did, that says more.
      if (socket.readyState !== 1) return undefined;
      void socket.close(CloseCode.INTERNAL_ERROR);
      return lost(new ConnectionError("onConnect failed", { cause }));
    }
  }

  /** Sends what waits, as fast as the connection takes it. What comes meanwhile waits behind it. */
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

  /** Takes what comes. It stops, and with it the peer, while too much waits to be read. */
  async #receive(socket: WebSocketConnection<Data>): Promise<void> {
    await this.#receiving; // what is left of the connection before
    try {
      for await (const message of socket) {
        this.#heard = true;
        if (!this.#wanted) continue; // the peer must not be stopped: it might then not read what is still sent
        this.#keep(message);
        while (this.#inbox.full && !this.#stop.signal.aborted) await this.#inbox.capacity();
      }
    } catch {
      // `closed` says why.
    }
  }

  /** Puts a message into the queue, which counts what it takes in memory. A small one must not keep its whole read there. */
  #keep(message: Message): void {
    const whole = typeof message === "string" || message.byteLength === message.buffer.byteLength;
    this.#inbox.put([whole || this.#inbox.awaited ? message : ownCopy(message)]);
  }

  /** After an end: whether to come back, and the waiting. */
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

  /** Waits before the next attempt: less where the network comes back meanwhile. */
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
    await this.#receiving; // what came can still be read
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

/** What a failed attempt is to those who ask: a connection that was lost (RFC 6455 §7.1.5). */
function lost(error: unknown): CloseInfo {
  return { closeCode: CloseCode.ABNORMAL, reason: "", wasClean: false, error };
}
