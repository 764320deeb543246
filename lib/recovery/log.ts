/**
 * What recovery needs of a log: the place where the messages of topics have their order, and from which they are read again.
 *
 * @module
 */
import type { Message } from "../pipeline/messages/message.ts";

/** A place in a topic: everything up to this message was received. */
export interface Position {
  /** Which numbering it is. It changes when the log was lost: numbers of different epochs have nothing to do with each other. */
  readonly epoch: string;
  /** The number of the last message that was received. Later messages have larger numbers, not always the next one. */
  readonly offset: number;
}

/** A message in the log. */
export interface LogEntry {
  /** Its number. */
  readonly offset: number;
  /** The number of the message of the topic before it, whether or not that is still in the log; a gap shows by it. */
  readonly previous: number;
  /** What it says. */
  readonly data: Message;
}

/** What a log has of a topic. */
export interface LogPage {
  /** The epoch of every number here. */
  readonly epoch: string;
  /** The number of the topic's last message, or what stands for it where there is none. */
  readonly head: number;
  /** Every message of the topic behind this number is in the log: who has less has missed something for good. */
  readonly from: number;
  /** The messages, the oldest first. */
  readonly entries: readonly LogEntry[];
}

/** How much is read at a time. */
export interface ReadLimit {
  /** Messages, at most. */
  readonly messages: number;
  /** Bytes of their data, about: at least one message comes. */
  readonly bytes: number;
}

/**
 * Is called when a topic may have something new: with the message, where the log sent that along, or with nothing, and then the
 * log is read.
 */
export type LogListener = (news?: { readonly epoch: string; readonly entry: LogEntry }) => void;

/** How a message is appended. */
export interface AppendOptions {
  /** What it is known by: for `resumeTimeout`, another message of the same name is not appended, as it is the same one. */
  readonly id?: string | undefined;
}

/**
 * The order of messages in topics, and the messages themselves for some time.
 *
 * A log may lose everything, but it must not pretend: what is appended after a loss has another epoch.
 */
export interface Log extends AsyncDisposable {
  /**
   * Appends a message.
   *
   * @param topic The topic.
   * @param data The message; it is not changed any more.
   * @param options What it is known by.
   * @returns Resolves with its place when the log has it. Rejects if the log refuses it, or cannot be reached for too long.
   */
  append(topic: string, data: Message, options?: AppendOptions): Promise<Position>;
  /**
   * Reads a topic.
   *
   * @param topic The topic.
   * @param after The messages behind this number; `Infinity` for none of them.
   * @param limit How much, at most.
   * @returns The page. It is empty only if there is nothing behind the number. Rejects if the log cannot be reached.
   */
  read(topic: string, after: number, limit: ReadLimit): Promise<LogPage>;
  /**
   * Begins to say what is new in a topic.
   *
   * @param topic The topic.
   * @param listener Is called for everything that is appended from when the log has heard of it, and whenever the log was out of
   *   reach. Called once at least when following has begun.
   * @returns Ends it.
   */
  follow(topic: string, listener: LogListener): () => void;
  /** The number of the last message that was taken from a client's session, for as long as `resumeTimeout`; 0 if none is known. */
  taken(session: string): Promise<number>;
  /** Everything up to this number was taken from a client's session. Smaller numbers than the one it has change nothing. */
  take(session: string, number: number): Promise<void>;
  /** Ends it: what was not appended is rejected. */
  close(): Promise<void>;
}
