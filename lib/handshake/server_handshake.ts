/**
 * The server's side of the opening handshake (RFC 6455 §4.2): from a request's head to the bytes of the response.
 *
 * After any response but 101 the caller must close the connection and read no more of it: a proxy that took a refused upgrade for
 * a tunnel would let the client talk to the server behind it (websocket-smuggle). Every refusal therefore says `Connection:
 * close`.
 *
 * @module
 */
import { HandshakeError } from "../errors.ts";
import { acceptKey, isKey } from "./accept_key.ts";
import { type ExtensionOffer, parseExtensions } from "./extension_header.ts";
import {
  applicationFields,
  badRequest,
  fieldValues,
  hasToken,
  type HeaderFields,
  quote,
  singleValue,
  toHeaders,
} from "./http_fields.ts";
import { requestFraming } from "./http_body.ts";
import { encodeBytes, fieldLines, type RequestHead } from "./http_head.ts";
import { readResource } from "./request_target.ts";
import { parseSubprotocols, requireRequested } from "./subprotocol.ts";

/**
 * The drafts before RFC 6455 that a server can speak. `"hixie-76"` includes HyBi-00, 7 is HyBi draft 07, and 8 is drafts 08 to
 * 12.
 */
export type LegacyVersion = "hixie-75" | "hixie-76" | 7 | 8;

/** A client's checked request to open a WebSocket. */
export interface UpgradeRequest {
  /** The method: `GET`, or `CONNECT` over HTTP/2 (RFC 8441 §4). */
  readonly method: string;
  /** The request target as it was sent. */
  readonly target: string;
  /**
   * The path of the target, as the URL parser returns it: it equals `new URL(url).pathname`. Nothing is decoded. It has no `.` or
   * `..` segment, because such requests are refused.
   */
  readonly path: string;
  /** The query of the target without its `?`; `""` if there is none. */
  readonly query: string;
  /** The absolute URL, ws or wss. `new URL(url)` does not throw. */
  readonly url: string;
  /** Whether the connection is encrypted, according to the caller. */
  readonly secure: boolean;
  /**
   * The host, with the port if it was sent. It comes from the target if that is absolute, otherwise from the `Host` field
   * (`:authority` over HTTP/2).
   */
  readonly host: string;
  /** The `Origin`, or `undefined` if there is none. */
  readonly origin: string | undefined;
  /** The `Sec-WebSocket-Version`: 13, or an older draft if the server speaks it. */
  readonly version: 13 | LegacyVersion;
  /** The `Sec-WebSocket-Key`. Empty in some drafts and over HTTP/2 (RFC 8441 §5), which have none. */
  readonly key: string;
  /** The subprotocols that the client requests, in its order. */
  readonly protocols: readonly string[];
  /** The extensions that the client offers, in its order. */
  readonly extensions: readonly ExtensionOffer[];
  /** All header fields. */
  readonly headers: Headers;
  /** All header fields, in the order of the wire. */
  readonly fields: HeaderFields;
}

/** What the head of a request does not contain. */
export interface ReadUpgradeRequestOptions {
  /** Whether the connection is encrypted: the URL is then wss, otherwise ws. @default {false} */
  secure?: boolean;
}

/** The server's choices for a connection. */
export interface AcceptUpgradeOptions {
  /** The subprotocol, one of those requested; `""` for none. */
  protocol?: string;
  /** The value of `Sec-WebSocket-Extensions`, with names that were offered; `""` for none. */
  extensions?: string;
  /** More header fields, such as `Set-Cookie`. */
  headers?: HeadersInit | undefined;
}

/**
 * Whether a client requests a WebSocket at all. Other requests can be handled elsewhere. In an HTTP/1.0 request `Upgrade` is
 * ignored (RFC 9110 §7.8).
 */
export function isUpgradeRequest(head: RequestHead): boolean {
  return head.version !== "HTTP/1.0" && hasToken(head.fields, "upgrade", "websocket");
}

/**
 * Whether a request was sent to open a WebSocket, but arrives without `Upgrade` or `Connection`, or over HTTP/1.0. These belong to
 * one hop (RFC 9110 §7.6.1), so that a proxy that is not configured for WebSockets drops them and passes on the rest.
 */
export function isUpgradeDropped({ version, fields }: Pick<RequestHead, "version" | "fields">): boolean {
  return fieldValues(fields, "sec-websocket-key").length > 0 &&
    (version === "HTTP/1.0" || !hasToken(fields, "upgrade", "websocket") || !hasToken(fields, "connection", "upgrade"));
}

