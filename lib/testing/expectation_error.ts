/**
 * What a test is told when a peer does not do what was expected of it.
 *
 * @module
 */

/** A peer did something else than was expected, or nothing in time. */
export class ExpectationError extends Error {
  /** The error's name. */
  override readonly name = "ExpectationError";
}
