/**
 * Bytes to frames in the framing of hixie-75 (§4.3) and hixie-76 (§5.3).
 *
 * ```text
 * 00 text FF              a text message
 * 01..7F anything FF      to be discarded
 * 80..FF length bytes     to be discarded; the length in octets of 7 bits, the high bit set in all but the last
 * FF 00                   hixie-76: the closing handshake
 * ```
 *
 * @module
 */
import { ConnectionError, LimitError, ProtocolError } from "../errors.ts";
import { DEFAULT_LIMITS, type Limits } from "../limits.ts";
import { GrowingBuffer } from "../pipeline/bytes/growing_buffer.ts";
import { Utf8Validator } from "../pipeline/bytes/utf8.ts";
import { type Frame, frame, Opcode } from "../pipeline/frames/frame.ts";
import type { FramingParser } from "../pipeline/frames/framing.ts";
import type { HixieVersion } from "./translated_request.ts";

/** Options for reading frames. */
export interface HixieParserOptions extends Partial<Pick<Limits, "maxMessageBytes">> {
  /** The draft: hixie-76 has a closing handshake. */
  version: HixieVersion;
}

/** 49 bits: the longest length, in octets of 7 bits, whose value is exact as a number. */
const MAX_LENGTH_OCTETS = 7;

const SECTIONS: Readonly<Record<HixieVersion, string>> = {
  "hixie-75": "draft-hixie-thewebsocketprotocol-75 §4.3",
  "hixie-76": "draft-hixie-thewebsocketprotocol-76 §5.3",
};

/** What the next byte is expected to be. */
type Expected = "type" | "text" | "length" | "skipped" | "nothing";

/**
 * Reads frames from bytes.
 *
 * A text frame becomes a `TEXT` frame whose payload is always UTF-8: invalid sequences become U+FFFD (hixie-75 §4.4, hixie-76
 * §5.4). The closing handshake of hixie-76 becomes a `CLOSE` frame without a payload. All input after it is ignored.
 *
 * Do not use the bytes that you have pushed: payloads that arrived whole are views of them. Nothing incomplete is kept as a view.
 *
 * @example A text, and the end
 * ```ts
 * import { frame, Opcode } from "@sluice/websocket/frames";
 * import { HixieParser, serializeHixieFrame } from "@sluice/websocket/legacy";
 * import { assertEquals } from "@std/assert";
 *
 * const frames = [frame(Opcode.TEXT, new TextEncoder().encode("hello")), frame(Opcode.CLOSE)];
 * const [text, close] = frames.map((frame) => serializeHixieFrame(frame, "hixie-76"));
 * const received: typeof frames = [];
 * const parser = new HixieParser({ version: "hixie-76" });
 * parser.push(text!, received);
 * parser.push(close!, received);
 * assertEquals(received, frames);
 * ```
 */
export class HixieParser implements FramingParser {
  readonly #version: HixieVersion;
  readonly #maxMessageBytes: number;

  #expected: Expected = "type";
  #type = 0;
  /** The bytes of the text so far, the part of the length that was read, or the bytes still to be skipped. */
  #length = 0;
  #octets = 0;
  readonly #text = new GrowingBuffer();

  /**
   * Makes a parser.
   *
   * @param options The draft and the limit.
   */
  constructor(options: HixieParserOptions) {
    this.#version = options.version;
    this.#maxMessageBytes = options.maxMessageBytes ?? DEFAULT_LIMITS.maxMessageBytes;
  }

  /** Whether a frame has started and not ended, including one that is being discarded. */
  get insideMessage(): boolean {
    return this.#expected !== "type" && this.#expected !== "nothing";
  }

