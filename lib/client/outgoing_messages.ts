/**
 * The outgoing messages of a `WebSocket`, in order. Blobs have to be read first. The bytes are counted as the web counts them.
 *
 * @module
 */
import type { Message, MessageData } from "../pipeline/messages/message.ts";
import type { Connection } from "../connection/connection.ts";
import { isBlob } from "../connection/message_source.ts";
import { BufferedAmount } from "./buffered_amount.ts";
import { utf8Length } from "../pipeline/bytes/utf8.ts";

/** The types that a `WebSocket` can send. */
export type Sendable = Message | Blob;

/** The messages of one `WebSocket`, before it is open, while it is and afterwards. */
export class OutgoingMessages {
  readonly #buffered = new BufferedAmount();
  #connection: Connection | undefined;
  #open = false;
  /** Resolves when the connection has all messages. It is set only while a blob is being read. */
  #turn: Promise<void> | undefined;
  /** Bytes that wait for their turn. */
  #waiting = 0;
  /** Bytes that will never be sent, because `send` came too late or the connection was lost while they were queued. */
  #unsent = 0;

  /** Sends messages to this connection from now on. */
  open(connection: Connection): void {
    this.#connection = connection;
    this.#open = true;
  }

  /** Sends a copy of a message. If it is too late, the message is only counted. */
  send(data: Sendable): void {
    if (isBlob(data)) return this.#take(data.size, () => data.arrayBuffer());
    if (typeof data === "string") this.#take(utf8Length(data), data);
    else this.#take(data.length, this.#turn === undefined ? data : new Uint8Array(data));
  }

  /** Takes no more messages, and calls back when the connection has all of them, so that the close frame can follow. */
  close(then: (connection: Connection) => void): void {
    this.#open = false;
    const connection = this.#connection;
    if (connection === undefined) return;
    if (this.#turn === undefined) then(connection);
    else void this.#turn.then(() => then(connection));
  }

  /** Stops sending. If the connection was lost, the messages in its queue remain counted. */
  end({ wasClean }: { wasClean: boolean }): void {
    if (!wasClean) this.#unsent += this.#buffered.bytes;
    this.#open = false;
    this.#connection = undefined;
  }

  /** Bytes of messages that the transport has not taken yet. */
  get bufferedAmount(): number {
    return this.refresh() + this.#waiting + this.#unsent;
  }

  /** Updates the count from the connection's queue. */
  refresh(): number {
    if (this.#connection === undefined) return 0;
    const { readyState, bufferedAmount } = this.#connection;
    // The queue of a connection that has ended is always empty.
    return readyState === 3 ? this.#buffered.bytes : this.#buffered.update(bufferedAmount);
  }

  #take(size: number, data: MessageData | (() => Promise<MessageData>)): void {
    if (!this.#open) this.#unsent += size;
    else if (this.#turn === undefined && typeof data !== "function") this.#pass(size, data);
    else this.#wait(size, data);
  }

  /** Sends a message that has to be read first, or that follows one. */
  #wait(size: number, data: MessageData | (() => Promise<MessageData>)): void {
    this.#waiting += size;
    const pass = async (before: Promise<void> | undefined): Promise<void> => {
      await before;
      try {
        const message = typeof data === "function" ? await data() : data;
        this.#waiting -= size;
        this.#pass(size, message);
      } catch (error) {
        this.#connection?.fail(error); // for example a deleted file; later messages may depend on this one
      }
      if (this.#turn === turn) this.#turn = undefined;
    };
    const turn = pass(this.#turn);
    this.#turn = turn;
  }

  /** Passes a message to the connection, unless the close frame was already sent. */
  #pass(size: number, message: MessageData): void {
    const connection = this.#connection;
    this.refresh();
    const queued = connection?.bufferedAmount ?? 0;
    void connection?.send(message);
    const wire = (connection?.bufferedAmount ?? 0) - queued;
    // It was not sent if it came too late, or if the full queue ended the connection.
    if (wire > 0) this.#buffered.add(size, wire);
    else this.#unsent += size;
  }
}
