/**
 * The client's side of the opening handshake (RFC 6455 §4.1): from a URL to the bytes of the request, and from the response's
 * head to the agreed settings.
 *
 * @module
 */
import { HandshakeError } from "../errors.ts";
import { base64 } from "../pipeline/bytes/base64.ts";
import { acceptKey, createKey } from "./accept_key.ts";
import { type ExtensionOffer, parseExtensions } from "./extension_header.ts";
import {
  applicationFields,
  fieldValues,
  hasToken,
  type HeaderFields,
  listValues,
  quote,
  type Refuse,
  singleValue,
  toHeaders,
} from "./http_fields.ts";
import { type ResponseHead, serializeRequestHead } from "./http_head.ts";
import { answeredSubprotocol, checkSubprotocols } from "./subprotocol.ts";

/** Options for a client's request. */
export interface CreateUpgradeRequestOptions {
  /** The URL, as returned by `parseWebSocketUrl`. */
  url: URL;
  /** The subprotocols, in order of preference. @default {[]} */
  protocols?: readonly string[];
  /** The value of `Sec-WebSocket-Extensions`; `""` for none. */
  extensions?: string;
  /** More header fields. `Host` and `Authorization` take precedence over the URL. */
  headers?: HeadersInit;
  /** The `Sec-WebSocket-Key`. By default 16 unpredictable bytes, as RFC 6455 §4.1 requires. Set it only in tests. */
  key?: string;
}

/** A request, with what is needed to check its response. */
export interface CreatedUpgradeRequest {
  /** The bytes of the request. */
  bytes: Uint8Array<ArrayBuffer>;
  /** The `Sec-WebSocket-Key` of the request. */
  key: string;
}

/** What was requested, to check the response against. */
export interface CheckUpgradeResponseOptions {
  /** The `Sec-WebSocket-Key` of the request. */
  key: string;
  /** The subprotocols that were requested. @default {[]} */
  protocols?: readonly string[];
  /** The names of the extensions that were offered. @default {[]} */
  offeredExtensions?: readonly string[];
}

/** What client and server agreed on. */
export interface UpgradeAgreement {
  /** The subprotocol; `""` for none. */
  protocol: string;
  /** The extensions that the server accepted. The extensions themselves check their parameters. */
  extensions: ExtensionOffer[];
}

/**
 * Parses a URL as `new WebSocket` does: ws and wss, and http and https as aliases of them.
 *
 * @example
 * ```ts
 * import { parseWebSocketUrl } from "@sluice/websocket/handshake";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseWebSocketUrl("https://example.com:443/chat").href, "wss://example.com/chat");
 * ```
 *
 * @param url The absolute URL.
 * @returns A new URL, ws or wss.
 * @throws {DOMException} `SyntaxError` if the URL does not parse, has another scheme, or has a fragment, even an empty one.
 */
export function parseWebSocketUrl(url: string | URL): URL {
  if (!URL.canParse(url)) throw syntaxError(`Cannot parse URL ${quoteUrl(url)}`);
  const parsed = new URL(url);
  if (parsed.protocol === "http:") parsed.protocol = "ws:";
  if (parsed.protocol === "https:") parsed.protocol = "wss:";
  if (parsed.protocol !== "ws:" && parsed.protocol !== "wss:") {
    throw syntaxError(`Cannot use URL scheme ${quote(parsed.protocol)}: it must be ws or wss`);
  }
  // `hash` is "" for an empty fragment too.
  if (parsed.href.includes("#")) throw syntaxError(`Cannot use URL ${quoteUrl(parsed)}: it has a fragment`);
  return parsed;
}

/** Returns a URL for an error message, without its `user:password@`, even if it does not parse. */
export function quoteUrl(url: string | URL): string {
  if (URL.canParse(url)) return quote(withoutCredentials(new URL(url)));
  const text = String(url);
  const end = text.lastIndexOf("@") + 1;
  const slashes = text.indexOf("//");
  const start = slashes < 0 || slashes > end ? 0 : slashes + 2;
  return quote(end === 0 ? text : text.slice(0, start) + text.slice(end));
}

/** Returns a URL without its `user:password@`, so that it can be shown and stored. */
export function withoutCredentials(url: URL): string {
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  return shown.href;
}

/**
 * Writes a request to open a WebSocket (RFC 6455 §4.1).
 *
 * @example The whole handshake, with no network
 * ```ts
 * import { DEFAULT_LIMITS } from "@sluice/websocket";
 * import {
 *   acceptUpgrade,
 *   checkUpgradeResponse,
 *   createUpgradeRequest,
 *   readUpgradeRequest,
 *   RequestHeadParser,
 *   ResponseHeadParser,
 * } from "@sluice/websocket/handshake";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const protocols = ["chat"];
 * const { bytes, key } = createUpgradeRequest({ url: new URL("ws://example.com/room"), protocols });
 *
 * const head = new RequestHeadParser(DEFAULT_LIMITS).push(bytes); // the server
 * assert(head !== undefined);
 * const request = readUpgradeRequest(head);
 * assertEquals([request.path, request.protocols], ["/room", protocols]);
 * const answer = await acceptUpgrade(request, { protocol: "chat" });
 *
 * const response = new ResponseHeadParser(DEFAULT_LIMITS).push(answer); // the client
 * assert(response !== undefined);
 * assertEquals((await checkUpgradeResponse(response, { key, protocols })).protocol, "chat");
 * ```
 *
 * @param options The URL, and what to request.
 * @returns The request's bytes and its key.
 * @throws {DOMException} `SyntaxError` if a subprotocol is not a token or is repeated.
 * @throws {TypeError} If a header field is malformed or is set by the handshake itself (CVE-2026-1527).
 */
