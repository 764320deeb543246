/**
 * Decodes UTF-8 that arrives in parts into strings that never split a character.
 *
 * @module
 */
import { concatBytes } from "./concat.ts";
import { decodeUtf8, unfinished, Utf8Validator } from "./utf8.ts";

/** The result of decoding a part of a text. */
export interface DecodedPart {
  /** The characters that the part completed, including those before an invalid byte. */
  readonly text: string;
  /** The position in the part of the first invalid byte, or -1. */
  readonly bad: number;
}

/** Decodes a text that arrives in parts. It holds at most three bytes, the beginning of a character. */
export class Utf8Decoder {
  #held: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  /** Decodes the next part. Do not call this after an invalid byte. */
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

  /** Whether the text may end here, because no character is incomplete. */
  get complete(): boolean {
    return this.#held.length === 0;
  }
}
