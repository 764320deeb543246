/**
 * Where the chunks of a message come from that is sent while it is being made.
 *
 * @module
 */
import type { MessageData } from "../messages/message.ts";

/**
 * The chunks of one message, in order: strings make a text, buffers and views of them binary data. A surrogate pair may be in two
 * chunks.
 */
export type MessageSource =
  | ReadableStream<string>
  | ReadableStream<BufferSource>
  | AsyncIterable<string>
  | AsyncIterable<BufferSource>;

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
    (Symbol.asyncIterator in data || data instanceof ReadableStream);
}

/**
 * Begins to read a source.
 *
 * @throws {TypeError} If it is a stream that somebody else reads.
 */
export function openSource(source: MessageSource): SourceReader {
  if (source instanceof ReadableStream) {
    const reader: ReadableStreamDefaultReader<MessageData> = source.getReader();
    return { next: () => reader.read(), cancel: (reason) => void reader.cancel(reason).catch(() => {}) };
  }
  const iterator: AsyncIterator<MessageData> = source[Symbol.asyncIterator]();
  const end = async () => {
    try {
      await iterator.return?.();
    } catch {
      // There is nobody to tell: the message has failed before.
    }
  };
  return { next: () => iterator.next(), cancel: () => void end() };
}
