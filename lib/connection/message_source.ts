/**
 * Where the chunks of a message come from that is sent while it is being made.
 *
 * @module
 */
import { type MessageData, toMessage } from "../pipeline/messages/message.ts";

/**
 * The chunks of one message, in order: strings make a text, buffers and views of them binary data. A surrogate pair may be in two
 * chunks. A `Blob` is a binary message.
 */
export type MessageSource =
  | Blob
  | ReadableStream<string>
  | ReadableStream<Exclude<MessageData, string>>
  | AsyncIterable<string>
  | AsyncIterable<Exclude<MessageData, string>>;

/** A source that is being read. */
export interface SourceReader {
  /** Waits for the next chunk. */
  next(): Promise<
    { readonly done?: false; readonly value: MessageData } | { readonly done: true; readonly value?: unknown }
  >;
  /** Says that no more is wanted. An async generator hears of it when it has made the chunk that it is at. */
  cancel(reason: unknown): void;
}

/** Whether data is a source, and not a message of its own. */
export function isSource(data: MessageData | MessageSource): data is MessageSource {
  return typeof data === "object" && data !== null && !ArrayBuffer.isView(data) &&
    (hasIterator(data) || data instanceof ReadableStream || isBlob(data));
}

function hasIterator(data: object): boolean {
  return Symbol.asyncIterator in data && typeof data[Symbol.asyncIterator] === "function";
}

/** Whether a value is a `Blob` or a `File`, of any realm. */
export function isBlob(value: unknown): value is Blob {
  const brand = Object.prototype.toString.call(value);
  return brand === "[object Blob]" || brand === "[object File]";
}

/**
 * Checks what is not sent because it comes too late: a wrong argument is one in every state. A source is cancelled, as if the
 * connection had ended while it was being sent.
 *
 * @param data What was to be sent.
 * @param reason Why it is not.
 * @throws {TypeError} If it is none of these.
 */
export function checkUnsent(data: MessageData | MessageSource, reason: unknown): void {
  if (isSource(data)) openSource(data).cancel(reason);
  else toMessage(data);
}

/**
 * Begins to read a source.
 *
 * @throws {TypeError} If it is a stream that is locked, or its iterator is not one.
 */
export function openSource(source: MessageSource): SourceReader {
  if (isBlob(source)) return openSource(source.stream());
  if (source instanceof ReadableStream) {
    const reader: ReadableStreamDefaultReader<MessageData> = source.getReader();
    return { next: () => reader.read(), cancel: (reason) => void reader.cancel(reason).catch(() => {}) };
  }
  const iterator: AsyncIterator<MessageData> | undefined = source[Symbol.asyncIterator]();
  if (typeof iterator?.next !== "function") throw new TypeError("Cannot send the source: its iterator has no next()");
  const end = async () => {
    try {
      await iterator.return?.();
    } catch {
      // The message has failed before: the error has no other reader.
    }
  };
  return { next: () => iterator.next(), cancel: () => void end() };
}
