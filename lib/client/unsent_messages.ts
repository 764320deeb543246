/**
 * Messages that wait for a connection, in order and up to a limit. If a message is dropped, its `send` rejects.
 *
 * @module
 */
import { defer, type Deferred } from "../async.ts";
import { LimitError } from "../errors.ts";
import type { ReconnectLimits } from "../limits.ts";
import { bytesOf, type Message, type MessageData } from "../pipeline/messages/message.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import type { SendOptions } from "../connection/socket_options.ts";
import { utf8Length } from "../pipeline/bytes/utf8.ts";

/** The limits of waiting messages. */
export type UnsentLimits = Pick<ReconnectLimits, "maxOutboxBytes" | "maxOutboxMessages">;

interface Entry {
  readonly message: Message;
  readonly options: SendOptions | undefined;
  readonly bytes: number;
  readonly handed: Deferred<void>;
}

/** Holds messages until they are passed to a connection. Each message is passed once. */
export class UnsentMessages {
  readonly #limits: UnsentLimits;
  readonly #entries: Entry[] = [];
  #bytes = 0;

  /** @param limits The limits. */
  constructor(limits: UnsentLimits) {
    this.#limits = limits;
  }

  /** Messages that wait. */
  get messages(): number {
    return this.#entries.length;
  }

  /** Bytes that wait. Text counts as UTF-8. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Adds a message at the end. Binary data is copied: the wait may be long, and the caller may change or transfer its memory
   * meanwhile.
   *
   * @param data The message.
   * @param options Whether to compress the message.
   * @returns The result of the connection's `send`, once the message is passed to one; rejects with a `LimitError` if there is no
   *   room for it.
   * @throws {TypeError} If `data` is not a message, or its buffer is detached.
   */
  add(data: MessageData, options?: SendOptions): Promise<void> {
    const bytes = typeof data === "string" ? utf8Length(data) : bytesOf(data).length;
    const handed = defer<void>();
    handed.promise.catch(() => {}); // an ignored promise does not become an unhandled rejection, as with a connection's `send`
    const error = this.#over("maxOutboxMessages", this.messages + 1) ??
      this.#over("maxOutboxBytes", this.#bytes + bytes);
    if (error !== undefined) {
      handed.reject(error);
    } else {
      // Not `slice`: that of a Node `Buffer` does not copy.
      const message = typeof data === "string" ? data : new Uint8Array(bytesOf(data));
      this.#entries.push({ message, options, bytes, handed });
      this.#bytes += bytes;
    }
    return handed.promise;
  }

  /**
   * Passes the first message to a connection. If the connection refuses the message, only its promise rejects.
   *
   * @param socket The connection, which is open.
   * @returns Resolves when the connection takes more; it never throws or rejects. `undefined` if no message waits.
   */
  handOne(socket: Pick<WebSocketConnection, "send">): Promise<void> | undefined {
    const entry = this.#shift();
    return entry && hand(entry, socket);
  }

  /** Rejects the promises of all waiting messages. */
  end(error: unknown): void {
    for (let entry = this.#shift(); entry !== undefined; entry = this.#shift()) entry.handed.reject(error);
  }

  #shift(): Entry | undefined {
    const entry = this.#entries.shift();
    if (entry !== undefined) this.#bytes -= entry.bytes;
    return entry;
  }

  #over(limit: keyof UnsentLimits, actual: number): LimitError | undefined {
    const max = this.#limits[limit];
    if (actual <= max) return undefined;
    const unit = limit === "maxOutboxBytes" ? "bytes" : "messages";
    return new LimitError(`UnsentMessages has no room: ${actual} ${unit} are over ${limit} ${max}`, {
      limit,
      max,
      actual,
      closeCode: 1013,
    });
  }
}

async function hand({ message, options, handed }: Entry, socket: Pick<WebSocketConnection, "send">): Promise<void> {
  try {
    await socket.send(message, options);
    handed.resolve();
  } catch (error) {
    handed.reject(error);
  }
}