  /**
   * Reads the frames that `bytes` completes.
   *
   * @param bytes The bytes that arrived. The parser owns them from now on.
   * @param frames The array that the frames are appended to, including those before an error.
   * @param most Reading stops as soon as `frames` has this many. No limit by default.
   * @returns The position at which reading stopped.
   * @throws {LimitError} 1009 for a frame that is too big, as soon as that is known.
   * @throws {ProtocolError} 1002 for a length that does not end.
   */
  push(bytes: Uint8Array<ArrayBuffer>, frames: Frame[], most: number = Infinity): number {
    let at = 0;
    while (at < bytes.length && frames.length < most) {
      switch (this.#expected) {
        case "type":
          this.#begin(bytes[at++]!);
          break;
        case "text":
          at = this.#readText(bytes, at, frames);
          break;
        case "length":
          this.#readLength(bytes[at++]!, frames);
          break;
        case "skipped":
          at = this.#skip(bytes, at);
          break;
        case "nothing":
          return bytes.length;
      }
    }
    return at;
  }

  /**
   * Says that the transport ended.
   *
   * @throws {ConnectionError} If it ended inside a frame.
   */
  end(): void {
    if (this.insideMessage) throw new ConnectionError("The connection ended in the middle of a frame");
  }

  #begin(type: number): void {
    this.#type = type;
    this.#length = this.#octets = 0;
    this.#expected = type < 0x80 ? "text" : "length";
  }

  /** Reads up to the FF byte, which UTF-8 never contains, and returns the position of its end. */
  #readText(bytes: Uint8Array<ArrayBuffer>, at: number, frames: Frame[]): number {
    const found = bytes.indexOf(0xff, at);
    const ended = found !== -1;
    const part = bytes.subarray(at, ended ? found : bytes.length);
    this.#grow(this.#length + part.length);
    if (this.#type === 0x00) {
      if (ended && this.#text.length === 0) {
        frames.push(frame(Opcode.TEXT, wellFormed(part)));
      } else {
        this.#text.append(part, ended ? 0 : this.#maxMessageBytes - this.#length);
        if (ended) frames.push(frame(Opcode.TEXT, wellFormed(this.#text.take())));
      }
    }
    if (!ended) return bytes.length;
    this.#expected = "type";
    return found + 1;
  }

  /**
   * Reads one octet of a length. Both limits are needed: the limit on the sum stops a length that is too big before the number
   * becomes inexact, and the limit on the count stops endless zeros (CVE-2026-54466, CVE-2026-54463).
   */
  #readLength(octet: number, frames: Frame[]): void {
    if (++this.#octets > MAX_LENGTH_OCTETS) {
      throw new ProtocolError(`Length takes more than ${MAX_LENGTH_OCTETS} octets`, SECTIONS[this.#version]);
    }
    this.#grow(128 * this.#length + (octet & 0x7f));
    if ((octet & 0x80) !== 0) return;
    if (this.#length > 0) {
      this.#expected = "skipped";
    } else if (this.#type === 0xff && this.#version === "hixie-76") {
      frames.push(frame(Opcode.CLOSE));
      this.#expected = "nothing";
    } else {
      this.#expected = "type";
    }
  }

  /** Skips a number of bytes, whatever they are, and returns the position of their end. */
  #skip(bytes: Uint8Array, at: number): number {
    const count = Math.min(this.#length, bytes.length - at);
    this.#length -= count;
    if (this.#length === 0) this.#expected = "type";
    return at + count;
  }

  #grow(length: number): void {
    const max = this.#maxMessageBytes;
    if (length > max) {
      // By how much depends on how the input was cut, so the message does not say it.
      throw new LimitError(`Frame is larger than maxMessageBytes ${max}`, {
        limit: "maxMessageBytes",
        max,
        closeCode: 1009,
      });
    }
    this.#length = length;
  }
}

const ENCODER = new TextEncoder();
// `ignoreBOM`: a byte order mark is part of the message.
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Returns the text itself if it is UTF-8, or a copy with U+FFFD for each invalid sequence, which is up to three times as large.
 */
function wellFormed(text: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const utf8 = new Utf8Validator();
  return utf8.push(text) === -1 && utf8.complete ? text : ENCODER.encode(DECODER.decode(text));
}
