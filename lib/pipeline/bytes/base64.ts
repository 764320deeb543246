/**
 * Base64, RFC 4648 §4, with what every runtime has: `Uint8Array.prototype.toBase64` came after Node 20.
 *
 * @module
 */

/** `String.fromCharCode` takes its bytes as arguments, of which there may be so many. */
const STEP = 8 * 1024;

/** Bytes as base64. */
export function base64(bytes: Uint8Array): string {
  let binary = "";
  for (let at = 0; at < bytes.length; at += STEP) binary += String.fromCharCode(...bytes.subarray(at, at + STEP));
  return btoa(binary);
}

/** The bytes that a base64 text stands for, or `undefined` where it is none. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    return undefined;
  }
}
