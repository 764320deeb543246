/**
 * A WebSocket connection, either role, over any transport: two loops that move bytes, and the two stages between them.
 *
 * ```text
 * transport ─▶ #read() ──▶ Incoming ──▶ BatchQueue ──▶ the application
 *                             │ pings, pongs, close        │
 *                             ▼                            ▼
 * transport ◀─ #write() ◀─ Outgoing ◀───────── send, ping, close
 * ```
 *
 * `receiving_connection.ts` contains the upper row, `sending_connection.ts` the lower one, and `base_connection.ts` the facts and
 * the streams. This file contains the beginning, the end, and observers. `docs/explanation/how-a-connection-works.md` explains
 * all of it.
 *
 * @module
 */
import { ConnectionError } from "../errors.ts";
import { packFields, unpackFields } from "../handshake/http_fields.ts";
import { checkOptions } from "../options.ts";
import { CloseCode, encodeClosePayload } from "../pipeline/frames/close_code.ts";
import { Closing, type ClosingOwner, type DecideReply } from "./closing.ts";
import { endOf, isTooLate, notOpen, tooLate } from "./not_open.ts";
import { ReceivingConnection } from "./receiving_connection.ts";
import type { ConnectionInit } from "./sending_connection.ts";
import { TAP_OPTION_KINDS, type TapOptions } from "./socket_options.ts";
import { ConnectionWatch } from "./watch/connection_watch.ts";
import { notify, type Observer } from "./watch/observer.ts";
import type { CloseInfo } from "./websocket_connection.ts";

/** The implementation of `WebSocketConnection`, with the internal members that `server/` and `client/` need. */
export class Connection<Data = unknown> extends ReceivingConnection<Data> implements ClosingOwner {
  readonly closed: Promise<CloseInfo>;
  decideReply: DecideReply | undefined = undefined;
  protected readonly closing: Closing;
  #resolveClosed!: (info: CloseInfo) => void;
  readonly #fields: string;
  #headers: Headers | undefined;

  /** @param init Its parts. The connection starts to read at once. */
  constructor(init: ConnectionInit<Data>) {
    super(init);
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
    this.#fields = packFields(init.fields);
    this.closing = new Closing(this);
    if (init.observer !== undefined) this.#observe(init.observer);
    this.startReading(init.rest);
  }

  get headers(): Headers {
    return this.#headers ??= unpackFields(this.#fields);
  }

  // The end.

  close(code: number = CloseCode.NORMAL, reason = ""): Promise<CloseInfo> {
    this.closing.close(encodeClosePayload(code, reason));
    return this.closed;
  }

  /** Closes with an empty close frame, as in the WHATWG standard if no code is given. */
  closeWithoutCode(): Promise<CloseInfo> {
    this.closing.close(encodeClosePayload());
    return this.closed;
  }

  abort(reason: unknown = new ConnectionError("The connection was aborted")): void {
    this.aborted = true;
    this.closing.abort(reason);
  }

  fail(error: unknown): void {
    this.closing.fail(error);
  }

  /** The reason of an end that is not clean. It is known before `closed` resolves. */
  get cause(): unknown {
    return this.closing.error;
  }

  /** Whether a handler only rethrew the error of the connection's end, which is not a mistake of the handler. */
  isOwnError(error: unknown): boolean {
    if (this.closing.state === "open") return false;
    return (error !== undefined && error === this.closing.error) || isTooLate(error);
  }

  onLeaveOpen(): void {
    this.owner?.onClosing();
  }

  releaseExtensions(): void {
    this.chain?.release();
  }

  finish(info: CloseInfo): void {
    this.transport.close();
    // An error with a stack trace is created only if a promise waits for it.
    const reason = () => endOf(info.error ?? tooLate());
    this.endSending(reason);
    this.onend?.();
    this.endReceiving(info.error, reason);
    this.#resolveClosed(info);
  }

  // Observers.

  tap(options: TapOptions = {}): ReadableStream<string> {
    checkOptions("tap()", options, TAP_OPTION_KINDS);
    if (this.closing.state === "closed") {
      const error = notOpen("tap", this, this.closing.error);
      return new ReadableStream({ start: (controller) => controller.error(error) });
    }
    const { role, url, protocol, extensions, limits } = this;
    const facts = { role, url, protocol, extensions, limits, standard: this.framing === undefined };
    return this.#watched().tap(facts, options, () => this.#unwatch());
  }

  #observe(observer: Observer): void {
    const watching = notify(() => observer.opened?.(this)) ?? undefined;
    if (watching !== undefined) this.#watched().observer = watching;
  }

  #watched(): ConnectionWatch {
    if (this.watch !== undefined) return this.watch;
    const watch = new ConnectionWatch({ incoming: this.incoming, outgoing: this.outgoing, framing: this.framing });
    void this.closed.then((info) => watch.end(info));
    return this.watch = watch;
  }

  #unwatch(): void {
    if (this.watch?.inUse === false) this.watch = undefined;
  }
}
