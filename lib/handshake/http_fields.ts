/**
 * HTTP header fields: the grammar of tokens and values, and functions for lists of fields.
 *
 * Any field may be absent or repeated, and every function reads its input once. The regular expressions that read a peer's text
 * look for one character that is not allowed, so none of them can backtrack (CVE-2021-32640, CVE-2023-26103).
 *
 * @module
 */
import { HandshakeError } from "../errors.ts";

/** Header fields in the order of the wire, including repeated ones. The parsers return names in lower case. */
export type HeaderFields = readonly (readonly [name: string, value: string])[];

/** Makes the error for malformed text from a peer. Each reader decides its status. */
export type Refuse = (message: string) => Error;

/** The error of a server: 400 Bad Request. */
export function badRequest(message: string): HandshakeError {
  return new HandshakeError(message, { status: 400 });
}

/**
 * Reads one field line (RFC 9112 §5): no space before the colon (§5.1), no folding (§5.2), no control character (RFC 9110 §5.5).
 *
 * @param line The line without its end.
 * @param refuse Makes the error: 400 by default.
 * @returns The name in lower case, and the value without surrounding white space.
 * @throws {HandshakeError} The error from `refuse`, if the line is malformed.
 */
export function parseFieldLine(line: string, refuse: Refuse = badRequest): [name: string, value: string] {
  const colon = line.indexOf(":");
  if (colon < 0) throw refuse(`Header line ${quote(line)} has no colon`);
  const name = line.slice(0, colon);
  if (!isToken(name)) throw refuse(`Header name ${quote(name)} is not a token`);
  const value = trimSpace(line.slice(colon + 1));
  if (!isFieldValue(value)) throw refuse(unprintable(name));
  return [name.toLowerCase(), value];
}

/** Describes a value with a control character. The value may be a secret, so it is not shown. */
export function unprintable(name: string): string {
  return `Value of header ${quote(name)} has a control character`;
}

/** Returns the values of every field called `name` (lower case), in order. */
export function fieldValues(fields: HeaderFields, name: string): string[] {
  const values: string[] = [];
  // Pairs are read by index here and below: destructuring `[name, value]` makes an iterator for each.
  for (const field of fields) if (field[0] === name) values.push(field[1]);
  return values;
}

/**
 * Returns the value of a field that may appear once.
 *
 * @param fields The fields.
 * @param name The field's name, as the error shows it.
 * @param refuse Makes the error: 400 by default.
 * @returns The value, or `undefined` if the field is missing.
 * @throws {HandshakeError} The error from `refuse`, if the field appears more than once.
 */
export function singleValue(fields: HeaderFields, name: string, refuse: Refuse = badRequest): string | undefined {
  const wanted = name.toLowerCase();
  let value: string | undefined;
  let count = 0;
  for (const field of fields) if (field[0] === wanted && ++count === 1) value = field[1];
  if (count > 1) throw refuse(`Header ${name} appears ${count} times`);
  return value;
}

/**
 * Returns the elements of a comma-separated list of tokens (RFC 9110 §5.6.1). Several fields form one list (§5.3).
 *
 * @example Several fields are one list
 * ```ts
 * import { fieldValues, hasToken, listValues } from "@sluice/websocket/handshake";
 * import { assertEquals } from "@std/assert";
 *
 * const fields = [["connection", "keep-alive , Upgrade"], ["connection", "x-y"]] as const;
 * assertEquals(fieldValues(fields, "connection"), ["keep-alive , Upgrade", "x-y"]);
 * assertEquals(listValues(fields, "connection"), ["keep-alive", "Upgrade", "x-y"]);
 * assertEquals(hasToken(fields, "connection", "upgrade"), true);
 * ```
 *
 * @param fields The fields.
 * @param name The name of the field, in lower case.
 * @returns The elements without surrounding white space. Empty ones are skipped (§5.6.1.2).
 */
export function listValues(fields: HeaderFields, name: string): string[] {
  const elements: string[] = [];
  for (const value of fieldValues(fields, name)) {
    for (const part of value.split(",")) {
      const element = trimSpace(part);
      if (element !== "") elements.push(element);
    }
  }
  return elements;
}

/** Whether a list contains `token` (lower case) as a whole element, in any case (aiohttp#12723). */
export function hasToken(fields: HeaderFields, name: string, token: string): boolean {
  for (const field of fields) {
    if (field[0] !== name) continue;
    for (const part of field[1].split(",")) if (trimSpace(part).toLowerCase() === token) return true;
  }
  return false;
}

