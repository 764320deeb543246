/**
 * What glibc does with memory that large messages leave behind.
 *
 * @module
 */

/** Just below the largest block that moves glibc's thresholds: 32 MiB (mallopt(3), `M_MMAP_THRESHOLD`). */
const LARGEST = 32 * 1024 * 1024 - 64 * 1024;

let asked = false;

/**
 * Has freed memory stay with the process, 64 MiB at most, in which the next messages go.
 *
 * At first glibc gives free memory at the end of its heap back to the kernel from 128 KiB on, and the next message pays a page fault
 * for each 4 KiB of it, more than for all else: echoes of 64 KiB are 1.15 times as many without that, of 4 MiB 1.3 times. The
 * threshold is twice the largest mapped block that was ever freed, so one block is allocated and freed, untouched. Other allocators
 * keep what they keep.
 */
export function keepFreedMemory(): void {
  if (asked) return;
  asked = true;
  try {
    new ArrayBuffer(LARGEST).transfer?.(0);
  } catch {
    // There is not so much memory: then there is none to keep.
  }
}
