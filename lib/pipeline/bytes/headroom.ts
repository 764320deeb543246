/**
 * Room for a frame's header in front of a large payload: an echo or a relay then writes both at once, without copying either.
 *
 * @module
 */

/** Bytes in front of a payload that was gathered here: the longest header that goes out unmasked has 10 (RFC 6455 §5.2). */
export const HEADROOM = 16;

/** From this many bytes on, a write of its own beats a copy into the batch. */
export const ROOM_PAYS = 16 * 1024;

/** A set of the very views that were handed on: no application can have put its own bytes in front of one of these. */
const roomy = new WeakSet<Uint8Array>();

/** Says that the bytes in front of a payload are free: at least as many as its header needs. */
export function markHeadroom(payload: Uint8Array): void {
  if (payload.length >= ROOM_PAYS) roomy.add(payload);
}

/**
 * Whether a header may be written in front of a payload. It may be written again, even while a write of it is under way: a message
 * of that length has one header only.
 */
export function hasHeadroom(payload: Uint8Array): boolean {
  return payload.length >= ROOM_PAYS && roomy.has(payload);
}

/** A copy of a payload with room in front of it. */
export function copyWithHeadroom(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(new ArrayBuffer(HEADROOM + payload.length), HEADROOM);
  copy.set(payload);
  markHeadroom(copy);
  return copy;
}