/** Converts fields to `Headers`. */
export function toHeaders(fields: HeaderFields): Headers {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  return headers;
}

/** Packs fields into one string, which an open connection may keep: it takes about a fifth of the memory of `Headers`. */
export function packFields(fields: HeaderFields): string {
  const lines: string[] = [];
  for (const field of fields) lines.push(`${field[0]}:${field[1]}`);
  return lines.join("\n"); // which copies, so that no part of the head is kept
}

/** Converts the result of {@linkcode packFields} to `Headers`. A name cannot contain a colon, nor a value a line feed. */
export function unpackFields(packed: string): Headers {
  const headers = new Headers();
  for (const field of packed === "" ? [] : packed.split("\n")) {
    const colon = field.indexOf(":");
    headers.append(field.slice(0, colon), field.slice(colon + 1));
  }
  return headers;
}

/** `tchar` (RFC 9110 §5.6.2), as a character class of a regular expression. */
export const TCHAR = "!#$%&'*+\\-.^_`|~0-9A-Za-z";
/** Anything but a `tchar`. */
const NOT_TOKEN = new RegExp(`[^${TCHAR}]`);
/** Anything but visible ASCII. */
const NOT_VISIBLE = /[^!-~]/;
/** Anything that a field's value cannot contain: control characters except HTAB, and characters that are not bytes. */
const NOT_FIELD_VALUE = /[^\t -~\x80-\xff]/;

/** Whether a text is a `token`, RFC 9110 §5.6.2. */
export function isToken(text: string): boolean {
  return text !== "" && !NOT_TOKEN.test(text);
}

/** Whether a text consists of one or more visible ASCII characters, as a request target must. */
export function isVisible(text: string): boolean {
  return text !== "" && !NOT_VISIBLE.test(text);
}

/** Whether a text may be a field's value or a reason phrase (RFC 9110 §5.5): bytes, without control characters except HTAB. */
export function isFieldValue(text: string): boolean {
  return !NOT_FIELD_VALUE.test(text);
}

/** Returns a text without the `OWS` (SP, HTAB) around it. `String.trim` would also remove U+00A0, which is a byte of a value. */
export function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && SPACE.includes(text[start]!)) start++;
  while (end > start && SPACE.includes(text[end - 1]!)) end--;
  return text.slice(start, end);
}

/** SP and HTAB, RFC 9110 §5.6.3. */
export const SPACE = " \t";

/** Returns a peer's text for an error message: quoted, cut to 64 characters, with everything but printable ASCII escaped. */
export function quote(text: string): string {
  const cut = text.length > 64 ? `${text.slice(0, 64)}...` : text;
  return JSON.stringify(cut).replace(
    /[^ -~]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The fields that frame a message (RFC 9112 §6 and §9). Their values are decided here, whatever an application sets. */
export const FRAMING_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "keep-alive",
  "trailer",
  "transfer-encoding",
]);

/**
 * The fields that HTTP/2 does not allow: those that frame a message, and the connection-specific ones of HTTP/1.1 (RFC 9113
 * §8.2.2).
 */
export const HOP_FIELDS: ReadonlySet<string> = new Set([...FRAMING_FIELDS, "proxy-connection", "upgrade"]);

/** The fields that an application must not set, because the handshake would break. */
const HANDSHAKE_FIELDS: ReadonlySet<string> = new Set([...FRAMING_FIELDS, "expect", "te", "upgrade"]);

/**
 * Returns the fields that an application adds to a handshake.
 *
 * @param init The application's fields.
 * @returns The fields, with names in lower case.
 * @throws {TypeError} If a name or a value is malformed, or the field is set by the handshake itself.
 */
export function applicationFields(init?: HeadersInit): HeaderFields {
  if (init === undefined) return [];
  const fields = [...new Headers(init)];
  for (const [name] of fields) {
    if (!isApplicationField(name)) {
      throw new TypeError(`Cannot set header ${quote(name)}: the handshake sets it`);
    }
  }
  return fields;
}

/** Whether the application may set a field (lower case) of the response that opens a connection. */
export function isApplicationField(name: string): boolean {
  return !HANDSHAKE_FIELDS.has(name) && !name.startsWith("sec-websocket-");
}
