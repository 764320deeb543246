/**
 * What the tests of streamed messages share: fragments, readers, and scripted sources.
 *
 * @module
 */
import { assert } from "@std/assert";
import { type Frame, frame } from "../../lib/pipeline/frames/frame.ts";
import type { Message, MessageData } from "../../lib/pipeline/messages/message.ts";
import type { StreamedMessage, WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { soon, until } from "../_support/wait.ts";

/** A fragment that is not the last. */
export const part = (opcode: number, payload: Uint8Array<ArrayBuffer>): Frame => frame(opcode, payload, { fin: false });

/** A source that gives chunks on command, and records its calls. */
export class Faucet<Chunk extends MessageData> implements AsyncIterableIterator<Chunk> {
  /** Chunks that were asked for. */
  asked = 0;
  /** Whether it was told that no more is wanted. */
  returned = false;
  #waiting = Promise.withResolvers<IteratorResult<Chunk>>();

  next(): Promise<IteratorResult<Chunk>> {
    this.asked++;
    return this.#waiting.promise.finally(() => this.#waiting = Promise.withResolvers());
  }

  return(): Promise<IteratorResult<Chunk>> {
    this.returned = true;
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Gives the chunk that is asked for next. */
  async give(chunk: Chunk): Promise<void> {
    const { asked } = this;
    this.last(chunk);
    await until(() => this.asked > asked, "The demand for more");
  }

  /** Gives the chunk that is asked for next, after which no other may be. */
  last(chunk: Chunk): void {
    this.#waiting.resolve({ done: false, value: chunk });
  }

  /** Ends the message. */
  end(): void {
    this.#waiting.resolve({ done: true, value: undefined });
  }

  /** Fails. */
  fail(error: unknown): void {
    this.#waiting.reject(error);
  }
}

/** A source of these chunks. */
export async function* chunks<Chunk>(...all: Chunk[]): AsyncGenerator<Chunk> {
  yield* all;
}

/** The next message, which must come soon. */
export async function next(connection: WebSocketConnection): Promise<StreamedMessage> {
  const { value, done } = await soon(connection.messages().next(), "The next message");
  assert(!done, "The connection has ended");
  return value;
}

/** A reader of the next message's chunks, each of which must come soon. */
export async function readerOfNext(connection: WebSocketConnection) {
  const { type, readable } = await next(connection);
  const reader: ReadableStreamDefaultReader<Message> = readable.getReader();
  return { type, reader, chunk: async () => (await soon(reader.read(), "A chunk")).value };
}

/** The chunks of the next message. */
export async function chunksOfNext(connection: WebSocketConnection): Promise<Message[]> {
  const { readable } = await next(connection);
  const chunks: Message[] = [];
  for await (const chunk of readable) chunks.push(chunk);
  return chunks;
}
