/**
 * A pool of large buffers. Allocating, zeroing and collecting a new buffer costs as much as reading the message in it.
 *
 * @module
 */

/** Smaller buffers are cheap to allocate and are not pooled. */
const MIN_BUFFER = 64 * 1024;
/** The maximum number of bytes kept in the pool: two of the largest messages by default. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
/** A buffer is only handed out if at least this part of it is needed now, however many bytes the peer has announced. */
const MIN_SHARE_USED = 1 / 4;

/**
 * A buffer that waits for its next use. The reference is weak: a buffer that is not used before the next garbage collection is
 * collected too.
 */
interface Kept {
  readonly memory: WeakRef<ArrayBuffer>;
  readonly size: number;
}

let kept: Kept[] = [];
let bytesKept = 0;

/**
 * Returns a buffer of at least `size` bytes. It still contains what it held before.
 *
 * @param size The least size.
 * @param wanted The preferred size: a pooled buffer of this size is taken, but none is allocated.
 */
export function acquireBuffer(size: number, wanted = size): ArrayBuffer {
  const most = size / MIN_SHARE_USED;
  return takeKept(Math.min(wanted, most), most) ?? takeKept(size, most) ?? new ArrayBuffer(size);
}

/** Returns an unused buffer to the pool. The result says whether the pool keeps it. */
export function releaseBuffer(buffer: ArrayBuffer): boolean {
  const size = buffer.byteLength;
  if (size < MIN_BUFFER) return false;
  if (bytesKept + size > MAX_KEPT_BYTES) forgetCollected();
  if (bytesKept + size > MAX_KEPT_BYTES) return false;
  kept.push({ memory: new WeakRef(buffer), size });
  bytesKept += size;
  return true;
}

/** Takes a buffer of at least `least` and at most `most` bytes out of the pool. */
function takeKept(least: number, most: number): ArrayBuffer | undefined {
  for (;;) {
    const at = kept.findIndex(({ size }) => size >= least && size <= most);
    if (at === -1) return undefined;
    const [found] = kept.splice(at, 1);
    bytesKept -= found!.size;
    const buffer = found!.memory.deref();
    // Skip buffers that were collected, or transferred by an application that had borrowed them.
    if (buffer?.byteLength === found!.size) return buffer;
  }
}

function forgetCollected(): void {
  kept = kept.filter(({ memory }) => memory.deref() !== undefined);
  bytesKept = kept.reduce((sum, { size }) => sum + size, 0);
}
