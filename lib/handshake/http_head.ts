/**
 * The head of an HTTP/1.1 message (RFC 9112): start line and header fields. It is parsed as bytes arrive, and checked when it is
 * written.
 *
 * Only CRLF ends a line. RFC 9112 §2.2 lets a recipient accept a bare LF too, but every WebSocket peer sends CRLF, and requests
 * are smuggled when two parsers disagree about the end of a head.
 *
 * @module
 */
import { type OptionKinds, required } from "../option_kinds.ts";
import { checkValues } from "../options.ts";
import { HandshakeError, invalidState } from "../errors.ts";
import { LIMIT_KINDS, type Limits } from "../limits.ts";
import {
  badRequest,
  type HeaderFields,
  isFieldValue,
  isToken,
  isVisible,
  parseFieldLine,
  quote,
  type Refuse,
  SPACE,
  toHeaders,
  trimSpace,
  unprintable,
} from "./http_fields.ts";
import { checkTarget } from "./request_target.ts";

/** A request line, RFC 9112 §3. */
export interface RequestLine {
  /** The method, such as `GET`. */
  readonly method: string;
  /** The request target as it was sent. */
  readonly target: string;
  /** The protocol version, such as `HTTP/1.1`. */
  readonly version: string;
}

/** A status line, RFC 9112 §4. */
export interface StatusLine {
  /** The protocol version, such as `HTTP/1.1`. */
  readonly version: string;
  /** The status code, 100 to 599. */
  readonly status: number;
  /** The reason phrase, often empty. */
  readonly statusText: string;
}

/** The header section, RFC 9112 §5. */
export interface HeaderSection {
  /** The header fields. */
  readonly fields: HeaderFields;
}

/** The head of a request. */
export type RequestHead = RequestLine & HeaderSection;

/** The head of a response. */
export type ResponseHead = StatusLine & HeaderSection;

/** The limits of a head. */
export type HeadLimits = Pick<Limits, "maxHeaderBytes" | "maxHeaderCount" | "maxStartLineBytes">;

const { maxHeaderBytes, maxHeaderCount, maxStartLineBytes } = LIMIT_KINDS;

/** The types of these options. They are required, because a head without limits could be endless. */
const HEAD_LIMIT_KINDS: OptionKinds<HeadLimits> = {
  maxHeaderBytes: required(maxHeaderBytes),
  maxHeaderCount: required(maxHeaderCount),
  maxStartLineBytes: required(maxStartLineBytes),
};

/** The differences between the head of a request and that of a response. */
export interface HeadGrammar<StartLine> {
  /** Parses the first line. Returns `undefined` to skip it. Throws {@linkcode HandshakeError}. */
  parseStartLine(line: string): StartLine | undefined;
  /** Whether a field may continue on the next line (RFC 9112 §5.2). @default {false} */
  readonly folds?: boolean;
  /** Whether to skip a complete head and read the one that follows it. By default no head is skipped. */
  isInterim?(start: StartLine): boolean;
  /**
   * Makes the error for a fault. `status` is the status of a server's response; `start` and `fields` are what was read before the
   * fault.
   */
  refuse(message: string, fault: HeadFault<StartLine>): HandshakeError;
}

/** A fault in a head. */
export interface HeadFault<StartLine> {
  /** The status of a server's response. */
  readonly status: number;
  /** The name of the limit, if one was exceeded. */
  readonly limit?: keyof HeadLimits | undefined;
  /** The first line, if it was read. */
  readonly start: StartLine | undefined;
  /** The fields that were read. */
  readonly fields: HeaderFields;
}

/**
 * Parses one head from chunks of any size. Each chunk is decoded once, and only as far as a head may be long, so the time is
 * linear even if bytes arrive one at a time (CVE-2023-43669). You may reuse what you pushed: the parser keeps no view of it.
 *
 * @typeParam StartLine The parts of the first line.
 */
export class HeadParser<StartLine extends object> {
  readonly #limits: HeadLimits;
  readonly #grammar: HeadGrammar<StartLine>;
  /** The incomplete line. */
  #line = "";
  /** The bytes of all complete lines. */
  #bytesRead = 0;
  #start: StartLine | undefined;
  #fields: [name: string, value: string][] = [];
  #finished = false;
  #rest: Uint8Array<ArrayBuffer> | undefined;
  #refuseLine: Refuse | undefined;

