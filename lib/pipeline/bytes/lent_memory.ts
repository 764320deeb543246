/**
 * Memory that is lent to callbacks. It can be reused once the callback has returned and every queue that took a payload from it
 * without a copy has written that payload.
 *
 * @module
 */
import { releaseBuffer } from "./buffer_pool.ts";
import { MIN_BYTES_FOR_HEADROOM } from "./headroom.ts";

interface Loan {
  /** Payloads in this memory that wait in write queues of any connection. */
  pins: number;
  /** Whether the reader uses other memory now. */
  returned: boolean;
}

/** Weak: memory that a connection still had pinned when it ended is simply collected. */
const loans = new WeakMap<ArrayBuffer, Loan>();

/** Says that payloads in this memory are lent from now on. */
export function lend(memory: ArrayBuffer): void {
  if (!loans.has(memory)) loans.set(memory, { pins: 0, returned: false });
}

/** Says that a queue has taken a payload without a copy. */
export function pin(memory: ArrayBuffer): void {
  const loan = loans.get(memory);
  if (loan !== undefined) loan.pins++;
}

/** Says that a queue has written such a payload. */
export function unpin(memory: ArrayBuffer): void {
  const loan = loans.get(memory);
  if (loan === undefined) return;
  loan.pins--;
  if (loan.returned) giveBack(memory);
}

/** Whether a payload in this memory waits in a queue. Until it is written, the memory must not change. */
export function isPinned(memory: ArrayBuffer): boolean {
  return (loans.get(memory)?.pins ?? 0) > 0;
}

/** Gives back memory that the reader no longer uses. It returns to the pool as soon as no queue needs it. */
export function giveBack(memory: ArrayBuffer): void {
  const loan = loans.get(memory);
  if (loan !== undefined && loan.pins > 0) {
    loan.returned = true;
    return;
  }
  loans.delete(memory);
  releaseBuffer(memory);
}

/**
 * Lends the payloads of a batch.
 *
 * @param messages The batch.
 * @param memory The memory that the batch was read to, if any payload may lie in it.
 * @returns The buffers of the payloads that lie elsewhere. Pass them to {@linkcode giveBackAll} after the batch.
 */
export function lendAll(
  messages: readonly (string | Uint8Array<ArrayBuffer>)[],
  memory: ArrayBuffer | undefined,
): readonly ArrayBuffer[] {
  const gathered: ArrayBuffer[] = [];
  let read = false;
  for (let at = 0; at < messages.length; at++) {
    const message = messages[at]!;
    // Checking the buffer of every small message costs 4 % of a 32-byte echo, so only the first small message is checked. A small
    // message that was assembled elsewhere is then missed: its memory is simply not reused.
    if (typeof message === "string" || (read && message.length < MIN_BYTES_FOR_HEADROOM)) continue;
    if (message.buffer === memory) read = true;
    else gathered.push(message.buffer);
  }
  if (read && memory !== undefined) lend(memory);
  gathered.forEach(lend);
  return gathered;
}

/** Returns the buffers of a delivered batch to the pool as soon as no queue needs them. */
export function giveBackAll(buffers: readonly ArrayBuffer[]): void {
  buffers.forEach(giveBack);
}
