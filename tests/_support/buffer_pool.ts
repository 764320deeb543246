/**
 * What is in the pool of large buffers.
 *
 * @module
 */
import { acquireBuffer } from "../../lib/pipeline/bytes/buffer_pool.ts";

/** Takes the buffers of the pool that fit `size` bytes, and a new one. */
export function takePooled(size: number): ArrayBuffer[] {
  const taken: ArrayBuffer[] = [];
  // A new one is exactly as large as it was asked for.
  do taken.push(acquireBuffer(size - 1)); while (taken.at(-1)!.byteLength !== size - 1);
  return taken;
}

/** Whether a buffer can be had from the pool, which is then without those of its size. */
export function inPool(buffer: ArrayBuffer): boolean {
  return takePooled(buffer.byteLength).includes(buffer);
}

/** Takes what other tests left, so that nothing comes from the pool by chance. */
export function drainPool(): void {
  for (let size = 64 * 1024; size <= 32 * 1024 * 1024; size *= 2) takePooled(size);
}
