/**
 * Messages that wait for a connection: bounded, in order, and none is dropped without its sender being told.
 *
 * @module
 */
import { defer, type Deferred } from "../deferred.ts";
import { LimitError } from "../errors.ts";
import type { ReconnectLimits } from "../limits.ts";
import { bytesOf, type MessageData } from "../pipeline/messages/message.ts";
import type { SendOptions, WebSocketConnection } from "../pipeline/sockets/websocket_connection.ts";

/** How much may wait. */
export type OutboxLimits = Pick<ReconnectLimits, "maxOutboxBytes" | "maxOutboxMessages">;

interface Entry {
  readonly data: MessageData;
  readonly options: SendOptions | undefined;
  readonly bytes: number;
  readonly handed: Deferred<void>;
}

/** Holds messages until they are handed to a connection, each to one and once. */
export class Outbox {
  readonly #limits: OutboxLimits;
  readonly #entries: Entry[] = [];
  #bytes = 0;

  /** @param limits How much may wait. */
  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  /** Messages that wait. */
  get messages(): number {
    return this.#entries.length;
  }

  /** Bytes that wait, text as UTF-8. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Puts a message behind the others.
   *
   * @param data The message.
   * @param options How it is sent.
   * @returns What the connection's `send` says once it is handed to one; rejects with `LimitError` if there is no room for it.
   * @throws {TypeError} If `data` is no message.
   */
  add(data: MessageData, options?: SendOptions): Promise<void> {
    const bytes = sizeOf(data);
    const handed = defer<void>();
    handed.promise.catch(() => {}); // a promise that is ignored is no unhandled rejection, as with a connection's `send`
    const error = this.#over("maxOutboxMessages", this.messages + 1) ??
      this.#over("maxOutboxBytes", this.#bytes + bytes);
    if (error !== undefined) {
      handed.reject(error);
    } else {
      this.#entries.push({ data, options, bytes, handed });
      this.#bytes += bytes;
    }
    return handed.promise;
  }

  /**
   * Hands the first message to a connection.
   *
   * @param socket The connection, which is open.
   * @returns Resolves when the connection takes more; it never rejects. `undefined` where nothing waits.
   */
  handOne(socket: Pick<WebSocketConnection, "send">): Promise<void> | undefined {
    const entry = this.#shift();
    if (entry === undefined) return undefined;
    const sent = socket.send(entry.data, entry.options);
    return sent.then(entry.handed.resolve, entry.handed.reject);
  }

  /** Hands all messages to a connection, without waiting until it takes more. */
  handAll(socket: Pick<WebSocketConnection, "send">): void {
    while (this.handOne(socket) !== undefined);
  }

  /** Tells the senders of all that waits that it is not sent. */
  end(error: unknown): void {
    for (let entry = this.#shift(); entry !== undefined; entry = this.#shift()) entry.handed.reject(error);
  }

  #shift(): Entry | undefined {
    const entry = this.#entries.shift();
    if (entry !== undefined) this.#bytes -= entry.bytes;
    return entry;
  }

  #over(limit: keyof OutboxLimits, actual: number): LimitError | undefined {
    const max = this.#limits[limit];
    if (actual <= max) return undefined;
    const unit = limit === "maxOutboxBytes" ? "bytes" : "messages";
    return new LimitError(`Outbox has no room: ${actual} ${unit} are over ${limit} ${max}`, {
      limit,
      max,
      actual,
      closeCode: 1013,
    });
  }
}

function sizeOf(data: MessageData): number {
  return typeof data === "string" ? new TextEncoder().encode(data).length : bytesOf(data).length;
}
