/**
 * The framing of HTTP/1.1 bodies (RFC 9112 §6), for the requests that a server reads and the responses that a client reads,
 * and the bytes behind the head that some drafts of the handshake have.
 *
 * @module
 */
import {
  badRequest,
  fieldValues,
  isFieldValue,
  listValues,
  parseFieldLine,
  quote,
  type Refuse,
  singleValue,
} from "./http_fields.ts";
import type { RequestHead, ResponseHead } from "./http_head.ts";
import { invalidState } from "../errors.ts";

/** How a body ends: after a number of bytes, with its last chunk, or with the connection. */
export type BodyFraming = number | "chunked" | "close";

/** How the body of a request ends: never with the connection. */
export type RequestFraming = Exclude<BodyFraming, "close">;

/**
 * Returns how the body of a request ends (RFC 9112 §6.1 and §6.3). If two recipients could disagree about the end, one of them
 * may take a part of the body for another request (request smuggling), so such requests are refused.
 *
 * @param head The request's head.
 * @returns The framing; 0 if there is no body.
 * @throws {HandshakeError} 400 for both fields at once, for a length that is repeated or not a number, and for a transfer coding
 *    in HTTP/1.0 or other than `chunked`.
 */
export function requestFraming({ version, fields }: Pick<RequestHead, "version" | "fields">): RequestFraming {
  const codings = fieldValues(fields, "transfer-encoding");
  if (codings.length > 0) {
    if (fieldValues(fields, "content-length").length > 0) {
      throw badRequest("Headers Transfer-Encoding and Content-Length cannot be used together");
    }
    if (version === "HTTP/1.0") throw badRequest("HTTP/1.0 has no Transfer-Encoding");
    if (codings.length > 1 || codings[0]!.toLowerCase() !== "chunked") {
      throw badRequest(`Header Transfer-Encoding must be chunked, not ${quote(codings.join(", "))}`);
    }
    return "chunked";
  }
  const length = singleValue(fields, "Content-Length");
  if (length === undefined) return 0;
  const bytes = parseLength(length);
  // A recipient that reads a leading zero as octal would see another length.
  if (bytes === undefined || (length.length > 1 && length.startsWith("0"))) {
    throw badRequest(`Header Content-Length ${quote(length)} is not a number of bytes`);
  }
  return bytes;
}

/**
 * Returns how the body of a response ends (RFC 9112 §6.3), for all responses but those to `HEAD` and to a successful `CONNECT`.
 * It never throws: a body with invalid framing ends with the connection.
 *
 * @param head The response's head.
 */
export function responseFraming({ status, fields }: Pick<ResponseHead, "status" | "fields">): BodyFraming {
  if (status < 200 || status === 204 || status === 304) return 0;
  const codings = listValues(fields, "transfer-encoding");
  if (codings.length > 0) return codings.at(-1)!.toLowerCase() === "chunked" ? "chunked" : "close";
  const lengths = new Set(listValues(fields, "content-length"));
  if (lengths.size !== 1) return "close";
  const [length = ""] = lengths;
  return parseLength(length) ?? "close";
}

/** Parses `1*DIGIT` (RFC 9110 §8.6) if it is exact as a number; returns `undefined` for anything else. */
export function parseLength(text: string): number | undefined {
  const length = text === "" || /[^0-9]/.test(text) ? NaN : Number(text);
  return Number.isSafeInteger(length) ? length : undefined;
}

/** The longest line before a chunk, in bytes. Chunk extensions are ignored (RFC 9112 §7.1.1). */
const MAX_CHUNK_LINE = 256;
/** The maximum number of bytes of trailer lines behind the last chunk (§7.1.2). They are checked and discarded. */
const MAX_TRAILER = 8 * 1024;
/** The maximum number of digits of a chunk size: more would not be exact in a number. */
const MAX_SIZE_DIGITS = 13;

const CR = 0x0d;
const LF = 0x0a;

/** Removes the framing of a body from bytes that arrive in chunks of any size. Only CRLF ends a line, as in the head. */
export class BodyParser {
  /** The bytes left of the body or of the chunk. */
  #left: number;
  /** What is expected next. */
  #state: "data" | "size" | "end" | "trailer" | "complete";
  readonly #chunked: boolean;
  readonly #refuse: Refuse;
  #line = "";
  #trailerBytes = 0;
  #rest: Uint8Array<ArrayBuffer> | undefined;

  /**
   * Makes a parser for one body.
   *
   * @param framing How the body ends.
   * @param refuse Makes the error for malformed chunks: 400 by default.
   */
  constructor(framing: BodyFraming, refuse: Refuse = badRequest) {
    this.#chunked = framing === "chunked";
    this.#left = typeof framing === "number" ? framing : framing === "close" ? Infinity : 0;
    this.#state = this.#chunked ? "size" : this.#left === 0 ? "complete" : "data";
    this.#refuse = refuse;
  }

