/**
 * `Sec-WebSocket-Key` and `Sec-WebSocket-Accept` (RFC 6455 §1.3, §4.1 and §4.2.2). They prove that the server speaks WebSocket,
 * and not another protocol that was tricked into an answer. They authenticate no one.
 *
 * @module
 */
import { base64 } from "../pipeline/bytes/base64.ts";

/** The string that RFC 6455 §1.3 appends to the key. */
export const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * Returns the `Sec-WebSocket-Accept` for a key.
 *
 * @example The example of the RFC
 * ```ts
 * import { acceptKey } from "@sluice/websocket/handshake";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await acceptKey("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
 * ```
 *
 * @param key The client's `Sec-WebSocket-Key` as received. It is hashed as text and not decoded.
 * @returns The SHA-1 of the key and {@linkcode GUID}, in base64.
 */
export function acceptKey(key: string): Promise<string> {
  return crypto.subtle.digest("SHA-1", encoder.encode(key + GUID)).then((hash) => base64(new Uint8Array(hash)));
}

const encoder = new TextEncoder();

/**
 * Makes a new `Sec-WebSocket-Key`: 16 unpredictable bytes in base64 (RFC 6455 §4.1, item 7 of the request).
 *
 * @example A key
 * ```ts
 * import { createKey, isKey } from "@sluice/websocket/handshake";
 * import { assert, assertNotEquals } from "@std/assert";
 *
 * assert(isKey(createKey()));
 * assertNotEquals(createKey(), createKey());
 * ```
 */
export function createKey(): string {
  return base64(crypto.getRandomValues(new Uint8Array(16)));
}

/**
 * Whether a value is the base64 of 16 bytes: 22 digits and two pads (RFC 6455 §4.2.1, CVE-2026-5067, CVE-2026-5068). The four
 * unused bits of the last digit may have any value, as in other servers: RFC 4648 §3.5 allows that.
 */
export function isKey(value: string): boolean {
  return /^[A-Za-z0-9+/]{22}==$/.test(value);
}
