/**
 * Whole responses: every response to a handshake except 101, and the responses to ordinary requests on the same port. Each closes
 * the connection.
 *
 * @module
 */
import type { HandshakeError } from "../errors.ts";
import { FRAMING_FIELDS, type HeaderFields, isFieldValue, quote } from "./http_fields.ts";
import { encodeBytes, requireReasonPhrase, responseHeadText } from "./http_head.ts";

/** The head of a final response (RFC 9110 §15), as in a web `Response`. */
export interface FinalResponseHead {
  /** The status code, 200 to 599. */
  status: number;
  /** The reason phrase. By default the standard one. */
  statusText?: string;
  /** The header fields. `Connection`, `Content-Length` and `Transfer-Encoding` are ignored here. */
  headers?: HeadersInit;
}

/** A final response with its body. */
export interface FinalResponse extends FinalResponseHead {
  /** The whole body. */
  body: Uint8Array<ArrayBuffer>;
}

/** Options for framing a response. */
export interface SerializeResponseOptions {
  /** The request's method. A response to `HEAD` has no body. @default {"GET"} */
  method?: string;
}

/**
 * The reason phrases of RFC 9110 §15 and RFC 6585 for the responses of this module, and for those that applications often use.
 */
const REASON_PHRASES: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  204: "No Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  426: "Upgrade Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

/** How a response is framed, and whether the connection stays open. */
export interface AnswerFraming {
  /** The length in bytes, if known; `"chunked"`; or `undefined` if the head contains neither. */
  readonly body: number | "chunked" | undefined;
  /** Whether the connection closes after the response. */
  readonly close: boolean;
  /** The date of the response in the format of RFC 9110 §5.6.7, unless the application sets it. */
  readonly date?: string;
}

/**
 * Writes a response that closes the connection, with its length (RFC 9112 §6.2, §9.6).
 *
 * @example An ordinary answer
 * ```ts
 * import { serializeResponse } from "@sluice/websocket/handshake";
 * import { assertEquals } from "@std/assert";
 *
 * const answer = serializeResponse({ status: 404 }, new TextEncoder().encode("Not here\n"));
 * assertEquals(
 *   new TextDecoder().decode(answer),
 *   "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 9\r\n\r\nNot here\n",
 * );
 * ```
 *
 * @param response The status and the header fields, such as a web `Response`.
 * @param body The whole body.
 * @param options The framing of the response.
 * @returns The bytes of head and body.
 * @throws {RangeError} If the status is not a final one.
 * @throws {TypeError} If the reason phrase or a header field is malformed.
 */
export function serializeResponse(
  response: FinalResponseHead,
  body: Uint8Array = new Uint8Array(0),
  options: SerializeResponseOptions = {},
): Uint8Array<ArrayBuffer> {
  const { status, statusText = "", headers } = response;
  const bodiless = isBodiless(status);
  const framing = { body: bodiless ? undefined : body.byteLength, close: true };
  const head = { status, statusText, fields: fieldsOf(headers) };
  return serializeAnswer(head, framing, bodiless || options.method === "HEAD" ? undefined : body);
}

/** The head of a final response, with its fields in the order in which they are written. */
export interface AnswerHead {
  /** The status code, 200 to 599. */
  readonly status: number;
  /** The reason phrase, or an empty string for the standard one. */
  readonly statusText: string;
  /** The header fields, with names in lower case. Fields that frame the response are ignored. */
  readonly fields: HeaderFields;
}

/**
 * Writes the head of a final response, and its body if that is at hand.
 *
 * @param answer The status and the header fields.
 * @param framing How the response is framed.
 * @param whole The whole body, to send it with the head.
 * @returns The bytes.
 * @throws {RangeError} If the status is not a final one.
 * @throws {TypeError} If the reason phrase or a header field is malformed.
 */