export function createUpgradeRequest(options: CreateUpgradeRequestOptions): CreatedUpgradeRequest {
  const { url, key = createKey() } = options;
  const { host, fields } = offerFields(options);
  const bytes = serializeRequestHead({
    method: "GET",
    target: url.pathname + url.search,
    version: "HTTP/1.1",
    fields: [
      ["Host", host], // `Host` comes first (RFC 9110 §7.2).
      ["Upgrade", "websocket"],
      ["Connection", "Upgrade"],
      ["Sec-WebSocket-Key", key],
      ...fields,
    ],
  });
  return { bytes, key };
}

/**
 * The host and the fields of a request that are the same in any version of HTTP. Throws as {@linkcode createUpgradeRequest} does.
 */
export function offerFields(
  { url, protocols = [], extensions = "", headers }: Omit<CreateUpgradeRequestOptions, "key">,
): { host: string; fields: HeaderFields } {
  checkSubprotocols(protocols);
  const given = applicationFields(headers);
  const fields: [string, string][] = [["Sec-WebSocket-Version", "13"]];
  if (protocols.length > 0) fields.push(["Sec-WebSocket-Protocol", protocols.join(", ")]);
  if (extensions !== "") fields.push(["Sec-WebSocket-Extensions", extensions]);
  const credentials = basicCredentials(url);
  if (credentials !== undefined && fieldValues(given, "authorization").length === 0) {
    fields.push(["Authorization", credentials]);
  }
  // A URL omits the default port of its scheme.
  const [host = url.host] = fieldValues(given, "host");
  return { host, fields: [...fields, ...given.filter(([name]) => name !== "host")] };
}

/**
 * Checks the server's response (RFC 6455 §4.1, items 1 to 6 of the response).
 *
 * @param head The response's head.
 * @param options What was requested.
 * @returns What client and server agreed on.
 * @throws {HandshakeError} With the response's status and header fields, if the response does not open the connection.
 */
export async function checkUpgradeResponse(
  head: ResponseHead,
  options: CheckUpgradeResponseOptions,
): Promise<UpgradeAgreement> {
  const { version, status, fields } = head;
  const { key, ...asked } = options;
  const refuse = (message: string) => new HandshakeError(message, { status, headers: toHeaders(fields) });

  // Item 1. The caller decides whether to follow redirects and 401.
  if (status !== 101) throw refuse(`Server answered ${status}, not 101`);
  if (version === "HTTP/1.0") throw refuse("Server answered 101 in HTTP/1.0");
  // Item 2: the only value of its field. Item 3: one of several.
  const upgrade = listValues(fields, "upgrade");
  if (upgrade.length !== 1 || upgrade[0]?.toLowerCase() !== "websocket") {
    throw refuse(`Header Upgrade is ${quote(upgrade.join(", "))}, not "websocket"`);
  }
  if (!hasToken(fields, "connection", "upgrade")) throw refuse('Header Connection lacks "Upgrade"');
  await checkAcceptKey(fields, key, refuse);
  return readAgreement(fields, asked, refuse);
}

/** Items 5 and 6, which are the same in any version of HTTP. */
export function readAgreement(
  fields: HeaderFields,
  { protocols = [], offeredExtensions = [] }: Omit<CheckUpgradeResponseOptions, "key">,
  refuse: Refuse,
): UpgradeAgreement {
  const extensions = parseExtensions(fieldValues(fields, "sec-websocket-extensions"), refuse);
  for (const { name } of extensions) {
    if (!offeredExtensions.includes(name)) throw refuse(`Server chose extension ${quote(name)}, which was not offered`);
  }
  return { protocol: answeredSubprotocol(fields, protocols, refuse), extensions };
}

/** Item 4: exactly one field, with the expected value. */
async function checkAcceptKey(fields: HeaderFields, key: string, refuse: (message: string) => Error): Promise<void> {
  const accept = singleValue(fields, "Sec-WebSocket-Accept", refuse);
  if (accept === undefined) throw refuse("Header Sec-WebSocket-Accept is missing");
  const expected = await acceptKey(key);
  if (accept !== expected) throw refuse(`Header Sec-WebSocket-Accept is ${quote(accept)}, not "${expected}"`);
}

/** Encodes the `user:password@` of a URL as RFC 7617 requires, in UTF-8. Returns `undefined` if there is none. */
export function basicCredentials({ username, password }: Pick<URL, "username" | "password">): string | undefined {
  if (username === "" && password === "") return undefined;
  return `Basic ${base64(new TextEncoder().encode(`${percentDecode(username)}:${percentDecode(password)}`))}`;
}

/** Decodes a part of a URL. A URL may contain a `%` that begins no escape; such a part is returned unchanged. */
export function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function syntaxError(message: string): DOMException {
  return new DOMException(message, "SyntaxError");
}
