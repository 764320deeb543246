/**
 * What a client sent and the server has not acknowledged: kept, bounded, and sent again.
 *
 * @module
 */
import { deferHandled, type Deferred, handled } from "../async.ts";
import { invalidState, LimitError } from "../errors.ts";
import type { ReconnectLimits } from "../limits.ts";
import { type Message, MESSAGE_COST, ownCopy } from "../pipeline/messages/message.ts";
import { utf8Length } from "../pipeline/bytes/utf8.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import { encodeFact, encodeMessage, type FromServer } from "./protocol.ts";

/** A connection, as far as it is used. */
type Way = Pick<WebSocketConnection, "send" | "readyState">;

interface Kept {
  /** Its number; 0 while it is not known with which one the session goes on. */
  number: number;
  readonly message: Message;
  readonly bytes: number;
  readonly taken: Deferred<void>;
}

/** Messages in order, each until the server has it. */
export class UnacknowledgedMessages {
  readonly #session: string;
  readonly #limits: Pick<ReconnectLimits, "maxOutboxBytes" | "maxOutboxMessages">;
  readonly #kept: Kept[] = [];
  #bytes = 0;
  /** The number of the last message, once the server has said with which one the session begins. */
  #last: number | undefined;
  #socket: Way | undefined;
  /** Whether the server has said on this connection what it has. */
  #resumed = false;
  #ended: { readonly error: unknown } | undefined;

  /**
   * @param session What the server knows them by.
   * @param limits How much is kept.
   */
  constructor(session: string, limits: Pick<ReconnectLimits, "maxOutboxBytes" | "maxOutboxMessages">) {
    this.#session = session;
    this.#limits = limits;
  }

  /** How many there are. */
  get length(): number {
    return this.#kept.length;
  }

  /** Keeps a message, and sends it where that is its turn. Resolves when the server has taken it. */
  add(data: Message): Promise<void> {
    if (this.#ended !== undefined) {
      return handled(Promise.reject(invalidState("Cannot send: the connection is closed for good", this.#ended.error)));
    }
    const bytes = MESSAGE_COST + (typeof data === "string" ? utf8Length(data) : data.byteLength);
    const error = this.#over("maxOutboxMessages", this.length + 1) ?? this.#over("maxOutboxBytes", this.#bytes + bytes);
    if (error !== undefined) return handled(Promise.reject(error));
    const kept = {
      number: this.#last === undefined ? 0 : ++this.#last,
      message: ownCopy(data),
      bytes,
      taken: deferHandled<void>(),
    };
    this.#kept.push(kept);
    this.#bytes += bytes;
    if (this.#resumed) this.#send(kept);
    return kept.taken.promise;
  }

  /** There is a new connection: the server is asked what it has. */
  begin(socket: Way): void {
    this.#socket = socket;
    this.#resumed = false;
    void socket.send(encodeFact({ type: "session", session: this.#session }));
  }

  /** The server has taken what it says; the first time on a connection, it gets the rest. */
  taken(said: Extract<FromServer, { type: "session" | "acknowledged" }>): void {
    if (said.type === "session" && said.session !== this.#session) return;
    if (this.#last === undefined) {
      // What was taken before belongs to an earlier life of the session.
      this.#last = said.number;
      for (const kept of this.#kept) kept.number = ++this.#last;
    }
    while (this.#kept[0] !== undefined && this.#kept[0].number <= said.number) {
      const { bytes, taken } = this.#kept.shift()!;
      this.#bytes -= bytes;
      taken.resolve();
    }
    if (said.type === "acknowledged" || this.#resumed) return;
    this.#resumed = true;
    for (const kept of this.#kept) this.#send(kept);
  }

  /** It is over: what is left was not taken, as far as is known. */
  end(error: unknown): void {
    this.#ended = { error };
    this.#resumed = false;
    for (const { taken } of this.#kept.splice(0)) {
      taken.reject(invalidState("The connection is closed for good", error));
    }
    this.#bytes = 0;
  }

  #send({ number, message }: Kept): void {
    if (this.#socket?.readyState === 1) void this.#socket.send(encodeMessage({ number }, message));
  }

  #over(limit: "maxOutboxBytes" | "maxOutboxMessages", actual: number): LimitError | undefined {
    const max = this.#limits[limit];
    if (actual <= max) return undefined;
    const unit = limit === "maxOutboxBytes" ? "bytes" : "messages";
    const facts = { limit, max, actual, closeCode: 1013 } as const;
    return new LimitError(`Server has not taken ${actual} ${unit}: they are over ${limit} ${max}`, facts);
  }
}
