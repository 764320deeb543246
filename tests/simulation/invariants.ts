/**
 * What must hold in every simulated world, always: one sentence for each, and the document that says so.
 *
 * @module
 */

/** The invariants. A violation names one of them. */
export const INVARIANTS = {
  "whole": "What is read is a prefix of what was sent: in order, whole, never twice (RFC 6455 §5.4, RFC 9293 §3.4).",
  "complete": "After a clean close everything that was sent before it has been read (RFC 6455 §1.4, §5.5.1).",
  "apart": "No byte of one connection is read on another.",
  "frames": "What is written are frames as RFC 6455 §5.2 draws them, and masked by clients only (§5.1).",
  "last-frame": "Nothing is written after a close frame (RFC 6455 §5.5.1).",
  "pong": "A pong answers a ping that was read, and at most one is owed (RFC 6455 §5.5.2, §5.5.3).",
  "steady-bytes": "Bytes do not change while a write of them is under way.",
  "one-at-a-time": "A transport has one write under way at a time, or what both write would mix.",
  "closed-transport": "A transport is closed once and not used afterwards.",
  "held-in":
    "What was read and the application has not taken is at most `highWaterMark`, one read and one message (docs/how-to/backpressure).",
  "held-out": "What is queued is at most `maxQueuedBytes` and what one call adds (docs/reference/options-and-limits).",
  "too-late":
    "What a `WebSocket` sends when it closes goes nowhere, and counts as its `bufferedAmount` (WebSockets Standard §3.1).",
  "send-waits": "`send` waits while `highWaterMark` is reached, and not longer (docs/how-to/backpressure).",
  "state-never-throws":
    "No state of a connection makes a call throw: the promise is rejected, or the answer is `false` or 0.",
  "settled": "Every promise settles.",
  "ends-once": "Every connection ends, and its end is reported once.",
  "first-cause": "A connection ends with the first cause of its end.",
  "answered":
    "What came before a close frame is answered before ours (docs/explanation/handshakes): the answers have 2 s.",
  "close-code": "A broken rule is answered with its close code (RFC 6455 §7.4.1).",
  "no-more": "A handler that has thrown gets no more messages (`WebSocketCallbacks`).",
  "reader-told": "A reader ends as its connection does: an unclean end is thrown (`WebSocketConnection`).",
  "agreement": "Where nothing goes wrong on the way, both ends agree that the close was clean (RFC 6455 §7.1.4).",
  "prompt": "Once both close frames were exchanged the transport ends at once, by the server first (RFC 6455 §7.1.1).",
  "bounded": "Every wait ends within the time that is documented for it (docs/reference/options-and-limits).",
  "nothing-left":
    "When all connections have ended there is no timer, no listener, no subscription and no connection left.",
  "handled": "No rejection is left unhandled, and nothing is thrown into the event loop.",
  "quiet": "When no end acts, nothing goes on for ever.",
  "topic": "A subscriber reads each message of a topic once, in the order of its publisher, and of no other topic.",
  "our-fault": "Only what the application throws is reported to `onError`.",
  "opened": "A connection opens if and only if the handshake was right (RFC 6455 §4).",
} as const satisfies Record<string, string>;

/** The name of an invariant. */
export type Invariant = keyof typeof INVARIANTS;

/** An invariant that did not hold. */
export class Violation extends Error {
  override name = "Violation";

  /**
   * @param invariant Which one.
   * @param detail What was seen.
   */
  constructor(readonly invariant: Invariant, readonly detail: string) {
    super(`${invariant}: ${detail}\n  ${INVARIANTS[invariant]}`);
  }
}
