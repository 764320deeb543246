/**
 * Memory that is lent to callbacks: it may be used again when the callback has returned, and every queue that has taken a payload
 * of it without a copy has written it.
 *
 * @module
 */
import { releaseBuffer } from "./buffer_pool.ts";
import { MIN_BYTES_FOR_HEADROOM } from "./headroom.ts";

interface Loan {
  /** Payloads that wait in write queues, of any connection. */
  pins: number;
  /** Whether the reader has gone on to other memory. */
  returned: boolean;
}

/** Weak: what a connection still had pinned when it ended is simply collected. */
const loans = new WeakMap<ArrayBuffer, Loan>();

/** Says that payloads in this memory are lent from now on. */
export function lend(memory: ArrayBuffer): void {
  if (!loans.has(memory)) loans.set(memory, { pins: 0, returned: false });
}

/** A queue takes a payload without a copy. */
export function pin(memory: ArrayBuffer): void {
  const loan = loans.get(memory);
  if (loan !== undefined) loan.pins++;
}

/** A queue has written such a payload. */
export function unpin(memory: ArrayBuffer): void {
  const loan = loans.get(memory);
  if (loan === undefined) return;
  loan.pins--;
  if (loan.returned) giveBack(memory);
}

/** Whether a payload of it waits in a queue: until then it must not change. */
export function isPinned(memory: ArrayBuffer): boolean {
  return (loans.get(memory)?.pins ?? 0) > 0;
}

/** The reader goes on to other memory. This goes back to the pool, as soon as no queue needs it. */
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
 * @param memory Where the batch was read to, if any of it may lie there.
 * @returns The buffers of payloads that lie elsewhere: after the batch they are for {@linkcode giveBackAll}.
 */
export function lendAll(
  messages: readonly (string | Uint8Array<ArrayBuffer>)[],
  memory: ArrayBuffer | undefined,
): readonly ArrayBuffer[] {
  const gathered: ArrayBuffer[] = [];
  let read = false;
  for (let at = 0; at < messages.length; at++) {
    const message = messages[at]!;
    // To look where a payload is costs 4 % of an echo of 32 bytes, so of the small ones only the first is looked at. A small message
    // that was gathered elsewhere is missed then: its memory is simply not used again.
    if (typeof message === "string" || (read && message.length < MIN_BYTES_FOR_HEADROOM)) continue;
    if (message.buffer === memory) read = true;
    else gathered.push(message.buffer);
  }
  if (read && memory !== undefined) lend(memory);
  gathered.forEach(lend);
  return gathered;
}

/** The batch was handed on: its buffers go back to the pool, as soon as no queue needs them. */
export function giveBackAll(buffers: readonly ArrayBuffer[]): void {
  buffers.forEach(giveBack);
}
