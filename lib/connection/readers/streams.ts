/**
 * Reading and writing a connection without callbacks: an iterator, and web streams that are created on first use.
 *
 * @module
 */
import { ProtocolError, WebSocketError } from "../../errors.ts";
import { nextTask } from "../../async.ts";
import { CloseCode, isSendableCloseCode } from "../../pipeline/frames/close_code.ts";
import { checkMemory, type Message, type MessageData, toMessage } from "../../pipeline/messages/message.ts";
import type { DrivenConnection } from "../driven_connection.ts";
import { isBlob, isSource, type MessageSource } from "../message_source.ts";
import { messageStreams } from "./streamed_messages.ts";
import { notOpen } from "../not_open.ts";
import type { StreamedMessage, WebSocketOpenInfo } from "../websocket_connection.ts";

/** The streams and iterators of one connection. Each is created on first use, and only one of them reads. */
export class ConnectionStreams {
  readonly #connection: DrivenConnection;
  readonly #highWaterMark: number;
  #readable: ReadableStream<Message> | undefined;
  #writable: WritableStream<MessageData | MessageSource> | undefined;
  #bytes: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #batches: ReadableStream<Message[]> | undefined;
  #iterator: AsyncIterableIterator<Message> | undefined;
  #opened: Promise<WebSocketOpenInfo> | undefined;
  #messages: AsyncIterableIterator<StreamedMessage> | undefined;

  /**
   * @param connection The connection.
   * @param highWaterMark The bytes that `writable` queues before it signals backpressure.
   */
  constructor(connection: DrivenConnection, highWaterMark: number) {
    this.#connection = connection;
    this.#highWaterMark = highWaterMark;
  }

  /** Messages as a stream. */
  get readable(): ReadableStream<Message> {
    return this.#readable ??= messageStream(this.#connection);
  }

  /** Binary messages as a stream of bytes. */
  get bytes(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#bytes ??= byteStream(this.#connection, (reason) => closeFor(this.#connection, reason));
  }

  /** The stream to write messages to. */
  get writable(): WritableStream<MessageData | MessageSource> {
    return this.#writable ??= messageSink(this.#connection, this.#highWaterMark);
  }

  /** Batches as a stream. */
  get batches(): ReadableStream<Message[]> {
    return this.#batches ??= batchStream(this.#connection);
  }

  /** An iterator of messages. Every loop continues where the last one stopped. */
  get iterator(): AsyncIterableIterator<Message> {
    return this.#iterator ??= new MessageIterator(this.#connection);
  }

  /** Both streams, as in `WebSocketStream`. */
  get opened(): Promise<WebSocketOpenInfo> {
    const { extensions, protocol } = this.#connection;
    return this.#opened ??= Promise.resolve({
      extensions,
      protocol,
      readable: this.readable,
      writable: this.writable,
    });
  }

  /** Reads messages as streams from now on. Every loop continues where the last one stopped. */
  messages(): AsyncIterableIterator<StreamedMessage> {
    this.#connection.claim("messages");
    return this.#messages ??= messageStreams(this.#connection);
  }
}

/** Iterates over messages without a stream. A message of the current batch costs one resolved promise. */
class MessageIterator implements AsyncIterableIterator<Message> {
  readonly #connection: DrivenConnection;
  /** The current batch. It is released when all of it is read. */
  #batch: Message[] | undefined;
  #at = 0;

  constructor(connection: DrivenConnection) {
    this.#connection = connection;
  }

