/**
 * The sources of messages that are sent while they are produced.
 *
 * @module
 */
import { type MessageData, toMessage } from "../pipeline/messages/message.ts";

/**
 * The chunks of one message, in order: strings make a text message, buffers and views a binary one. A surrogate pair may be in
 * two chunks. A `Blob` is a binary message.
 */
export type MessageSource =
  | Blob
  | ReadableStream<string>
  | ReadableStream<Exclude<MessageData, string>>
  | AsyncIterable<string>
  | AsyncIterable<Exclude<MessageData, string>>;

/** An open source. */
export interface SourceReader {
  /** Waits for the next chunk. */
  next(): Promise<
    { readonly done?: false; readonly value: MessageData } | { readonly done: true; readonly value?: unknown }
  >;
  /** Cancels the source. An async generator notices it after it has produced its current chunk. */
  cancel(reason: unknown): void;
}

/** Whether data is a source and not a complete message. */
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
 * Checks data that comes too late to be sent, because invalid arguments throw in every state. A source is cancelled, as if the
 * connection had ended while it was being sent.
 *
 * @param data The data that was to be sent.
 * @param reason The reason why it is not sent.
 * @throws {TypeError} If it is not valid data.
 */
export function checkUnsent(data: MessageData | MessageSource, reason: unknown): void {
  if (isSource(data)) openSource(data).cancel(reason);
  else toMessage(data);
}

/**
 * Opens a source.
 *
 * @throws {TypeError} If it is a locked stream, or its iterator is invalid.
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
      // The message has already failed, so this error is not needed.
    }
  };
  return { next: () => iterator.next(), cancel: () => void end() };
}
