/**
 * Messages whose content is a stream: `messages()` of a connection.
 *
 * @module
 */
import { invalidState } from "../../errors.ts";
import { MAX_HEADER_BYTES } from "../../pipeline/frames/frame_layout.ts";
import type { Message } from "../../pipeline/messages/message.ts";
import type { MessagePart } from "../../pipeline/messages/message_splitter.ts";
import type { DrivenConnection } from "../driven_connection.ts";
import { cutOff } from "../not_open.ts";
import type { StreamedMessage } from "../websocket_connection.ts";

/** A message that was delivered and whose last part has not been taken. */
interface OpenMessage {
  /** Whether its stream was cancelled or failed. The rest is then discarded. */
  dropped: boolean;
  /** Fails its stream. */
  fail(error: unknown): void;
}

const isText = (data: Message): data is string => typeof data === "string";
const isBinary = (data: Message): data is Uint8Array<ArrayBuffer> => typeof data !== "string";

/**
 * Returns a chunk with its own memory, because the reader may transfer it. A chunk that shares its memory with more than its
 * header is copied.
 */
function alone(data: Message): Message {
  if (typeof data === "string" || data.buffer.byteLength - data.length <= MAX_HEADER_BYTES) return data;
  return data.slice();
}

/**
 * Iterates over messages, each with a stream of its parts. Nothing is read before it is requested. Asking for the next message
 * discards the rest of the current one.
 */
export function messageStreams(connection: DrivenConnection): AsyncIterableIterator<StreamedMessage> {
  const takeBatch = connection.streamMessages();
  let batch: MessagePart[] = [];
  let at = 0;
  let refilling: Promise<boolean> | undefined;
  let current: OpenMessage | undefined;
  let asking = false;

  /** Waits for the next batch, once for all callers. Resolves to `false` if the connection has ended. */
  const refill = async (): Promise<boolean> => {
    try {
      const next = await takeBatch();
      if (next === undefined) return false;
      batch = next;
      at = 0;
      return true;
    } finally {
      refilling = undefined;
    }
  };

  /** Takes the next part, as long as `wanted` returns `true`. */
  const take = async (wanted: () => boolean): Promise<MessagePart | undefined> => {
    while (wanted()) {
      const part = batch[at];
      if (part !== undefined) {
        connection.flushAt(++at < batch.length ? "turnEnd" : "microtask");
        if (part.last) current = undefined;
        return { ...part, data: alone(part.data) };
      }
      if (!await (refilling ??= refill())) return undefined;
    }
    return undefined;
  };

  /** Makes the stream of a message that has begun; `is` gives the type of its chunks. */
  const streamOf = <Data extends Message>(first: Data, last: boolean, is: (data: Message) => data is Data) => {
    let message: OpenMessage;
    return new ReadableStream<Data>({
      start(controller) {
        message = { dropped: false, fail: (error) => controller.error(error) };
        if (first.length > 0) controller.enqueue(first);
        if (last) controller.close();
        else current = message;
      },
      async pull(controller) {
        const part = await take(() => current === message);
        if (message.dropped) return;
        if (part === undefined) throw cutOff();
        if (part.data.length > 0 && is(part.data)) controller.enqueue(part.data);
        if (part.last) controller.close();
      },
      cancel() {
        message.dropped = true;
        void discard(message);
      },
    }, { highWaterMark: 0 });
  };

  /** Reads and discards the rest of a message. */
  const discard = async (message: OpenMessage): Promise<void> => {
    try {
      while (await take(() => current === message) !== undefined);
    } catch {
      // The next call of `next` reports how the connection ended.
    }
  };

  const next = async (): Promise<IteratorResult<StreamedMessage>> => {
    if (current !== undefined) {
      current.dropped = true;
      current.fail(invalidState("Cannot read the rest of the message: the next one was asked for"));
      current = undefined;
    }
    for (let part = await take(() => true); part !== undefined; part = await take(() => true)) {
      if (!part.first) continue;
      const { data, last } = part;
      const value: StreamedMessage = isText(data)
        ? { type: "text", readable: streamOf(data, last, isText) }
        : { type: "binary", readable: streamOf(data, last, isBinary) };
      return { value, done: false };
    }
    return { value: undefined, done: true };
  };

  return {
    async next() {
      if (asking) throw new TypeError("Cannot read: another read is waiting for the next message");
      asking = true;
      try {
        return await next();
      } finally {
        asking = false;
      }
    },
    return() {
      // The current message can still be read, and the next loop continues after it.
      return Promise.resolve({ value: undefined, done: true });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