/**
 * Reads and checks a request to open a WebSocket (RFC 6455 §4.2.1). It does not check the origin: see `compileOriginPolicy`.
 *
 * @example A handshake with no network
 * ```ts
 * import { acceptUpgrade, readUpgradeRequest, RequestHeadParser } from "@sluice/websocket/handshake";
 * import { DEFAULT_LIMITS } from "@sluice/websocket";
 * import { assert, assertEquals, assertStringIncludes } from "@std/assert";
 *
 * const head = new RequestHeadParser(DEFAULT_LIMITS).push(new TextEncoder().encode([
 *   "GET /chat HTTP/1.1",
 *   "Host: server.example.com",
 *   "Upgrade: websocket",
 *   "Connection: Upgrade",
 *   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
 *   "Sec-WebSocket-Protocol: chat, superchat",
 *   "Sec-WebSocket-Version: 13",
 *   "\r\n",
 * ].join("\r\n")));
 * assert(head);
 *
 * const request = readUpgradeRequest(head);
 * assertEquals(request.path, "/chat");
 *
 * const answer = await acceptUpgrade(request, { protocol: "chat" });
 * assertStringIncludes(new TextDecoder().decode(answer), "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
 * ```
 *
 * @param head The request's head.
 * @param options What the head does not contain.
 * @returns The request.
 * @throws {HandshakeError} With the status and the header fields of the response: 400, 405 or 426.
 */
export function readUpgradeRequest(head: RequestHead, options: ReadUpgradeRequestOptions = {}): UpgradeRequest {
  const { fields } = head;
  const { secure = false } = options;
  requireHttp11(head);
  requireGet(head);
  const { host = "", ...resource } = readResource(head); // HTTP/1.1 always has one
  refuseBody(head);
  requireUpgrade(fields);
  requireVersion(fields, { status: 426, headers: UPGRADE_REQUIRED });
  return new Upgrade(head, { ...resource, secure, host, key: readKey(fields) });
}

/** A request: the fields that all versions of HTTP share, and the facts that each expresses in its own way. */
export class Upgrade implements UpgradeRequest {
  readonly method: string;
  readonly target: string;
  readonly path: string;
  readonly query: string;
  readonly url: string;
  readonly secure: boolean;
  readonly host: string;
  readonly origin: string | undefined;
  readonly version = 13;
  readonly key: string;
  readonly protocols: readonly string[];
  readonly extensions: readonly ExtensionOffer[];
  readonly fields: HeaderFields;
  #headers: Headers | undefined;

  constructor({ method, target, fields }: Omit<RequestHead, "version">, own: OwnFacts) {
    const { path, query, secure, host, key } = own;
    this.method = method;
    this.target = target;
    this.path = path;
    this.query = query;
    this.secure = secure;
    this.host = host;
    this.origin = singleValue(fields, "Origin"); // RFC 6454 §7.3: at most one
    this.key = key;
    this.protocols = parseSubprotocols(fields);
    this.extensions = parseExtensions(fieldValues(fields, "sec-websocket-extensions"));
    this.fields = fields;
    // `join` copies: an open connection keeps its URL, and nothing else of the head.
    this.url = [secure ? "wss://" : "ws://", host, path, query === "" ? "" : "?", query].join("");
  }

  /** Made on demand, because a connection may keep its request as long as it is open. */
  get headers(): Headers {
    return this.#headers ??= toHeaders(this.fields);
  }
}

/** The facts that each version of HTTP expresses in its own way. */
type OwnFacts = Pick<UpgradeRequest, "path" | "query" | "secure" | "host" | "key">;

/**
 * Writes the response that opens the connection (RFC 6455 §4.2.2).
 *
 * @param request The request.
 * @param options The server's choices.
 * @returns The bytes of the 101 response.
 * @throws {TypeError} If the subprotocol was not requested, an extension was not offered, or a header field is malformed or is
 *    set by the handshake itself (CVE-2026-1527).
 */
export async function acceptUpgrade(
  request: Pick<UpgradeRequest, "key" | "protocols" | "extensions">,
  options: AcceptUpgradeOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  return switchingProtocols(request, options, await acceptKey(request.key));
}

/** {@linkcode acceptUpgrade} with the `Sec-WebSocket-Accept` for the request's key. */
export function switchingProtocols(
  request: Pick<UpgradeRequest, "protocols" | "extensions">,
  options: AcceptUpgradeOptions,
  accept: string,
): Uint8Array<ArrayBuffer> {
  return encodeBytes(
    `${SWITCHING}Sec-WebSocket-Accept: ${accept}\r\n${fieldLines(choiceFields(request, options))}\r\n`,
  );
}

