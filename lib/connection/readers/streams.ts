/**
 * Reading and writing a connection without callbacks: an iterator, and web streams that are made when they are first asked for.
 *
 * @module
 */
import { WebSocketError } from "../../errors.ts";
import { nextTask } from "../../async.ts";
import { isSendableCloseCode } from "../../pipeline/frames/close_code.ts";
import { checkMemory, type Message, type MessageData, toMessage } from "../../pipeline/messages/message.ts";
import { byteStream } from "./byte_stream.ts";
import type { DrivenConnection } from "../driven_connection.ts";
import { isBlob, isSource, type MessageSource } from "../message_source.ts";
import { messageStreams } from "./streamed_messages.ts";
import { notOpen } from "../not_open.ts";
import type { StreamedMessage, WebSocketOpenInfo } from "../websocket_connection.ts";

/** The streams and iterators of one connection. Each is made when it is first asked for, and only one of them reads. */
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
   * @param highWaterMark Bytes that `writable` queues before it asks to wait.
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

  /** Where messages are written. */
  get writable(): WritableStream<MessageData | MessageSource> {
    return this.#writable ??= messageSink(this.#connection, this.#highWaterMark);
  }

  /** Batches as a stream. */
  get batches(): ReadableStream<Message[]> {
    return this.#batches ??= batchStream(this.#connection);
  }

  /** Messages one by one: every loop goes on where the last one was left. */
  get iterator(): AsyncIterableIterator<Message> {
    return this.#iterator ??= new MessageIterator(this.#connection);
  }

  /** Both streams, as a `WebSocketStream` gives them. */
  get opened(): Promise<WebSocketOpenInfo> {
    const { extensions, protocol } = this.#connection;
    return this.#opened ??= Promise.resolve({
      extensions,
      protocol,
      readable: this.readable,
      writable: this.writable,
    });
  }

  /** Messages as streams, from now on: every loop goes on where the last one was left. */
  messages(): AsyncIterableIterator<StreamedMessage> {
    this.#connection.claim("messages");
    return this.#messages ??= messageStreams(this.#connection);
  }
}

/** Messages one by one, without a stream: a message of a batch that is here costs one resolved promise. */
class MessageIterator implements AsyncIterableIterator<Message> {
  readonly #connection: DrivenConnection;
  /** The batch in hand; nothing of it is held when all is read. */
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
      if (this.#batch !== undefined) connection.fail(error); // a message whose memory was transferred
      return Promise.reject(error);
    }
  }

  return(): Promise<IteratorResult<Message>> {
    // What is left of the batch stays for the next loop.
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

/** Batches as they come. */
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

/** Messages, one chunk each. */
function messageStream(connection: DrivenConnection): ReadableStream<Message> {
  // The connection's own: what a loop left of a batch is read here.
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

/** Where messages are written. Its queue, and so `desiredSize`, is counted in bytes. */
function messageSink(
  connection: DrivenConnection,
  highWaterMark: number,
): WritableStream<MessageData | MessageSource> {
  return new WritableStream<MessageData | MessageSource>({
    start(controller) {
      void connection.closed.then(async ({ error }) => {
        // After a clean end a pipe from `readable` closes this stream, within the task in which that has ended.
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

/** The bytes of a message, text as its length. Those of a source are not known, and wait in it. */
function sizeOf(data: MessageData | MessageSource): number {
  if (!isSource(data)) return toMessage(data).length;
  return isBlob(data) ? data.size : 1;
}

/**
 * A stream's `cancel` and `abort`: a `WebSocketError` gives the code and the reason, anything else gives none. Nor does one whose
 * code says what was not on the wire: another connection may have ended with 1006.
 */
export async function closeFor(connection: DrivenConnection, reason: unknown): Promise<void> {
  if (reason instanceof WebSocketError && reason.closeCode !== null && isSendableCloseCode(reason.closeCode)) {
    await connection.close(reason.closeCode, reason.reason);
  } else {
    await connection.closeWithoutCode();
  }
}