  next(): Promise<IteratorResult<Message>> {
    const connection = this.#connection;
    connection.claim("iterator");
    try {
      if (this.#batch !== undefined) return Promise.resolve(this.#step(this.#batch));
      const batch = connection.takeBatch();
      return batch instanceof Promise ? batch.then(this.#begin) : Promise.resolve(this.#begin(batch));
    } catch (error) {
      if (this.#batch !== undefined) connection.fail(error); // the memory of a message may have been transferred
      return Promise.reject(error);
    }
  }

  return(): Promise<IteratorResult<Message>> {
    // The rest of the batch stays for the next loop.
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  readonly #begin = (batch: Message[] | undefined): IteratorResult<Message> => {
    if (batch === undefined) return { value: undefined, done: true };
    this.#at = 0;
    return this.#step(batch);
  };

  #step(batch: Message[]): IteratorResult<Message> {
    this.#batch = batch;
    const value = batch[this.#at++]!;
    if (value.length === 0) checkMemory(value);
    const more = this.#at < batch.length;
    if (!more) this.#batch = undefined;
    this.#connection.flushAt(more ? "turnEnd" : "microtask");
    return { value, done: false };
  }
}

/** Makes a stream of batches. */
function batchStream(connection: DrivenConnection): ReadableStream<Message[]> {
  return new ReadableStream<Message[]>({
    async pull(controller) {
      connection.claim("batches");
      const batch = await connection.takeBatch();
      if (batch === undefined) return controller.close();
      connection.flushAt(batch.length > 1 ? "turnEnd" : "microtask");
      controller.enqueue(batch);
    },
    cancel: (reason) => closeFor(connection, reason),
  }, { highWaterMark: 0 });
}

/** Makes a stream of messages, one chunk each. */
function messageStream(connection: DrivenConnection): ReadableStream<Message> {
  // The connection's own iterator, so that the rest of a batch from an earlier loop is read here.
  const messages = connection[Symbol.asyncIterator]();
  return new ReadableStream<Message>({
    async pull(controller) {
      const { done, value } = await messages.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => closeFor(connection, reason),
  }, { highWaterMark: 0 });
}

/** Makes the stream to write messages to. Its queue, and so `desiredSize`, is counted in bytes. */
function messageSink(
  connection: DrivenConnection,
  highWaterMark: number,
): WritableStream<MessageData | MessageSource> {
  return new WritableStream<MessageData | MessageSource>({
    start(controller) {
      void connection.closed.then(async ({ error }) => {
        // After a clean end a pipe from `readable` closes this stream, in the task in which `readable` ended.
        if (error === undefined) await nextTask();
        controller.error(error ?? notOpen("write", connection));
      });
    },
    write: (data) => connection.send(data),
    async close() {
      const { error } = await connection.closeWithoutCode();
      if (error !== undefined) throw error;
    },
    abort: (reason) => closeFor(connection, reason),
  }, { highWaterMark, size: sizeOf });
}

/** Returns the bytes of a message; text counts with its length. Those of a source are unknown, and stay in the source. */
function sizeOf(data: MessageData | MessageSource): number {
  if (!isSource(data)) return toMessage(data).length;
  return isBlob(data) ? data.size : 1;
}

/**
 * Implements `cancel` and `abort` of a stream. A `WebSocketError` as the reason sets the close code and reason. Any other reason
 * sets none, and neither does a code that cannot be sent, such as 1006 of another connection.
 */
export async function closeFor(connection: DrivenConnection, reason: unknown): Promise<void> {
  if (reason instanceof WebSocketError && reason.closeCode !== null && isSendableCloseCode(reason.closeCode)) {
    await connection.close(reason.closeCode, reason.reason);
  } else {
    await connection.closeWithoutCode();
  }
}

/**
 * Binary messages, one chunk each. A text message fails the connection with 1003 (RFC 6455 §7.4.1), and the stream with it.
 *
 * @param connection The connection.
 * @param cancel Closes the connection if the stream is cancelled.
 */
export function byteStream(
  connection: DrivenConnection,
  cancel: (reason: unknown) => Promise<void>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  // The connection's own iterator, so that the rest of a batch from an earlier loop is read here.
  const messages = connection[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const { done, value } = await messages.next();
      if (done) return controller.close();
      if (typeof value !== "string") return controller.enqueue(value);
      const error = new ProtocolError(
        `Text message of ${value.length} characters where only binary messages are read`,
        "RFC 6455 §7.4.1",
        CloseCode.UNSUPPORTED_DATA,
      );
      connection.fail(error);
      throw error;
    },
    cancel,
  }, { highWaterMark: 0 });
}
