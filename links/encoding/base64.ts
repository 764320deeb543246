/**
 * `@std/encoding/base64` from npm's `deno-std`. See `links/README.md`.
 *
 * @module
 */
import { decodeBase64 as decode, encodeBase64 as encode } from "npm:deno-std@1.4.0/encoding/base64.js";

/** Bytes in base64, RFC 4648 §4. */
export const encodeBase64: (data: string | Uint8Array | ArrayBuffer) => string = encode;
/** The bytes that base64 stands for. */
export const decodeBase64: (b64: string) => Uint8Array<ArrayBuffer> = decode;
