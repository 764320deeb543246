/**
 * Large buffers that go round: memory that is new costs as much as the message in it, zeroed, faulted in and collected.
 *
 * @module
 */

/** Smaller ones cost nothing to speak of. */
const LEAST = 64 * 1024;
/** Bytes kept in all: two of the largest messages by default. */
const MOST = 32 * 1024 * 1024;
/** A buffer is not handed out for less than this part of it. */
const LEAST_USE = 1 / 16;

const kept: ArrayBuffer[] = [];
let bytesKept = 0;

/**
 * A buffer of at least `size` bytes, with whatever it held before.
 *
 * @param size The least it must have.
 * @param wanted What it had better have: it is taken if it is there, but not allocated.
 */
export function acquireBuffer(size: number, wanted = size): ArrayBuffer {
  const found = fitting(wanted) ?? fitting(size);
  if (found === undefined) return new ArrayBuffer(size);
  kept.splice(kept.indexOf(found), 1);
  bytesKept -= found.byteLength;
  return found;
}

/** Gives a buffer back that nobody looks at any more. */
export function releaseBuffer(buffer: ArrayBuffer): void {
  const size = buffer.byteLength;
  if (size < LEAST || bytesKept + size > MOST) return;
  kept.push(buffer);
  bytesKept += size;
}

function fitting(size: number): ArrayBuffer | undefined {
  return kept.find(({ byteLength }) => byteLength >= size && byteLength * LEAST_USE <= size);
}
