/**
 * Memory that is lent to callbacks: it may be used again when the callback has returned, and every queue that has taken a payload
 * of it without a copy has written it.
 *
 * @module
 */
import { releaseBuffer } from "./buffer_pool.ts";

interface Loan {
  /** Payloads that wait in write queues, of any connection. */
  queued: number;
  /** Whether the reader has gone on to other memory. */
  left: boolean;
}

/** Weak: what a connection still had queued when it ended is simply collected. */
const loans = new WeakMap<ArrayBuffer, Loan>();

/** Says that payloads in this memory are lent from now on. */
export function lend(memory: ArrayBuffer): void {
  if (!loans.has(memory)) loans.set(memory, { queued: 0, left: false });
}

/** A queue takes a payload without a copy. */
export function holdLent(memory: ArrayBuffer): void {
  const loan = loans.get(memory);
  if (loan !== undefined) loan.queued++;
}

/** A queue has written such a payload. */
export function dropLent(memory: ArrayBuffer): void {
  const loan = loans.get(memory);
  if (loan === undefined) return;
  loan.queued--;
  if (loan.left) leave(memory);
}

/** Whether a payload of it waits in a queue: until then it must not change. */
export function isHeld(memory: ArrayBuffer): boolean {
  return (loans.get(memory)?.queued ?? 0) > 0;
}

/** The reader goes on to other memory. This goes back to the pool, as soon as no queue needs it. */
export function leave(memory: ArrayBuffer): void {
  const loan = loans.get(memory);
  if (loan !== undefined && loan.queued > 0) {
    loan.left = true;
    return;
  }
  loans.delete(memory);
  releaseBuffer(memory);
}