export function serializeAnswer(
  { status, statusText, fields: given }: AnswerHead,
  { body, close, date }: AnswerFraming,
  whole?: Uint8Array,
): Uint8Array<ArrayBuffer> {
  requireFinal(status);
  // RFC 9110 §7.8: a sender of `Upgrade` names it in `Connection`.
  const upgrade = given.some(([name]) => name === "upgrade");
  const fields: (readonly [name: string, value: string])[] = [];
  if (close || upgrade) fields.push(["Connection", close ? (upgrade ? "close, Upgrade" : "close") : "Upgrade"]);
  if (typeof body === "number") fields.push(["Content-Length", String(body)]);
  if (body === "chunked") fields.push(["Transfer-Encoding", "chunked"]);
  if (date !== undefined && !given.some(([name]) => name === "date")) fields.push(["date", date]);
  for (const field of given) if (!FRAMING_FIELDS.has(field[0])) fields.push(field);
  const head = { version: "HTTP/1.1", status, statusText: statusText || reasonPhrase(status), fields };
  return encodeBytes(responseHeadText(head), whole);
}

/** Returns the fields of `Headers`. They are read once, because reading is slow. */
function fieldsOf(headers: HeadersInit | undefined): HeaderFields {
  const fields: [name: string, value: string][] = [];
  const all = headers instanceof Headers ? headers : new Headers(headers);
  all.forEach((value, name) => fields.push([name, value]));
  return fields;
}

/** RFC 9110 §6.4.1, §8.6: 204 and 304 have no body, and 204 must not have a length. */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 304;
}

/**
 * Writes the response that refuses a handshake. It never throws, because it is used when everything else has failed.
 *
 * @example A refusal
 * ```ts
 * import { DEFAULT_LIMITS, HandshakeError } from "@sluice/websocket";
 * import { readUpgradeRequest, refusal, RequestHeadParser } from "@sluice/websocket/handshake";
 * import { assertStringIncludes, assertThrows } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
 * const head = new RequestHeadParser(DEFAULT_LIMITS).push(bytes)!;
 * const error = assertThrows(() => readUpgradeRequest(head), HandshakeError);
 * assertStringIncludes(new TextDecoder().decode(refusal(error)), "HTTP/1.1 426 Upgrade Required\r\n");
 * ```
 *
 * @param error The reason. Its message becomes the body, except for status 500, so that nothing internal leaks.
 * @returns The bytes of the response. Send them before you close the connection.
 */
export function refusal(error: HandshakeError): Uint8Array<ArrayBuffer> {
  const response = refusalResponse(error);
  return serializeResponse(response, response.body);
}

/** {@linkcode refusal} as a value, for any version of HTTP. */
export function refusalResponse(error: HandshakeError): FinalResponse & { headers: Headers } {
  const status = isFinal(error.status) ? error.status : 500;
  const headers = new Headers([...error.headers].filter(([, value]) => isFieldValue(value)));
  if (!headers.has("content-type")) headers.set("content-type", "text/plain; charset=utf-8");
  const message = status === 500 ? reasonPhrase(status) : error.message;
  return { status, headers, body: new TextEncoder().encode(`${message}\n`) };
}

/**
 * Checks an application's response while another one can still be sent: `Response.error()` has status 0, and `Headers` allows
 * control characters.
 *
 * @returns The head, with its fields in lower case.
 * @throws {RangeError} If the status is not a final one.
 * @throws {TypeError} If the reason phrase or a header field is malformed.
 */
export function checkFinal({ status, statusText = "", headers }: FinalResponseHead): AnswerHead {
  requireFinal(status);
  requireReasonPhrase(statusText);
  const fields = fieldsOf(headers);
  for (const [name, value] of fields) {
    if (!isFieldValue(value)) {
      throw new TypeError(`Cannot send header ${quote(name)}: its value has a character that is not allowed`);
    }
  }
  return { status, statusText, fields };
}

function requireFinal(status: number): void {
  if (!isFinal(status)) throw new RangeError(`Cannot answer with status ${status}: it must be from 200 to 599`);
}

function isFinal(status: number): boolean {
  return Number.isInteger(status) && status >= 200 && status <= 599;
}

function reasonPhrase(status: number): string {
  return REASON_PHRASES[status] ?? "";
}
