/**
 * Faults that the simulation has found and that are being mended. A world that meets one of them ends there and counts as known. The
 * list is empty when the work is done: an entry is a debt, and never an excuse.
 *
 * @module
 */
import type { Invariant, Violation } from "./invariants.ts";

/** A fault that is known. */
export interface KnownFault {
  readonly invariant: Invariant;
  /** What the violation's detail says. */
  readonly detail: RegExp;
  /** What is wrong, in a sentence. */
  readonly fault: string;
}

/** The list. */
export const KNOWN_FAULTS: readonly KnownFault[] = [
  {
    invariant: "state-never-throws",
    detail: /\.(send|ping|subscribe|publish)\(\) throws InvalidStateError/,
    fault: "A call on a connection that is closing throws where it is made.",
  },
  {
    invariant: "one-at-a-time",
    detail: /to client is written to twice/,
    fault: "A server that stops, or is late, while it writes its 101 writes a refusal beside it.",
  },
  {
    invariant: "frames",
    detail: /server: a reserved bit that nobody owns/,
    fault: "A server that stops, or is late, when it has written its 101 writes a refusal behind it.",
  },
  {
    invariant: "our-fault",
    detail: /The connection ended in the middle of a message/,
    fault: "A handler that reads `messages()` is blamed where a close comes in the middle of a message.",
  },
];

/** Whether a violation is of a fault that is known. */
export function isKnown({ invariant, detail }: Violation): boolean {
  return KNOWN_FAULTS.some((fault) => fault.invariant === invariant && fault.detail.test(detail));
}
