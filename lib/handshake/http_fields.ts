/**
 * HTTP header fields: the grammar of tokens and values, and what the handshakes ask of a list of fields.
 *
 * Any field may be absent or repeated, and every function reads its input once: no regular expression that could backtrack
 * ever sees a peer's text (CVE-2021-32640, CVE-2023-26103).
 *
 * @module
 */
import { HandshakeError } from "../errors.ts";

/** Header fields in the order of the wire, repeats kept. The parsers give names in lower case. */
export type HeaderFields = readonly (readonly [name: string, value: string])[];

/** Makes the error for a peer's text that is malformed: which status it bears depends on who reads. */
export type Refuse = (message: string) => Error;

/** The server's way to refuse: 400 Bad Request. */
export function badRequest(message: string): HandshakeError {
  return new HandshakeError(message, { status: 400 });
}

/** The values of every field called `name` (lower case), in order. */
export function fieldValues(fields: HeaderFields, name: string): string[] {
  const values: string[] = [];
  for (const [field, value] of fields) if (field === name) values.push(value);
  return values;
}

/**
 * The elements of a comma-separated list of tokens, RFC 9110 §5.6.1. Several fields are one list (§5.3).
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
 * @param name The list's name, lower case.
 * @returns The elements without the white space around them. Empty ones are passed over (§5.6.1.2).
 */
export function listValues(fields: HeaderFields, name: string): string[] {
  return fieldValues(fields, name).flatMap((value) => value.split(",").map(trimSpace)).filter((element) =>
    element !== ""
  );
}

/** Whether a list has `token` (lower case) among its elements, in whatever case. Never a match of a part (aiohttp#12723). */
export function hasToken(fields: HeaderFields, name: string, token: string): boolean {
  return listValues(fields, name).some((element) => element.toLowerCase() === token);
}

/** The fields as `Headers`. */
export function toHeaders(fields: HeaderFields): Headers {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  return headers;
}

/** Fields as one string, which an open connection may keep for as long as it lasts: about a fifth of what `Headers` take. */
export function packFields(fields: HeaderFields): string {
  return fields.map(([name, value]) => `${name}:${value}`).join("\n");
}

/** What {@linkcode packFields} made, as `Headers`. Neither a colon in a name nor a line feed in a value can be. */
export function unpackFields(packed: string): Headers {
  const headers = new Headers();
  for (const field of packed === "" ? [] : packed.split("\n")) {
    const colon = field.indexOf(":");
    headers.append(field.slice(0, colon), field.slice(colon + 1));
  }
  return headers;
}

/** Whether a UTF-16 code unit is an ASCII letter or digit. */
export function isAlphanumeric(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}

/** Whether a UTF-16 code unit is a `tchar`, RFC 9110 §5.6.2. */
export function isTokenCode(code: number): boolean {
  return isAlphanumeric(code) || "!#$%&'*+-.^_`|~".includes(String.fromCharCode(code));
}

/** Whether a text is a `token`, RFC 9110 §5.6.2. */
export function isToken(text: string): boolean {
  return text !== "" && everyCode(text, isTokenCode);
}

/** Whether a text is one or more visible ASCII characters, as a request target is. */
export function isVisible(text: string): boolean {
  return text !== "" && everyCode(text, (code) => code > 0x20 && code < 0x7f);
}

/** Whether a text may be a field's value or a reason phrase, RFC 9110 §5.5: bytes, and of the control characters only HTAB. */
export function isFieldValue(text: string): boolean {
  return everyCode(text, (code) => code === 0x09 || (code >= 0x20 && code <= 0xff && code !== 0x7f));
}

/** Whether all UTF-16 code units of a text satisfy a test. */
export function everyCode(text: string, test: (code: number) => boolean): boolean {
  for (let i = 0; i < text.length; i++) if (!test(text.charCodeAt(i))) return false;
  return true;
}

/** A text without the `OWS` (SP, HTAB) around it. `String.trim` would take U+00A0 too, which is a byte of a value. */
export function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** Whether a UTF-16 code unit is SP or HTAB, RFC 9110 §5.6.3. */
export function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** A peer's text for an error message: quoted, cut to 64 characters, and all but printable ASCII escaped. */
export function quote(text: string): string {
  const cut = text.length > 64 ? `${text.slice(0, 64)}...` : text;
  return JSON.stringify(cut).replace(
    /[^ -~]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Fields that frame the message or belong to one hop: an application that set them would break the handshake. */
const HANDSHAKE_FIELDS = new Set([
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * The fields that an application adds to a handshake.
 *
 * @param init What the application gave.
 * @returns The fields, names in lower case.
 * @throws {TypeError} If a name or a value is malformed, or the field is the handshake's own.
 */
export function applicationFields(init: HeadersInit = []): HeaderFields {
  const fields = [...new Headers(init)];
  for (const [name] of fields) {
    if (HANDSHAKE_FIELDS.has(name) || name.startsWith("sec-websocket-")) {
      throw new TypeError(`Cannot set header ${quote(name)}: it is the handshake's own`);
    }
  }
  return fields;
}
