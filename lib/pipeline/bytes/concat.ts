/**
 * Joins pieces of bytes.
 *
 * @module
 */

/** Joins the pieces. A single piece is not copied. */
export function concatBytes(pieces: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const [first, ...more] = pieces;
  if (first === undefined) return new Uint8Array(0);
  if (more.length === 0) return first;
  const joined = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