const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";

/** The fields of a response that are the same in any version of HTTP. Throws as {@linkcode acceptUpgrade} does. */
export function choiceFields(
  request: Pick<UpgradeRequest, "protocols" | "extensions">,
  { protocol = "", extensions = "", headers }: AcceptUpgradeOptions,
): HeaderFields {
  const fields: [string, string][] = [];
  if (protocol !== "") {
    requireRequested(protocol, request.protocols);
    fields.push(["Sec-WebSocket-Protocol", protocol]);
  }
  if (extensions !== "") {
    for (const { name } of parseExtensions([extensions], (message) => new TypeError(message))) {
      if (!request.extensions.some((offer) => offer.name === name)) {
        throw new TypeError(`Cannot accept extension ${quote(name)}: the client did not offer it`);
      }
    }
    fields.push(["Sec-WebSocket-Extensions", extensions]);
  }
  return headers === undefined ? fields : [...fields, ...applicationFields(headers)];
}

/** The fields of a 426 response (RFC 9110 §15.5.22). */
const UPGRADE_REQUIRED: [string, string][] = [["Upgrade", "websocket"]];

/** §4.2.1, item 1: HTTP/1.1 or higher. RFC 9110 §7.8: `Upgrade` is ignored in HTTP/1.0. */
function requireHttp11({ version, fields }: RequestHead): void {
  if (version !== "HTTP/1.0") return;
  const message = `A WebSocket needs HTTP/1.1, not HTTP/1.0${proxyHint(fields)}`;
  throw new HandshakeError(message, { status: 426, headers: UPGRADE_REQUIRED });
}

/** Returns a hint for a request with a key. Its client sent `Upgrade`, `Connection` and HTTP/1.1, so a proxy dropped them. */
function proxyHint(fields: HeaderFields): string {
  return fieldValues(fields, "sec-websocket-key").length === 0
    ? ""
    : ". Does a proxy drop it? See docs/how-to/proxies.md";
}

/** §4.2.1, item 1: GET. */
function requireGet({ method }: RequestHead): void {
  if (method === "GET") return;
  throw new HandshakeError(`A WebSocket opens with GET, not ${quote(method)}`, {
    status: 405,
    headers: [["Allow", "GET"]],
  });
}

/**
 * No body: bytes after the head are frames, and a proxy that took them for a body would see another request there (RFC 9112 §6.1,
 * RFC 9110 §7.8; CVE-2026-69243, CVE-2026-39805).
 */
export function refuseBody(head: Pick<RequestHead, "version" | "fields">): void {
  if (requestFraming(head) !== 0) throw badRequest("An upgrade request cannot have a body");
}

/** §4.2.1, items 3 and 4. If only one of the two fields is present, a proxy probably dropped the other. */
function requireUpgrade(fields: HeaderFields): void {
  const upgrade = hasToken(fields, "upgrade", "websocket");
  const connection = hasToken(fields, "connection", "upgrade");
  if (upgrade && connection) return;
  if (upgrade) throw badRequest(`Header Connection lacks "Upgrade"${proxyHint(fields)}`);
  if (connection) throw badRequest(`Header Upgrade lacks "websocket"${proxyHint(fields)}`);
  throw new HandshakeError(`This resource is a WebSocket: the request has no Upgrade${proxyHint(fields)}`, {
    status: 426,
    headers: UPGRADE_REQUIRED,
  });
}

/**
 * §4.2.1, item 6, and §4.4: exactly 13, compared as text, because `Number` would accept `+13` and `0xd`. A refusal names the
 * supported version, with the status and the fields that its version of HTTP uses.
 */
export function requireVersion(
  fields: HeaderFields,
  { status, headers }: { status: number; headers: readonly [string, string][] },
): void {
  const versions = fieldValues(fields, "sec-websocket-version");
  if (versions.length === 1 && versions[0] === "13") return;
  const given = versions.length === 0 ? "none" : quote(versions.join(", "));
  throw new HandshakeError(`Header Sec-WebSocket-Version must be 13, not ${given}`, {
    status,
    headers: [...headers, ["Sec-WebSocket-Version", "13"]],
  });
}

/** §4.2.1, item 5. */
function readKey(fields: HeaderFields): string {
  const key = singleValue(fields, "Sec-WebSocket-Key");
  if (key === undefined) throw badRequest("Header Sec-WebSocket-Key is missing");
  if (!isKey(key)) throw badRequest(`Header Sec-WebSocket-Key ${quote(key)} is not 16 bytes in base64`);
  return key;
}
