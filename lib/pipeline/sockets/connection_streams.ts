/**
 * The ways to read and write a connection: an iterator, and web streams that are made when they are first asked for.
 *
 * @module
 */
import { WebSocketError } from "../../errors.ts";
import type { Message, MessageData } from "../messages/message.ts";
import type { DrivenConnection } from "./driven_connection.ts";

/** Messages one by one, without a stream: a message of a batch that is here costs one resolved promise. */
export function messageIterator(connection: DrivenConnection): AsyncIterableIterator<Message> {
  let batch: Message[] = [];
  let at = 0;

  const step = (): IteratorResult<Message> => {
    const value = batch[at++]!;
    connection.consuming(at < batch.length ? "later" : "nothing");
    return { value, done: false };
  };

  const refill = async (): Promise<IteratorResult<Message>> => {
    const next = await connection.takeBatch();
    if (next === undefined) return { value: undefined, done: true };
    batch = next;
    at = 0;
    return step();
  };

  return {
    next() {
      connection.claim("iterator");
      return at < batch.length ? Promise.resolve(step()) : refill();
    },
    return() {
      // What is left of the batch stays for the next loop.
      return Promise.resolve({ value: undefined, done: true });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Batches as they come. */
export function batchStream(connection: DrivenConnection): ReadableStream<Message[]> {
  return new ReadableStream<Message[]>({
    async pull(controller) {
      connection.claim("batches");
      const batch = await connection.takeBatch();
      if (batch === undefined) return controller.close();
      connection.consuming(batch.length > 1 ? "later" : "nothing");
      controller.enqueue(batch);
    },
    cancel: (reason) => closeFor(connection, reason),
  }, { highWaterMark: 0 });
}

/** Messages, one chunk each. */
export function messageStream(connection: DrivenConnection): ReadableStream<Message> {
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
export function messageSink(connection: DrivenConnection, highWaterMark: number): WritableStream<MessageData> {
  return new WritableStream<MessageData>({
    start(controller) {
      connection.closed.then(({ error }) => controller.error(error ?? closedError()));
    },
    write: (data) => connection.send(data),
    close: async () => void await connection.closeWithoutCode(),
    abort: (reason) => closeFor(connection, reason),
  }, { highWaterMark, size: (data) => typeof data === "string" ? data.length : data.byteLength });
}

function closedError(): DOMException {
  return new DOMException("The connection is closed", "InvalidStateError");
}

/** A stream's `cancel` and `abort`: a `WebSocketError` gives the code and the reason, anything else gives none. */
async function closeFor(connection: DrivenConnection, reason: unknown): Promise<void> {
  if (reason instanceof WebSocketError && reason.closeCode !== null) {
    await connection.close(reason.closeCode, reason.reason);
  } else {
    await connection.closeWithoutCode();
  }
}
