/**
 * The internal interface of a connection that handlers and streams use in addition to the public one.
 *
 * @module
 */
import { isObject } from "../option_kinds.ts";
import type { Frame } from "../pipeline/frames/frame.ts";
import type { Message, MessageData } from "../pipeline/messages/message.ts";
import type { MessagePart } from "../pipeline/messages/message_splitter.ts";
import type { BatchConsumer } from "./batch_queue.ts";
import type { CloseInfo, WebSocketConnection } from "./websocket_connection.ts";
import type { SendOptions } from "./socket_options.ts";

/** Sends messages that are encoded once for many connections. */
export interface SharedSending {
  /** Its encoding. Connections with the same encoding send the same bytes for a message. */
  readonly encoding: string;
  /** Encodes a message to frames. */
  encode(data: MessageData, options?: SendOptions): Uint8Array<ArrayBuffer>;
  /** Queues frames from a connection with the same encoding, without a flush. It does nothing if the connection is closing. */
  sendEncoded(bytes: Uint8Array<ArrayBuffer>): void;
}

/** The ways to read a connection. There is only one reader. */
export type ReaderKind = "callbacks" | "iterator" | "batches" | "messages";

/**
 * When the queue is flushed. `batchEnd`: a batch is processed in one call stack, and nothing is flushed before its end.
 * `turnEnd`: a batch is processed over several turns, and the queue is also flushed at the end of each turn of the event loop.
 * `microtask`: no batch is being processed, and the next microtask flushes.
 */
export type FlushAt = "microtask" | "batchEnd" | "turnEnd";

/** The owner of a connection. */
export interface ConnectionOwner {
  /** Called once, when the connection is no longer open. */
  onClosing(): void;
  /** Gets errors that a handler throws by its own mistake. */
  report(error: unknown): void;
}

/** Takes the next batch of parts of messages, or waits for it; `undefined` after a clean end. */
export type PartSource = () => MessagePart[] | undefined | Promise<MessagePart[] | undefined>;

/** A connection for the code that drives it. */
export interface DrivenConnection<Data = unknown> extends WebSocketConnection<Data> {
  /** The connection calls this when the queue falls below its high-water mark again. */
  ondrain: (() => void) | undefined;
  /** The connection calls this when it has ended, before readers and promises get the end. */
  onend: (() => void) | undefined;
  /**
   * The connection calls this with every ping and pong of the peer, before the messages of the same read. The payload is valid
   * only until the call returns. If it returns `true` for a ping, the ping is not answered.
   */
  oncontrol: ((frame: Frame) => boolean) | undefined;
  /** Sends messages that are encoded once for many connections; `undefined` if this connection encodes its own, or is busy. */
  readonly shared: SharedSending | undefined;
  /** Whether the high-water mark is reached. */
  readonly full: boolean;
  /** Whether the application dropped the connection. Then it gets no more messages. */
  readonly aborted: boolean;
  /** The way in which it is read, if reading has begun. */
  readonly reader: ReaderKind | undefined;
  /** Whether binary messages are valid only until the callbacks return. */
  readonly lends: boolean;
  /** Takes the next batch, or waits for it; `undefined` after a clean end. */
  takeBatch(): Message[] | undefined | Promise<Message[] | undefined>;
  /** Delivers messages in parts from now on, and returns a function that takes them. */
  streamMessages(): PartSource;
  /** Passes every batch to `consumer`. */
  consumeWith(consumer: BatchConsumer): void;
  /** Sets the way in which the connection is read. Throws a `TypeError` if it is already read in another way. */
  claim(reader: ReaderKind): void;
  /** Sets when the queue is flushed, by how the current batch is processed. */
  flushAt(when: FlushAt): void;
  /** Writes the queue. */
  flush(): void;
  /** Waits until less than the high-water mark is queued, if more is. */
  drained(): Promise<void> | undefined;
  /** Closes with an empty close frame. */
  closeWithoutCode(): Promise<CloseInfo>;
  /** Fails the connection with the close code of `error`. */
  fail(error: unknown): void;
  /** Whether a handler only rethrew the error of the connection's end, which is not a mistake of the handler. */
  isOwnError(error: unknown): boolean;
}

/**
 * Checks that a connection is one of this module.
 *
 * @param socket The connection.
 * @param action What was called, as the words after "Cannot".
 * @throws {TypeError} If it is anything else.
 */
export function checkDriven<Data>(
  socket: WebSocketConnection<Data>,
  action: string,
): asserts socket is DrivenConnection<Data> {
  if (isObject(socket) && "shared" in socket && "onend" in socket) return;
  throw new TypeError(`Cannot ${action}: the socket is not a connection of this module`);
}
