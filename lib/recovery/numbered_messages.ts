/**
 * The numbered messages of one client at one server. They may come over several connections, because a server can still handle a
 * message of a lost connection when the client has reconnected.
 *
 * @module
 */
import { isEnd } from "../connection/not_open.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import type { Log } from "./log.ts";
import { encodeFact } from "./protocol.ts";

/** The part of a connection that is used. */
type Way = Pick<WebSocketConnection, "send" | "readyState">;

/** Passes each message of a session to the application once and in order. */
export class NumberedMessages {
  /** The number of connections that use it. */
  users = 0;
  /** The name of the session. */
  readonly session: string;
  readonly #log: Log;
  #taken = 0;
  /** The end of everything that was begun. */
  #last: Promise<void> = Promise.resolve();

  /**
   * @param session The name of the session.
   * @param log The log, which remembers the number of the last message for all servers.
   */
  constructor(session: string, log: Log) {
    this.session = session;
    this.#log = log;
  }

  /** Resolves when no message is being handled any more. */
  get idle(): Promise<void> {
    return this.#last;
  }

  /**
   * Tells the client of a new connection which messages were taken before.
   *
   * @param socket The connection.
   */
  resume(socket: Way): Promise<void> {
    return this.#next(async () => {
      this.#taken = Math.max(this.#taken, await this.#log.taken(this.session));
      void socket.send(encodeFact({ type: "session", session: this.session, number: this.#taken }));
    });
  }

  /**
   * Passes a message to the application, unless it was taken before.
   *
   * @param socket The connection.
   * @param number The number of the message.
   * @param hear Passes the message on, with its id.
   */
  take(socket: Way, number: number, hear: (id: string) => unknown): Promise<void> {
    return this.#next(async () => {
      if (number > this.#taken) {
        await this.#hear(socket, () => hear(`${this.session}:${number}`));
        this.#taken = number;
        await this.#log.take(this.session, number);
      }
      void socket.send(encodeFact({ type: "acknowledged", number }));
    });
  }

  /** Passes a message on. If the application did not take it, the connection ends, so that the client sends it again. */
  async #hear(socket: Way, hear: () => unknown): Promise<void> {
    try {
      await hear();
    } catch (error) {
      // The end of another connection would not end this one, and the next number would acknowledge this message too.
      if (!isEnd(error) || socket.readyState !== 1) throw error;
      throw new Error("The message was not taken because another connection ended", { cause: error });
    }
  }

  #next(action: () => Promise<void>): Promise<void> {
    const done = this.#last.then(action);
    this.#last = done.catch(() => {}); // the caller gets the error
    return done;
  }
}
