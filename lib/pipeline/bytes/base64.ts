/**
 * Base64 (RFC 4648 §4) with functions that every runtime has: Node 20 lacks `Uint8Array.prototype.toBase64`.
 *
 * @module
 */

/** `String.fromCharCode` takes its bytes as arguments, and the number of arguments of a call is limited. */
const STEP = 8 * 1024;

/** Encodes bytes as base64. */
export function base64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += STEP) binary += String.fromCharCode(...bytes.subarray(at, at + STEP));
  return btoa(binary);
}

/** Decodes a base64 text. Returns `undefined` if the text is not valid base64. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}
