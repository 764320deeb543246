/**
 * The common part of all connections: facts, topics, and the streams, which are created on first use.
 *
 * @module
 */
import type { Message, MessageData } from "../pipeline/messages/message.ts";
import type {
  ConnectionOwner,
  DrivenConnection,
  FlushAt,
  PartSource,
  ReaderKind,
  SharedSending,
} from "./driven_connection.ts";
import type { BatchConsumer } from "./batch_queue.ts";
import type { MessageSource } from "./message_source.ts";
import { ConnectionStreams } from "./readers/streams.ts";
import type { SendOptions, SubscribeOptions } from "./socket_options.ts";
import { hubFor, type Topics } from "./topics.ts";
import type { Address } from "../transport/transport.ts";
import type { ExtensionProcessor } from "../extensions/extension.ts";
import type { Frame, Role } from "../pipeline/frames/frame.ts";
import type { TapOptions } from "./socket_options.ts";
import type { CloseInfo, ConnectionFacts, StreamedMessage, WebSocketOpenInfo } from "./websocket_connection.ts";

/** The result of the handshake, and what the application attaches to the connection. */
export interface BaseConnectionInit<Data> extends Omit<ConnectionFacts, "headers"> {
  /** The application's data. */
  data: Data | undefined;
  /** The hub for `subscribe`, `unsubscribe` and `publish`. */
  hub?: Topics | undefined;
}

/** A connection without its transport. */
export abstract class BaseConnection<Data> implements DrivenConnection<Data> {
  readonly role: Role;
  readonly url: string;
  readonly protocol: string;
  readonly extensions: string;
  readonly extensionProcessors: readonly ExtensionProcessor[];
  readonly remoteAddr: Address | undefined;
  readonly localAddr: Address | undefined;
  data: Data | undefined;
  ondrain: (() => void) | undefined = undefined;
  /** The owner of the connection. */
  owner: ConnectionOwner | undefined = undefined;
  onend: (() => void) | undefined = undefined;
  oncontrol: ((frame: Frame) => boolean) | undefined = undefined;
  /** Whether the application dropped the connection. Then it gets no more messages. */
  aborted = false;

  readonly #hub: Topics | undefined;
  #reader: ReaderKind | undefined = undefined;
  #streams: ConnectionStreams | undefined = undefined;

  /** @param init The facts. */
  constructor(init: BaseConnectionInit<Data>) {
    this.role = init.role;
    this.url = init.url;
    this.protocol = init.protocol;
    this.extensions = init.extensions;
    this.extensionProcessors = init.extensionProcessors;
    this.remoteAddr = init.remoteAddr;
    this.localAddr = init.localAddr;
    this.data = init.data;
    this.#hub = init.hub;
  }

  abstract readonly headers: Headers;
  abstract readonly readyState: 1 | 2 | 3;
  abstract readonly bufferedAmount: number;
  abstract readonly roundTripTime: number | undefined;
  abstract readonly closed: Promise<CloseInfo>;
  abstract readonly shared: SharedSending | undefined;
  abstract readonly full: boolean;
  abstract readonly lends: boolean;
  /** The bytes that `writable` queues before it signals backpressure. */
  abstract readonly highWaterMark: number;
  abstract send(data: MessageData | MessageSource, options?: SendOptions): Promise<void>;
  abstract ping(payload?: MessageData): Promise<number>;
  abstract tap(options?: TapOptions): ReadableStream<string>;
  abstract close(code?: number, reason?: string): Promise<CloseInfo>;
  abstract closeWithoutCode(): Promise<CloseInfo>;
  abstract abort(reason?: unknown): void;
  abstract fail(error: unknown): void;
  abstract isOwnError(error: unknown): boolean;
  abstract takeBatch(): Message[] | undefined | Promise<Message[] | undefined>;
  abstract streamMessages(): PartSource;
  abstract consumeWith(consumer: BatchConsumer): void;
  abstract flushAt(when: FlushAt): void;
  abstract flush(): void;
  abstract drained(): Promise<void> | undefined;

  /** The way in which it is read, if reading has begun. */
  get reader(): ReaderKind | undefined {
    return this.#reader;
  }

  get opened(): Promise<WebSocketOpenInfo> {
    return this.#made.opened;
  }

  get readable(): ReadableStream<Message> {
    return this.#made.readable;
  }

  get bytes(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#made.bytes;
  }

  get writable(): WritableStream<MessageData | MessageSource> {
    return this.#made.writable;
  }

  get batches(): ReadableStream<Message[]> {
    return this.#made.batches;
  }

  messages(): AsyncIterableIterator<StreamedMessage> {
    return this.#made.messages();
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Message> {
    return this.#made.iterator;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  subscribe(topic: string, options?: SubscribeOptions): boolean {
    return hubFor("subscribe", this.#hub).subscribe(this, topic, options);
  }

  unsubscribe(topic: string): boolean {
    return hubFor("unsubscribe", this.#hub).unsubscribe(this, topic);
  }

  publish(topic: string, data: MessageData, options?: SendOptions): number {
    return hubFor("publish", this.#hub).publishFrom(this, topic, data, options);
  }

  /** Sets the way in which the connection is read. Only one reader is allowed, because each of two would miss messages. */
  claim(reader: ReaderKind): void {
    if (this.lends && reader !== "callbacks") {
      throw new TypeError(`Cannot read through ${reader}: with lendPayloads, only callbacks read`);
    }
    if (this.#reader !== undefined && this.#reader !== reader) {
      throw new TypeError(`Cannot read through ${reader}: the connection is read through its ${this.#reader}`);
    }
    this.#reader = reader;
  }

  get #made(): ConnectionStreams {
    return this.#streams ??= new ConnectionStreams(this, this.highWaterMark);
  }
}
