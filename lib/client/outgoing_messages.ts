/**
 * What a `WebSocket` sends: in order, blobs too, which have to be read first, and counted as the web counts it.
 *
 * @module
 */
import type { Message, MessageData } from "../pipeline/messages/message.ts";
import type { Connection } from "../connection/connection.ts";
import { isBlob } from "../connection/message_source.ts";
import { BufferedAmount } from "./buffered_amount.ts";
import { utf8Length } from "../pipeline/bytes/utf8.ts";

/** What a `WebSocket` can send. */
export type Sendable = Message | Blob;

/** The messages of one `WebSocket`, before it is open, while it is and afterwards. */
export class OutgoingMessages {
  readonly #buffered = new BufferedAmount();
  #connection: Connection | undefined;
  #open = false;
  /** Resolves when the connection has everything that was sent. There is one only while a blob is being read. */
  #turn: Promise<void> | undefined;
  /** Bytes that wait for their turn. */
  #waiting = 0;
  /** Bytes that never leave: they were sent too late, or were queued when the connection was lost. */
  #unsent = 0;

  /** Messages go to this connection now. */
  open(connection: Connection): void {
    this.#connection = connection;
    this.#open = true;
  }

  /** Sends a message, or counts it where that is too late. It is copied. */
  send(data: Sendable): void {
    if (isBlob(data)) return this.#take(data.size, () => data.arrayBuffer());
    if (typeof data === "string") this.#take(utf8Length(data), data);
    else this.#take(data.length, this.#turn === undefined ? data : new Uint8Array(data));
  }

  /** Takes no more messages, and calls back when the connection has all that were taken: it is for its close frame then. */
  close(then: (connection: Connection) => void): void {
    this.#open = false;
    const connection = this.#connection;
    if (connection === undefined) return;
    if (this.#turn === undefined) then(connection);
    else void this.#turn.then(() => then(connection));
  }

  /** Nothing leaves any more. Where the connection was lost, what was in its queue stays counted. */
  end({ wasClean }: { wasClean: boolean }): void {
    if (!wasClean) this.#unsent += this.#buffered.bytes;
    this.#open = false;
    this.#connection = undefined;
  }

  /** Bytes of data that were sent and that the transport has not taken. */
  get bufferedAmount(): number {
    return this.refresh() + this.#waiting + this.#unsent;
  }

  /** Looks at what has left. */
  refresh(): number {
    if (this.#connection === undefined) return 0;
    const { readyState, bufferedAmount } = this.#connection;
    // The queue of a connection that has ended is empty, whatever has left.
    return readyState === 3 ? this.#buffered.bytes : this.#buffered.update(bufferedAmount);
  }

  #take(size: number, data: MessageData | (() => Promise<MessageData>)): void {
    if (!this.#open) this.#unsent += size;
    else if (this.#turn === undefined && typeof data !== "function") this.#pass(size, data);
    else this.#wait(size, data);
  }

  /** A message that has to be read, or comes behind one. */
  #wait(size: number, data: MessageData | (() => Promise<MessageData>)): void {
    this.#waiting += size;
    const pass = async (before: Promise<void> | undefined): Promise<void> => {
      await before;
      try {
        const message = typeof data === "function" ? await data() : data;
        this.#waiting -= size;
        this.#pass(size, message);
      } catch (error) {
        this.#connection?.fail(error); // a file that is gone, say: what comes after it may mean nothing without it
      }
      if (this.#turn === turn) this.#turn = undefined;
    };
    const turn = pass(this.#turn);
    this.#turn = turn;
  }

  /** Gives a message to the connection, unless that has a close frame already. */
  #pass(size: number, message: MessageData): void {
    const connection = this.#connection;
    this.refresh();
    const queued = connection?.bufferedAmount ?? 0;
    void connection?.send(message);
    const wire = (connection?.bufferedAmount ?? 0) - queued;
    // It went nowhere where it came too late, or where the queue was full and the connection has ended for that.
    if (wire > 0) this.#buffered.add(size, wire);
    else this.#unsent += size;
  }
}
