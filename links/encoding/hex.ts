/**
 * `@std/encoding/hex` from npm's `deno-std`. See `links/README.md`.
 *
 * @module
 */
import { decodeHex as decode, encodeHex as encode } from "npm:deno-std@1.4.0/encoding/hex.js";

/** Bytes as lower-case hexadecimal digits. */
export const encodeHex: (src: string | Uint8Array | ArrayBuffer) => string = encode;
/** The bytes that hexadecimal digits stand for. */
export const decodeHex: (src: string) => Uint8Array<ArrayBuffer> = decode;
