/**
 * The closing handshake (RFC 6455 §7) as a table of states, events and actions.
 *
 * @module
 */

/** The states of a connection, from open to closed. */
export type CloseState =
  /** Messages flow. */
  | "open"
  /** Our close frame is queued; the peer's is awaited. */
  | "closeSent"
  /** The peer's close frame has arrived; our reply is not decided yet. */
  | "closeReceived"
  /** Both close frames were exchanged; the transport is being closed. */
  | "exchanged"
  /** The peer violated the protocol or a limit. Earlier messages are still being answered, and nothing more is read. */
  | "failing"
  /** We failed the connection (§7.1.7); the transport is being closed. */
  | "failed"
  /** The connection has ended. */
  | "closed";

/** The events of a connection. */
export type CloseHandshakeEvent =
  /** The application closes, or the reply to the peer's close frame is decided. */
  | "close"
  /** The peer's close frame arrives. */
  | "peerClose"
  /** The peer violates the protocol or a limit. */
  | "fault"
  /** Messages before a violation are answered, or the handler throws. */
  | "fail"
  /** The transport ends, for reading or in both directions. */
  | "end"
  /** All queued bytes are written, after the end of reading. */
  | "flushed"
  /** The closing handshake takes too long. */
  | "timeout"
  /** The application drops the connection. */
  | "abort";

/** The actions for an event, in this order. */
export type CloseAction =
  /** Start the deadline of the closing handshake. */
  | "startTimer"
  /** Wait for the replies to earlier messages. Our close frame follows them. */
  | "awaitReplies"
  /** Queue our close frame; nothing may follow it (§5.5.1). */
  | "sendClose"
  /**
   * After everything is written, end our writing side and continue to read, so that the peer gets everything before the transport
   * closes.
   */
  | "endWriting"
  /** Write the queue, until the deadline. */
  | "flush"
  /** Drop everything. */
  | "finish";

/** A cell of the table. */
export interface CloseTransition {
  /** The state afterwards. */
  readonly next: CloseState;
  /** The actions, in this order. */
  readonly actions: readonly CloseAction[];
}

const to = (next: CloseState, ...actions: CloseAction[]): CloseTransition => ({ next, actions });

/** The table. An event that a state does not list changes nothing. */
export const CLOSE_HANDSHAKE: Readonly<
  Record<CloseState, Readonly<Partial<Record<CloseHandshakeEvent, CloseTransition>>>>
> = {
  open: {
    close: to("closeSent", "startTimer", "sendClose"),
    peerClose: to("closeReceived", "startTimer", "awaitReplies"),
    fault: to("failing", "awaitReplies"),
    fail: to("failed", "startTimer", "sendClose", "endWriting"),
    end: to("closed", "finish"), // no close frame: 1006 (§7.1.5)
    abort: to("closed", "finish"),
  },
  closeSent: {
    peerClose: to("exchanged", "endWriting"),
    fault: to("failed", "endWriting"),
    fail: to("failed", "endWriting"),
    end: to("closed", "finish"),
    timeout: to("closed", "finish"),
    abort: to("closed", "finish"),
  },
  closeReceived: {
    close: to("exchanged", "sendClose", "endWriting"),
    fail: to("exchanged", "sendClose", "endWriting"), // the hook or handler threw, and its code is the reply
    end: to("closeReceived"), // the peer ended its side; our reply can still be written
    timeout: to("closed", "finish"),
    abort: to("closed", "finish"),
  },
  exchanged: {
    end: to("exchanged", "flush"),
    flushed: to("closed", "finish"),
    timeout: to("closed", "finish"),
    abort: to("closed", "finish"),
  },
  failing: {
    close: to("failed", "startTimer", "sendClose", "endWriting"), // the application is done
    fail: to("failed", "startTimer", "sendClose", "endWriting"),
    abort: to("closed", "finish"),
  },
  failed: {
    end: to("failed", "flush"),
    flushed: to("closed", "finish"),
    timeout: to("closed", "finish"),
    abort: to("closed", "finish"),
  },
  closed: {},
};
