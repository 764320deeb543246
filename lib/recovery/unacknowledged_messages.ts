/**
 * Messages that the server has not acknowledged. They are kept up to a limit and sent again.
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

/** The part of a connection that is used. */
type Way = Pick<WebSocketConnection, "send" | "readyState">;

interface Kept {
  /** Its number; 0 while it is not known where the session continues. */
  number: number;
  readonly message: Message;
  readonly bytes: number;
  readonly taken: Deferred<void>;
}

/** Keeps messages in order until the server has them. */
export class UnacknowledgedMessages {
  readonly #session: string;
  readonly #limits: Pick<ReconnectLimits, "maxOutboxBytes" | "maxOutboxMessages">;
  readonly #kept: Kept[] = [];
  #bytes = 0;
  /** The number of the last message, once the server has sent the first number of the session. */
  #last: number | undefined;
  #socket: Way | undefined;
  /** Whether the server has reported on this connection which messages it has. */
  #resumed = false;
  #ended: { readonly error: unknown } | undefined;

  /**
   * @param session The name of the session.
   * @param limits The limits.
   */
  constructor(session: string, limits: Pick<ReconnectLimits, "maxOutboxBytes" | "maxOutboxMessages">) {
    this.#session = session;
    this.#limits = limits;
  }

  /** The number of messages. */
  get length(): number {
    return this.#kept.length;
  }

  /** Keeps a message, and sends it if it is its turn. Resolves when the server has taken it. */
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

  /** Called for a new connection. Asks the server which messages it has. */
  begin(socket: Way): void {
    this.#socket = socket;
    this.#resumed = false;
    void socket.send(encodeFact({ type: "session", session: this.#session }));
  }

  /** Called when the server reports which messages it has taken. The first time on a connection, the rest is sent. */
  taken(said: Extract<FromServer, { type: "session" | "acknowledged" }>): void {
    if (said.type === "session" && said.session !== this.#session) return;
    if (this.#last === undefined) {
      // Messages that were taken before belong to an earlier use of the session.
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

  /** Called at the end. As far as is known, the remaining messages were not taken. */
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
