/**
 * What handlers and streams need of a connection besides its surface: whatever has this can be handled and streamed.
 *
 * @module
 */
import type { Message } from "../messages/message.ts";
import type { BatchConsumer } from "./inbox.ts";
import type { CloseInfo, WebSocketConnection } from "./websocket_connection.ts";

/** A connection as the code that drives it sees it. */
export interface DrivenConnection<Data = unknown> extends WebSocketConnection<Data> {
  /** Is called when the queue falls below its high-water mark again. */
  ondrain: (() => void) | undefined;
  /** Whether the application dropped the connection: it wants no more of it, and that includes messages. */
  readonly aborted: boolean;
  /** Whether binary messages are the callbacks' only until these return. */
  readonly lends: boolean;
  /** Takes the next batch, or waits for it; `undefined` after a clean end. */
  takeBatch(): Message[] | undefined | Promise<Message[] | undefined>;
  /** Hands every batch to `consumer`, and says when the last one is done. */
  consumeWith(consumer: BatchConsumer, ended: () => void): void;
  /** Says through what the connection is read. Throws `TypeError` if it is read in another way already. */
  claim(way: string): void;
  /** Says how much of the batch in hand is left. */
  consuming(how: "nothing" | "now" | "later"): void;
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
