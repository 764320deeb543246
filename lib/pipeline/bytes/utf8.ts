/**
 * UTF-8 as RFC 6455 §8.1 requires: strict, and refused at the first invalid byte, however the text is cut. Text that arrives in
 * parts becomes strings that never split a character.
 *
 * @module
 */
import { LimitError } from "../../errors.ts";
import { LONGEST_STRING } from "../../limits.ts";
import { concatBytes } from "./concat.ts";

/**
 * This decoder writes U+FFFD for invalid bytes, so a text that contains U+FFFD is decoded again by the strict decoder. Deno's
 * strict decoder goes through UTF-16 and takes two bytes per character for ASCII: it needs 50 µs for 64 KiB, this one 8.
 * `ignoreBOM`: a byte order mark is part of the message.
 */
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });
const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const REPLACEMENT = "\ufffd";

/**
 * Up to this many bytes, building an ASCII string here is faster than a call of the runtime's decoder: 0.15 µs instead of 0.36
 * for 32 bytes.
 */
const SHORT = 64;

/** Arrays for the code units of a short text, by length: `apply` takes an array twice as fast as a `Uint8Array`. */
const UNITS: number[][] = [];

/**
 * Decodes a whole text.
 *
 * @param bytes The bytes that contain the text.
 * @param start The start of the text.
 * @param end The end of the text.
 * @returns The string, or `undefined` if the bytes are not UTF-8.
 * @throws {LimitError} 1009 if the bytes are UTF-8, but no string can be that long.
 */
export function decodeUtf8(bytes: Uint8Array, start = 0, end: number = bytes.length): string | undefined {
  const length = end - start;
  if (length <= SHORT) {
    const ascii = decodeAscii(bytes, start, length);
    if (ascii !== undefined) return ascii;
  }
  const text = bytes.subarray(start, end);
  try {
    const decoded = DECODER.decode(text);
    return decoded.includes(REPLACEMENT) ? STRICT.decode(text) : decoded;
  } catch {
    const validator = new Utf8Validator();
    if (validator.push(text) !== -1 || !validator.complete) return undefined;
    throw new LimitError(`Text of ${length} bytes is longer than a string can be: messages() reads it in parts`, {
      limit: "maxMessageBytes",
      max: LONGEST_STRING,
      actual: length,
      closeCode: 1009,
    });
  }
}

/** Decodes a short text, or returns `undefined` if it is not ASCII. */
function decodeAscii(bytes: Uint8Array, start: number, length: number): string | undefined {
  const units = UNITS[length] ??= Array.from({ length }, () => 0);
  let all = 0;
  for (let at = 0; at < length; at++) all |= units[at] = bytes[start + at]!;
  return all < 0x80 ? Reflect.apply(String.fromCharCode, undefined, units) : undefined;
}

/** Returns the number of bytes of a text in UTF-8, without encoding it. A lone surrogate counts as U+FFFD. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    length += unit < 0x800 ? 1 : 2;
    // Four bytes for two units.
    if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00) at++;
  }
  return length;
}

// The bytes that may follow a lead byte (Unicode 15, table 3-7). A state is the number of bytes still missing, with the range of
// the next byte if it is not 80..BF. This excludes overlong forms, surrogates, and everything above 10FFFF.
const DONE = 0;
const ONE_MORE = 1;
const TWO_MORE = 2;
const THREE_MORE = 3;
const AFTER_E0 = 4;
const AFTER_ED = 5;
const AFTER_F0 = 6;
const AFTER_F4 = 7;
const INVALID = 8;

/** Returns the state after a character's first byte, which is not ASCII. */
function lead(byte: number): number {
  if (byte < 0xc2) return INVALID;
  if (byte < 0xe0) return ONE_MORE;
  if (byte === 0xe0) return AFTER_E0;
  if (byte === 0xed) return AFTER_ED;
  if (byte < 0xf0) return TWO_MORE;
  if (byte === 0xf0) return AFTER_F0;
  if (byte < 0xf4) return THREE_MORE;
  if (byte === 0xf4) return AFTER_F4;
  return INVALID;
}

/** Returns the state after one more byte. */
function after(state: number, byte: number): number {
  if (state !== DONE) return follow(state, byte);
  return byte < 0x80 ? DONE : lead(byte);
}

function follow(state: number, byte: number): number {
  switch (state) {
    case ONE_MORE:
      return byte >= 0x80 && byte <= 0xbf ? DONE : INVALID;
    case TWO_MORE:
      return byte >= 0x80 && byte <= 0xbf ? ONE_MORE : INVALID;
    case THREE_MORE:
      return byte >= 0x80 && byte <= 0xbf ? TWO_MORE : INVALID;
    case AFTER_E0:
      return byte >= 0xa0 && byte <= 0xbf ? ONE_MORE : INVALID;
    case AFTER_ED:
      return byte >= 0x80 && byte <= 0x9f ? ONE_MORE : INVALID;
    case AFTER_F0:
      return byte >= 0x90 && byte <= 0xbf ? TWO_MORE : INVALID;
    case AFTER_F4:
      return byte >= 0x80 && byte <= 0x8f ? TWO_MORE : INVALID;
    default:
      return INVALID;
  }
}

/** Returns how many bytes at the end belong to an incomplete character. */
export function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? back : 0;
  }
  return 0;
}

/**
 * From this many bytes on, the runtime's decoder checks them: 64 KiB of ASCII take 9 µs instead of 55, Japanese text 41 instead
 * of 207.
 */
const LONG = 640;
/** The decoder checks this many bytes at a time, because it makes a string of them. */
const STEP = 64 * 1024;

/** Returns the end of the whole characters, from `at` on, that the runtime's decoder accepts. */
function decodableUntil(bytes: Uint8Array, at: number): number {
  while (bytes.length - at >= LONG) {
    const step = bytes.subarray(at, at + STEP);
    const whole = step.length - unfinished(step);
    if (!decodes(step.subarray(0, whole))) break;
    at += whole;
  }
  return at;
}

function decodes(bytes: Uint8Array): boolean {
  try {
    return !DECODER.decode(bytes).includes(REPLACEMENT);
  } catch {
    return false;
  }
}

/** Checks a text that arrives in parts. */
export class Utf8Validator {
  #state = DONE;

  /**
   * Checks the next part.
   *
   * @param bytes The part.
   * @returns The position in `bytes` of the first invalid byte, or -1.
   */
  push(bytes: Uint8Array): number {
    let state = this.#state;
    if (state === INVALID) return bytes.length === 0 ? -1 : 0;
    let at = 0;
    for (; at < bytes.length && state !== DONE && state !== INVALID; at++) state = after(state, bytes[at]!);
    if (state === DONE) at = decodableUntil(bytes, at);
    for (; at < bytes.length && state !== INVALID; at++) state = after(state, bytes[at]!);
    this.#state = state;
    return state === INVALID ? at - 1 : -1;
  }

  /** Whether the text may end here, because no character is incomplete. */
  get complete(): boolean {
    return this.#state === DONE;
  }
}

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
