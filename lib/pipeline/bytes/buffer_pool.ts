/**
 * Large buffers that go round: memory that is new costs as much as the message in it, zeroed, faulted in and collected.
 *
 * @module
 */

/** Smaller ones cost nothing to speak of. */
const MIN_BUFFER = 64 * 1024;
/** Bytes kept in all: two of the largest messages by default. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
/** A buffer is not handed out to who needs less than this part of it now, whatever is expected: nothing is held for a claim. */
const MIN_SHARE_USED = 1 / 4;

/** A buffer that waits for its next use. Weak: one for which there is none until memory is collected is collected too. */
interface Kept {
  readonly memory: WeakRef<ArrayBuffer>;
  readonly size: number;
}

let kept: Kept[] = [];
let bytesKept = 0;

/**
 * A buffer of at least `size` bytes, with whatever it held before.
 *
 * @param size The least it must have.
 * @param wanted What it had better have: it is taken if it is there, but not allocated.
 */
export function acquireBuffer(size: number, wanted = size): ArrayBuffer {
  const most = size / MIN_SHARE_USED;
  return takeKept(Math.min(wanted, most), most) ?? takeKept(size, most) ?? new ArrayBuffer(size);
}

/** Returns a buffer that is no longer in use to the pool. The result tells whether the pool keeps it. */
export function releaseBuffer(buffer: ArrayBuffer): boolean {
  const size = buffer.byteLength;
  if (size < MIN_BUFFER) return false;
  if (bytesKept + size > MAX_KEPT_BYTES) forgetCollected();
  if (bytesKept + size > MAX_KEPT_BYTES) return false;
  kept.push({ memory: new WeakRef(buffer), size });
  bytesKept += size;
  return true;
}

/** Takes one out that has at least so many bytes, and at most so many. */
function takeKept(least: number, most: number): ArrayBuffer | undefined {
  for (;;) {
    const at = kept.findIndex(({ size }) => size >= least && size <= most);
    if (at === -1) return undefined;
    const [found] = kept.splice(at, 1);
    bytesKept -= found!.size;
    const buffer = found!.memory.deref();
    // Collected, or transferred by an application that was lent it: passed over.
    if (buffer?.byteLength === found!.size) return buffer;
  }
}

function forgetCollected(): void {
  kept = kept.filter(({ memory }) => memory.deref() !== undefined);
  bytesKept = kept.reduce((sum, { size }) => sum + size, 0);
}
