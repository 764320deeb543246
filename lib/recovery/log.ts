/**
 * The interface of a log, which orders the messages of topics and keeps them to be read again.
 *
 * @module
 */
import type { Message } from "../pipeline/messages/message.ts";

/** A position in a topic. Everything up to this message was received. */
export interface Position {
  /** The epoch of the number. It changes when the log was lost; numbers of different epochs cannot be compared. */
  readonly epoch: string;
  /** The number of the last message that was received. Later messages have larger numbers, not always the next one. */
  readonly offset: number;
}

/** A message in the log. */
export interface LogEntry {
  /** Its number. */
  readonly offset: number;
  /** The number of the previous message of the topic, even if that is no longer in the log. It shows gaps. */
  readonly previous: number;
  /** The content of the message. */
  readonly data: Message;
}

/** A page of a topic's messages. */
export interface LogPage {
  /** The epoch of the numbers in the page. */
  readonly epoch: string;
  /** The number of the topic's last message, or a number in its place if there is none. */
  readonly head: number;
  /** Every message of the topic after this number is in the log. A client with a smaller number has missed messages for good. */
  readonly from: number;
  /** The messages, the oldest first. */
  readonly entries: readonly LogEntry[];
}

/** The limits of one read. */
export interface ReadLimit {
  /** The maximum number of messages. */
  readonly messages: number;
  /** The approximate number of bytes of their data. At least one message is returned. */
  readonly bytes: number;
}

/**
 * Called when a topic may have new messages: with the message if the log sent it, or with nothing, and then the log is read.
 */
export type LogListener = (news?: { readonly epoch: string; readonly entry: LogEntry }) => void;

/** The options of `append`. */
export interface AppendOptions {
  /**
   * The id of the message. For `resumeTimeout`, another message of the topic with the same id counts as a duplicate and is not
   * appended.
   */
  readonly id?: string | undefined;
}

/**
 * Orders the messages of topics, and keeps them for some time.
 *
 * A log may lose everything, but it must not hide that: messages that are appended after a loss have another epoch.
 */
export interface Log extends AsyncDisposable {
  /**
   * Appends a message.
   *
   * @param topic The topic.
   * @param data The message, which must not change afterwards.
   * @param options The id of the message.
   * @returns Resolves with its position when the log has it. Rejects if the log refuses it, or is unreachable for too long.
   */
  append(topic: string, data: Message, options?: AppendOptions): Promise<Position>;
  /**
   * Reads a topic.
   *
   * @param topic The topic.
   * @param after Reads the messages after this number; `Infinity` reads none.
   * @param limit The maximum number of messages and bytes.
   * @returns The page. It is empty only if there are no messages after the number. Rejects if the log is unreachable.
   */
  read(topic: string, after: number, limit: ReadLimit): Promise<LogPage>;
  /**
   * Starts to report new messages of a topic.
   *
   * @param topic The topic.
   * @param listener Called for each message that is appended once following has begun, and after the log was unreachable. It is
   *   called at least once when following has begun.
   * @returns A function that stops following.
   */
  follow(topic: string, listener: LogListener): () => void;
  /** Returns the number of the last message that was taken from a client's session, for `resumeTimeout`; 0 if none is known. */
  taken(session: string): Promise<number>;
  /**
   * Records that everything up to this number was taken from a client's session. Smaller numbers than the recorded one change
   * nothing.
   */
  take(session: string, number: number): Promise<void>;
  /** Closes the log. Messages that were not appended are rejected. */
  close(): Promise<void>;
}