  /** Whether the body has ended. */
  get complete(): boolean {
    return this.#state === "complete";
  }

  /** The bytes behind the body, as a view of what was pushed. Empty until the body is complete. */
  get rest(): Uint8Array<ArrayBuffer> {
    return this.#rest ??= new Uint8Array(0);
  }

  /**
   * Takes the next bytes.
   *
   * @param bytes The bytes that were read.
   * @param take Called with each piece of the body, as a view of `bytes`.
   * @throws {HandshakeError} The error from `refuse`, if a chunk is malformed. Do not push anything after it.
   */
  push(bytes: Uint8Array<ArrayBuffer>, take: (piece: Uint8Array<ArrayBuffer>) => void): void {
    let at = 0;
    while (at < bytes.length && this.#state !== "complete") {
      if (this.#state === "data") {
        const end = Math.min(bytes.length, at + this.#left);
        take(bytes.subarray(at, end));
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#state = this.#chunked ? "end" : "complete";
      } else {
        this.#takeByte(bytes[at++]!);
      }
    }
    if (this.#state === "complete") this.#rest = bytes.subarray(at);
  }

  /** One byte of a line. */
  #takeByte(byte: number): void {
    if (byte !== LF) {
      if (this.#state === "end" && (byte !== CR || this.#line !== "")) {
        throw this.#refuse("Chunk is longer than its size");
      }
      if (this.#state === "trailer") {
        if (this.#trailerBytes + this.#line.length >= MAX_TRAILER) {
          throw this.#refuse(`Trailer of a chunked body is longer than ${MAX_TRAILER} bytes`);
        }
      } else if (this.#line.length >= MAX_CHUNK_LINE) {
        throw this.#refuse(`Line of a chunked body is longer than ${MAX_CHUNK_LINE} bytes`);
      }
      this.#line += String.fromCharCode(byte);
      return;
    }
    if (this.#line.charCodeAt(this.#line.length - 1) !== CR) {
      throw this.#refuse("Line of a chunked body ends in LF without CR");
    }
    const line = this.#line.slice(0, -1);
    this.#line = "";
    if (this.#state === "size") this.#beginChunk(line);
    else if (this.#state === "end") this.#state = "size";
    else if (line === "") this.#state = "complete";
    else this.#takeTrailer(line);
  }

  /** `chunk-size [ chunk-ext ]`, RFC 9112 §7.1. */
  #beginChunk(line: string): void {
    if (!isFieldValue(line)) throw this.#refuse("Line of a chunked body has a control character");
    const semicolon = line.indexOf(";");
    const size = semicolon < 0 ? line : line.slice(0, semicolon).trimEnd();
    if (size === "" || size.length > MAX_SIZE_DIGITS || /[^0-9A-Fa-f]/.test(size)) {
      throw this.#refuse(`Chunk size ${quote(size)} is malformed`);
    }
    this.#left = parseInt(size, 16);
    this.#state = this.#left === 0 ? "trailer" : "data";
  }

  /**
   * One trailer field (RFC 9112 §7.1.2). It has the syntax of a field of the head, and is then discarded: a recipient must not
   * merge it into the head (RFC 9110 §6.5.1).
   */
  #takeTrailer(line: string): void {
    parseFieldLine(line, this.#refuse);
    this.#trailerBytes += line.length + 2;
  }
}

/** Collects these bytes from chunks of any size. You may reuse what you pushed: the reader keeps no view of it. */
export class BodyReader {
  readonly #body: Uint8Array<ArrayBuffer>;
  #length = 0;
  #complete = false;
  #rest = new Uint8Array(0);

  /**
   * Makes a reader.
   *
   * @param bodyBytes The number of bytes: `LegacyRequest.bodyBytes`.
   */
  constructor(bodyBytes: number) {
    this.#body = new Uint8Array(bodyBytes);
  }

  /** A copy of the bytes that came after them, which are frames. Empty until the body is complete. */
  get rest(): Uint8Array<ArrayBuffer> {
    return this.#rest;
  }

  /**
   * Takes the next bytes, beginning with those that came with the head.
   *
   * @param bytes The bytes that were read.
   * @returns The body once it is complete, or `undefined` if more bytes are needed.
   * @throws {DOMException} `InvalidStateError` if the body was already complete.
   */
  push(bytes: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
    if (this.#complete) throw invalidState("Cannot push: the body is complete");
    const part = bytes.subarray(0, this.#body.length - this.#length);
    this.#body.set(part, this.#length);
    this.#length += part.length;
    this.#complete = this.#length === this.#body.length;
    if (!this.#complete) return undefined;
    this.#rest = bytes.slice(part.length);
    return this.#body;
  }
}
