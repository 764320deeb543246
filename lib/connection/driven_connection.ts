/**
 * What handlers and streams need of a connection besides its surface. An object with this interface can be handled and streamed.
 *
 * @module
 */
import type { Frame } from "../pipeline/frames/frame.ts";
import type { Message, MessageData } from "../pipeline/messages/message.ts";
import type { MessagePart } from "../pipeline/messages/message_splitter.ts";
import type { BatchConsumer } from "./batch_queue.ts";
import type { CloseInfo, WebSocketConnection } from "./websocket_connection.ts";
import type { SendOptions } from "./socket_options.ts";

/** Sends what is encoded once for many connections. */
export interface SharedSending {
  /** How it encodes: connections of the same encoding send the same bytes for a message. */
  readonly encoding: string;
  /** The frames of a message. */
  encode(data: MessageData, options?: SendOptions): Uint8Array<ArrayBuffer>;
  /** Queues what a connection of the same encoding encoded, and does not flush. Where the connection closes it does nothing. */
  sendEncoded(bytes: Uint8Array<ArrayBuffer>): void;
}

/** What a connection is read through. There is only one reader. */
export type ReaderKind = "callbacks" | "iterator" | "batches" | "messages";

/**
 * When what is queued leaves. `batchEnd`: a batch is dealt with in one call stack, and its reader flushes at the end. `turnEnd`: a
 * batch is dealt with over several turns, and the end of the event loop's turn flushes if the batch lasts longer. `microtask`: no
 * batch is at hand, and the next microtask flushes.
 */
export type FlushAt = "microtask" | "batchEnd" | "turnEnd";

/** What holds a connection. */
export interface ConnectionOwner {
  /** The connection is not open any more: it closes, or has ended. It is called once. */
  onClosing(): void;
  /** Gets what a handler throws that is its own mistake. */
  report(error: unknown): void;
}

/** Takes the next batch of parts of messages, or waits for it; `undefined` after a clean end. */
export type PartSource = () => MessagePart[] | undefined | Promise<MessagePart[] | undefined>;

/** A connection as the code that drives it sees it. */
export interface DrivenConnection<Data = unknown> extends WebSocketConnection<Data> {
  /** The connection calls this when the queue falls below its high-water mark again. */
  ondrain: (() => void) | undefined;
  /** The connection calls this when it has ended, before readers and promises get the end. */
  onend: (() => void) | undefined;
  /**
   * The connection calls this with every ping and pong of the peer, ahead of the messages of the same read. The payload is its own
   * only until the call returns. A ping for which it returns `true` is not answered.
   */
  oncontrol: ((frame: Frame) => boolean) | undefined;
  /** How messages are sent that are encoded once for many; `undefined` where a connection encodes its own, or is busy. */
  readonly shared: SharedSending | undefined;
  /** Whether the high-water mark is reached. */
  readonly full: boolean;
  /** Whether the application dropped the connection: it wants no more of it, and that includes messages. */
  readonly aborted: boolean;
  /** What it is read through, if anything has begun to. */
  readonly reader: ReaderKind | undefined;
  /** Whether binary messages are the callbacks' only until these return. */
  readonly lends: boolean;
  /** Takes the next batch, or waits for it; `undefined` after a clean end. */
  takeBatch(): Message[] | undefined | Promise<Message[] | undefined>;
  /** Has messages handed on in parts from here on, and gives what takes them. */
  streamMessages(): PartSource;
  /** Gives every batch to `consumer`. */
  consumeWith(consumer: BatchConsumer): void;
  /** Says through what the connection is read. Throws `TypeError` if it is read in another way already. */
  claim(reader: ReaderKind): void;
  /** Says when what is queued leaves, by how the batch in hand is being dealt with. */
  flushAt(when: FlushAt): void;
  /** Writes what is queued. */
  flush(): void;
  /** Waits until less than the high-water mark is queued, if more is. */
  drained(): Promise<void> | undefined;
  /** Closes with an empty close frame. */
  closeWithoutCode(): Promise<CloseInfo>;
  /** Fails the connection with the close code of `error`. */
  fail(error: unknown): void;
  /** Whether a handler threw what the connection's end threw at it: no bug of its own. */
  isOwnError(error: unknown): boolean;
}
