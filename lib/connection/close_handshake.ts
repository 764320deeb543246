/**
 * The closing handshake, RFC 6455 §7, as a table: what happens in each state, and what to do about it.
 *
 * @module
 */

/** Where a connection stands between open and gone. */
export type CloseState =
  /** Messages flow. */
  | "open"
  /** Our close frame is queued; the peer's is awaited. */
  | "closeSent"
  /** The peer's close frame came; ours is still to be decided. */
  | "closeReceived"
  /** Both close frames were exchanged; the transport is being ended. */
  | "exchanged"
  /** The peer broke a rule or a limit; what came before that is still being answered. Nothing more is read. */
  | "failing"
  /** We failed the connection (§7.1.7); the transport is being ended. */
  | "failed"
  /** Nothing is left. */
  | "closed";

/** What can happen to a connection. */
export type CloseHandshakeEvent =
  /** The application closes, or the answer to the peer's close is decided. */
  | "close"
  /** The peer's close frame arrives. */
  | "peerClose"
  /** The peer breaks a rule or a limit. */
  | "fault"
  /** What came before a fault is answered, or the handler throws. */
  | "fail"
  /** The transport ends, for reading or altogether. */
  | "end"
  /** After the end of reading, all that was queued is written. */
  | "flushed"
  /** The closing handshake takes too long. */
  | "timeout"
  /** The application gives up at once. */
  | "abort";

/** What to do when it happens, in this order. */
export type CloseAction =
  /** Start the deadline of the closing handshake. */
  | "startTimer"
  /** Wait for the answers to what came before; our close frame comes behind them. */
  | "awaitReplies"
  /** Queue our close frame; nothing may follow it (§5.5.1). */
  | "sendClose"
  /** Once all is written, end our writing side and read on, so that the peer gets it all before the transport is gone. */
  | "endWriting"
  /** Write what is queued, which the deadline bounds. */
  | "flush"
  /** Drop everything. */
  | "finish";

/** One cell of the table. */
export interface CloseTransition {
  /** The state afterwards. */
  readonly next: CloseState;
  /** What to do, in this order. */
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
    fail: to("exchanged", "sendClose", "endWriting"), // the hook or handler threw: the answer is its code
    end: to("closeReceived"), // the peer ended its side; our answer can still be written
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
