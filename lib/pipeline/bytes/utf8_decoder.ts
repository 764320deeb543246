/**
 * UTF-8 in parts as strings in parts, none of which breaks a character.
 *
 * @module
 */
import { concatBytes } from "./concat.ts";
import { decodeUtf8, unfinished, Utf8Validator } from "./utf8.ts";

/** What a part of a text gave. */
export interface DecodedPart {
  /** The characters that it completed, those before a bad byte included. */
  readonly text: string;
  /** Where in the part the first byte stands that cannot be right, or -1. */
  readonly bad: number;
}

/** Decodes a text that comes in parts. At most three bytes of it are held: the beginning of a character. */
export class Utf8Decoder {
  #held: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  /** Decodes the next part. After a bad byte there is no next one. */
  push(bytes: Uint8Array<ArrayBuffer>): DecodedPart {
    const held = this.#held;
    const all = held.length === 0 ? bytes : concatBytes([held, bytes]);
    const end = all.length - unfinished(all);
    const text = decodeUtf8(all, 0, end);
    if (text !== undefined) {
      this.#held = all.slice(end);
      const bad = end === all.length ? -1 : new Utf8Validator().push(this.#held);
      return { text, bad: bad === -1 ? -1 : end + bad - held.length };
    }
    const bad = new Utf8Validator().push(all);
    return { text: decodeUtf8(all, 0, bad - unfinished(all.subarray(0, bad))) ?? "", bad: bad - held.length };
  }

  /** Whether the text may end here: no character is left half done. */
  get complete(): boolean {
    return this.#held.length === 0;
  }
}
