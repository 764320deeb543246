/**
 * The little that a broker's client library has to do for a log: one connection at a time. Reconnects, the queue, what is sent again
 * and what is followed are ours, the same for every library.
 *
 * @module
 */
import type { Message } from "../pipeline/messages/message.ts";
import type { LogEntry, LogPage, Position, ReadLimit } from "./log.ts";

/** How much a log at a broker keeps. */
export interface LogRetention {
  /** Messages of one topic. @default {1000} */
  messages?: number;
  /** Milliseconds for which a message can be read again. @default {86400000}, a day */
  age?: number;
  /** Milliseconds for which it is remembered which messages were appended and taken already. @default {120000}, two minutes */
  resumeTimeout?: number;
}

/** What is appended. */
export interface Append {
  readonly topic: string;
  readonly data: Message;
  /** What it is known by: sent again over another connection, it is appended once. */
  readonly id: string;
  /** Milliseconds for which it is known by that. */
  readonly known: number;
}

/** The log does not take it, and will not take it if it is asked again. */
export interface Refusal {
  readonly refused: unknown;
}

/** One connection. Once it is lost, it is not used again. Promises reject when it is. */
export interface LogSession {
  /** Resolves with the reason when the connection is lost. */
  readonly ended: Promise<unknown>;
  /** Appends a message. What is appended one after the other gets its numbers in that order. */
  append(append: Append): Promise<Position | Refusal>;
  /** See `Log.read`. */
  read(topic: string, after: number, limit: ReadLimit): Promise<LogPage>;
  /** Resolves when what is appended from then on is said. */
  follow(topic: string): Promise<void>;
  /** Resolves when it is not said any more. */
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

/** Is called for what was appended to a topic that is followed. */
export type LogNews = (topic: string, news?: { readonly epoch: string; readonly entry: LogEntry }) => void;

/** A way to a log. */
export interface LogLink {
  /** Connects. */
  connect(hear: LogNews): Promise<LogSession>;
}
