/**
 * Masking keys. RFC 6455 §5.3 and §10.3: a fresh one for every frame, from a strong source, so that no one who chooses the
 * payload can choose the bytes on the wire (CVE-2025-10148 used one key for a whole connection).
 *
 * @module
 */

/** Gives the key for the next frame, from 0 to 2^32 - 1. */
export type MaskKeySource = () => number;

/** `getRandomValues` costs about as much for 4 KiB as for 4 bytes, so 1024 keys are drawn at once. */
const POOL = new Uint32Array(1024);
let next = POOL.length;

/** A key for one frame, that nobody can predict. */
export function randomMaskKey(): number {
  if (next === POOL.length) {
    crypto.getRandomValues(POOL);
    next = 0;
  }
  const key = POOL[next]!;
  POOL[next++] = 0; // a key that was used is nobody's business any more
  return key;
}