  /**
   * Makes a parser for one head.
   *
   * @param limits The limits on bytes and on fields, which were checked: a server makes a parser for each connection.
   * @param grammar The grammar of a request or of a response.
   */
  constructor(limits: HeadLimits, grammar: HeadGrammar<StartLine>) {
    this.#limits = limits;
    this.#grammar = grammar;
  }

  /** A copy of the bytes that came after the head, which are frames or a body. Empty until the head is complete. */
  get rest(): Uint8Array<ArrayBuffer> {
    return this.#rest ??= new Uint8Array(0);
  }

  /**
   * Takes the next bytes.
   *
   * @param bytes The bytes that were read.
   * @returns The head once it is complete, or `undefined` if more bytes are needed.
   * @throws {HandshakeError} If the head is malformed or exceeds a limit. Do not push anything after it.
   * @throws {DOMException} `InvalidStateError` if the head was already complete or refused.
   */
  push(bytes: Uint8Array): (StartLine & HeaderSection) | undefined {
    if (this.#finished) throw invalidState("Cannot push: the head is complete or was refused");
    this.#finished = true; // also if something throws
    const { maxHeaderBytes, maxStartLineBytes } = this.#limits;
    // One byte too many is enough to see that a head is too long. The bytes behind the head may be frames.
    const text = decodeBytes(bytes.subarray(0, maxHeaderBytes - this.#bytesRead - this.#line.length + 1));
    for (let at = 0; at < text.length;) {
      const lineFeed = text.indexOf("\n", at);
      // A line without its end is at least one byte longer.
      const length = this.#line.length + (lineFeed < 0 ? text.length : lineFeed) + 1 - at;
      const left = maxHeaderBytes - this.#bytesRead;
      if (length > left || (this.#start === undefined && length > maxStartLineBytes + 2)) throw this.#tooLong();
      if (lineFeed < 0) {
        this.#line += text.slice(at);
        break;
      }
      const begun = this.#line;
      const whole = lineFeed > at ? begun + text.slice(at, lineFeed - 1) : begun.slice(0, -1);
      const ended = lineFeed > at ? text.charCodeAt(lineFeed - 1) : begun.charCodeAt(begun.length - 1);
      at = lineFeed + 1;
      this.#line = "";
      this.#bytesRead += length;
      if (ended !== CR) throw this.#refuse("Line ends in LF without CR", 400);

      if (this.#start === undefined) {
        this.#start = this.#grammar.parseStartLine(whole);
      } else if (whole !== "") {
        this.#addField(whole);
      } else if (this.#grammar.isInterim?.(this.#start)) {
        this.#start = undefined;
        this.#fields = [];
      } else {
        this.#rest = bytes.slice(at);
        return { ...this.#start, fields: this.#fields };
      }
    }
    this.#finished = false;
    return undefined;
  }

  /** The limits, checked before anything is kept: 414 for the first line, 431 for all lines (RFC 9112 §3, RFC 6585 §5). */
  #tooLong(): HandshakeError {
    const { maxHeaderBytes, maxStartLineBytes } = this.#limits;
    if (this.#start !== undefined) {
      return this.#refuse(`Head is longer than ${maxHeaderBytes} bytes`, 431, "maxHeaderBytes");
    }
    const max = Math.min(maxHeaderBytes, maxStartLineBytes);
    return this.#refuse(`Start line is longer than ${max} bytes`, 414, "maxStartLineBytes");
  }

  /** Adds one field line (RFC 9112 §5). Only responses may fold lines (§5.2). */
  #addField(line: string): void {
    if (SPACE.includes(line[0]!)) return this.#unfold(line);
    const { maxHeaderCount } = this.#limits;
    if (this.#fields.length >= maxHeaderCount) {
      throw this.#refuse(`Head has more than ${maxHeaderCount} fields`, 431, "maxHeaderCount");
    }
    this.#fields.push(parseFieldLine(line, this.#refuseLine ??= (message) => this.#refuse(message, 400)));
  }

  /** Handles a line that continues the field before it (§5.2): a server refuses it, a client replaces the fold with a space. */
  #unfold(line: string): void {
    const field = this.#fields.at(-1);
    if (this.#grammar.folds !== true || field === undefined) throw this.#refuse("Header line is folded", 400);
    if (!isFieldValue(line)) throw this.#refuse(unprintable(field[0]), 400);
    field[1] = trimSpace(`${field[1]} ${trimSpace(line)}`);
  }

  #refuse(message: string, status: number, limit?: keyof HeadLimits): HandshakeError {
    return this.#grammar.refuse(message, { status, limit, start: this.#start, fields: this.#fields });
  }
}

/**
 * Parses the head of a request. Its errors have the status of the response: 400, 414, 431 or 505.
 *
 * @example A head in two pieces, and the first bytes behind it
 * ```ts
 * import { DEFAULT_LIMITS } from "@sluice/websocket";
 * import { RequestHeadParser } from "@sluice/websocket/handshake";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = (text: string) => new TextEncoder().encode(text);
 * const parser = new RequestHeadParser(DEFAULT_LIMITS);
 * assertEquals(parser.push(bytes("GET /chat HTTP/1.1\r\nHo")), undefined);
 * assertEquals(parser.push(bytes("st: example.com\r\n\r\nrest")), {
 *   method: "GET",
 *   target: "/chat",
 *   version: "HTTP/1.1",
 *   fields: [["host", "example.com"]],
 * });
 * assertEquals(parser.rest, bytes("rest"));
 * ```
 */
export class RequestHeadParser extends HeadParser<RequestLine> {
  /**
   * Makes a parser for one head.
   *
   * @param limits The limits on bytes and on fields.
   * @throws {TypeError} If a limit is missing, or has the wrong type.
   * @throws {RangeError} If a limit is out of range.
   */
  constructor(limits: HeadLimits) {
    checkValues(limits, HEAD_LIMIT_KINDS);
    super(limits, REQUEST_GRAMMAR);
  }
}

/** The grammar of a request. */
export const REQUEST_GRAMMAR: HeadGrammar<RequestLine> = {
  parseStartLine: parseRequestLine,
  refuse: (message, { status, limit }) => new HandshakeError(message, { status, ...limited(limit) }),
};

function limited(limit: keyof HeadLimits | undefined): { limit?: string } {
  return limit === undefined ? {} : { limit };
}

/** `method SP request-target SP HTTP-version` (RFC 9112 §3). Empty lines before it are skipped (§2.2). */
function parseRequestLine(line: string): RequestLine | undefined {
  if (line === "") return undefined;
  const first = line.indexOf(" ");
  const last = line.lastIndexOf(" ");
  const [method, target, version] = [line.slice(0, first), line.slice(first + 1, last), line.slice(last + 1)];
  if (first === last || target.includes(" ") || !isToken(method) || !VERSION.test(version)) {
    throw badRequest(`Request line ${quote(line)} is malformed`);
  }
  // Checked before the target: the preface of HTTP/2 is `PRI * HTTP/2.0`.
  if (!version.startsWith("HTTP/1.")) throw new HandshakeError(`${version} is not supported`, { status: 505 });
  checkTarget(method, target);
  return { method, target, version };
}

/**
 * Parses the head of a response. Interim responses except 101 are skipped (RFC 9110 §15.2) and count towards the same limit of
 * bytes. Its errors have the status and the fields that the server sent; the status is 0 if the fault came before it.
 */
export class ResponseHeadParser extends HeadParser<StatusLine> {
  /**
   * Makes a parser for one head.
   *
   * @param limits The limits on bytes and on fields.
   * @throws {TypeError} If a limit is missing, or has the wrong type.
   * @throws {RangeError} If a limit is out of range.
   */
  constructor(limits: HeadLimits) {
    checkValues(limits, HEAD_LIMIT_KINDS);
    super(limits, RESPONSE_GRAMMAR);
  }
}

const RESPONSE_GRAMMAR: HeadGrammar<StatusLine> = {
  parseStartLine: parseStatusLine,
  folds: true,
  isInterim: ({ status }) => status < 200 && status !== 101,
  refuse: (message, { start, fields, limit }) =>
    new HandshakeError(message, { status: start?.status ?? 0, headers: toHeaders(fields), ...limited(limit) }),
};

/** `HTTP-version SP status-code SP [reason-phrase]` (RFC 9112 §4). Many servers omit the second space. */
function parseStatusLine(line: string): StatusLine {
  const version = line.slice(0, 8);
  const code = line.slice(9, 12);
  const statusText = line.slice(13);
  const status = Number(code);
  const spaced = line[8] === " " && (line.length === 12 || line[12] === " ");
  if (!VERSION.test(version) || !spaced || /[^0-9]/.test(code) || !isStatus(status) || !isFieldValue(statusText)) {
    throw new HandshakeError(`Status line ${quote(line)} is malformed`, { status: 0 });
  }
  if (!version.startsWith("HTTP/1.")) throw new HandshakeError(`Server speaks ${version}`, { status: 0 });
  return { version, status, statusText };
}

/**
 * Writes the head of a request.
 *
 * @throws {TypeError} If a part contains characters that would end it (CVE-2026-1527, CVE-2020-35678). Nothing is escaped or
 *    dropped.
 */
export function serializeRequestHead(head: RequestHead): Uint8Array<ArrayBuffer> {
  const { method, target, version, fields } = head;
  if (!isToken(method)) throw new TypeError(`Cannot use method ${quote(method)}: it is not a token`);
  if (!isVisible(target)) throw new TypeError(`Cannot use target ${quote(target)}: it is not visible ASCII`);
  if (!VERSION.test(version)) throw new TypeError(`Cannot use version ${quote(version)}: it is not a version of HTTP`);
  return encodeBytes(`${method} ${target} ${version}\r\n${fieldLines(fields)}\r\n`);
}

/**
 * Writes the head of a response.
 *
 * @throws {TypeError} If a part contains characters that would end it (CVE-2026-1527, CVE-2020-35678). Nothing is escaped or
 *    dropped.
 */
export function serializeResponseHead(head: ResponseHead): Uint8Array<ArrayBuffer> {
  return encodeBytes(responseHeadText(head));
}

/** {@linkcode serializeResponseHead} as text, each character of which is one byte. */
export function responseHeadText(head: ResponseHead): string {
  const { version, status, statusText, fields } = head;
  if (!VERSION.test(version)) throw new TypeError(`Cannot use version ${quote(version)}: it is not a version of HTTP`);
  if (!isStatus(status)) throw new TypeError(`Cannot use status ${status}: it must be a whole number from 100 to 599`);
  requireReasonPhrase(statusText);
  return `${version} ${status} ${statusText}\r\n${fieldLines(fields)}\r\n`;
}

/**
 * Checks a reason phrase (RFC 9112 §4).
 *
 * @throws {TypeError} If it contains characters that would end its line.
 */
export function requireReasonPhrase(statusText: string): void {
  if (isFieldValue(statusText)) return;
  throw new TypeError(`Cannot use reason phrase ${quote(statusText)}: it has a character that is not allowed`);
}

/** Writes fields as the lines of a head. Throws as {@linkcode serializeResponseHead} does. */
export function fieldLines(fields: HeaderFields): string {
  let lines = "";
  for (const field of fields) {
    const name = field[0];
    const value = field[1];
    if (!isToken(name)) throw new TypeError(`Cannot send header ${quote(name)}: its name is not a token`);
    if (!isFieldValue(value)) {
      throw new TypeError(`Cannot send header ${quote(name)}: its value has a character that is not allowed`);
    }
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

const CR = 0x0d;

/** `HTTP/` DIGIT `.` DIGIT, RFC 9112 §2.3. Any minor version of HTTP/1 has the same syntax (RFC 9110 §2.5). */
const VERSION = /^HTTP\/[0-9]\.[0-9]$/;

function isStatus(status: number): boolean {
  return Number.isInteger(status) && status >= 100 && status <= 599;
}

/** Decodes each byte as the code unit with the same number, which `TextDecoder("latin1")` (windows-1252) does not. */
function decodeBytes(bytes: Uint8Array): string {
  let text = "";
  // In parts, because an engine limits the arguments of a call.
  for (let at = 0; at < bytes.length; at += 4096) {
    text += Reflect.apply(String.fromCharCode, undefined, bytes.subarray(at, at + 4096));
  }
  return text;
}

/** The reverse of {@linkcode decodeBytes}. The text must have no code unit above 0xFF; `body` follows it in the same memory. */
export function encodeBytes(text: string, body?: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length + (body?.length ?? 0));
  // Most heads are ASCII, and then their UTF-8 fits.
  const { read, written } = ENCODER.encodeInto(text, bytes);
  if (read !== written || read !== text.length) {
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  }
  if (body !== undefined) bytes.set(body, text.length);
  return bytes;
}

const ENCODER = new TextEncoder();
