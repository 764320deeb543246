/**
 * The interface to a broker's client library for a log, which has to handle only one connection at a time. Reconnecting, the
 * queue, repeated messages and followed topics are implemented once for all libraries.
 *
 * @module
 */
import type { Message } from "../pipeline/messages/message.ts";
import type { LogEntry, LogPage, Position, ReadLimit } from "./log.ts";

/** The retention of a log at a broker. */
export interface LogRetention {
  /** The maximum number of messages to keep for each topic. @default {1000} */
  messages?: number;
  /** Milliseconds for which a message can be read again. @default {86400000}, a day */
  age?: number;
  /**
   * Milliseconds to remember which messages were appended and taken, to detect duplicates. They are remembered for at least twice
   * `appendTimeout`.
   * @default {120000}, two minutes
   */
  resumeTimeout?: number;
}

/** A message to append. */
export interface Append {
  readonly topic: string;
  readonly data: Message;
  /** Its id. If it is sent again over another connection, it is appended only once. */
  readonly id: string;
  /** Milliseconds to remember the id. */
  readonly known: number;
}

/** The log refuses a message, and would refuse it again. */
export interface Refusal {
  readonly refused: unknown;
}

/** One connection. Once it is lost, it is not used again. Promises reject when it is. */
export interface LogSession {
  /** Resolves with the reason when the connection is lost. */
  readonly ended: Promise<unknown>;
  /** Appends a message. Messages get their numbers in the order of the calls. */
  append(append: Append): Promise<Position | Refusal>;
  /** See `Log.read`. */
  read(topic: string, after: number, limit: ReadLimit): Promise<LogPage>;
  /** Resolves when new messages of the topic are reported. */
  follow(topic: string): Promise<void>;
  /** Resolves when they are no longer reported. */
  unfollow(topic: string): Promise<void>;
  /** See `Log.taken`. */
  taken(session: string): Promise<number>;
  /** See `Log.take`. */
  take(session: string, number: number): Promise<void>;
  /** Resolves when the broker has answered. */
  ping(): Promise<void>;
  /** Ends the connection. */
  close(): Promise<void>;
}

/** Called for messages that were appended to a followed topic. */
export type LogNews = (topic: string, news?: { readonly epoch: string; readonly entry: LogEntry }) => void;

/** A connection factory for one log. */
export interface LogLink {
  /** Connects. */
  connect(hear: LogNews): Promise<LogSession>;
}
