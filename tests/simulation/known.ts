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
export const KNOWN_FAULTS: readonly KnownFault[] = [];

/** Whether a violation is of a fault that is known. */
export function isKnown({ invariant, detail }: Violation): boolean {
  return KNOWN_FAULTS.some((fault) => fault.invariant === invariant && fault.detail.test(detail));
}
