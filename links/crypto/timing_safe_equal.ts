/**
 * `@std/crypto/timing-safe-equal` from npm's `deno-std`. See `links/README.md`.
 *
 * @module
 */
import { timingSafeEqual as equal } from "npm:deno-std@1.4.0/crypto/timing_safe_equal.js";

/** Compares in a time that does not depend on where the two differ. */
export const timingSafeEqual: (
  a: ArrayBufferView | ArrayBufferLike | DataView,
  b: ArrayBufferView | ArrayBufferLike | DataView,
) => boolean = equal;
