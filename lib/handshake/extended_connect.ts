/**
 * Both sides of the opening handshake over HTTP/2 (RFC 8441), as header fields: an extended CONNECT request and its response.
 * HTTP/2 needs no key, no accept key, no `Upgrade` and no `Connection` (§5).
 *
 * @module
 */
import { HandshakeError } from "../errors.ts";
import {
  type CreateUpgradeRequestOptions,
  offerFields,
  readAgreement,
  type UpgradeAgreement,
} from "./client_handshake.ts";
import {
  badRequest,
  fieldValues,
  type HeaderFields,
  HOP_FIELDS,
  isFieldValue,
  quote,
  toHeaders,
} from "./http_fields.ts";
import type { HeadLimits } from "./http_head.ts";
import type { FinalResponse } from "./http_response.ts";
import { readResource } from "./request_target.ts";
import {
  type AcceptUpgradeOptions,
  choiceFields,
  refuseBody,
  requireVersion,
  Upgrade,
  type UpgradeRequest,
} from "./server_handshake.ts";

/** What the fields of a request do not contain. */
export interface ReadExtendedConnectOptions {
  /** Whether the connection is encrypted: the URL is then wss, otherwise ws. */
  secure: boolean;
  /** The limits of a head. */
  limits: HeadLimits;
}

/** What was requested, to check a response against. */
export interface CheckExtendedConnectOptions {
  /** The subprotocols that were requested. */
  protocols: readonly string[];
  /** The names of the extensions that were offered. */
  offeredExtensions: readonly string[];
}

/**
 * Returns the header fields of a request without pseudo-fields, as in HTTP/1.1: `:authority` becomes `Host`, and a split cookie
 * is joined (RFC 9113 §8.2.3).
 */
export function connectFields(fields: HeaderFields): HeaderFields {
  const cookies = fieldValues(fields, "cookie");
  // RFC 9113 §8.3.1: with `:authority`, `Host` is ignored.
  const hosts = fieldValues(fields, ":authority").map((authority) => ["host", authority] as const);
  const given = fields.filter(([name]) =>
    !name.startsWith(":") && name !== "cookie" && (name !== "host" || hosts.length === 0)
  );
  return [...hosts, ...given, ...(cookies.length === 0 ? [] : [["cookie", cookies.join("; ")] as const])];
}

/**
 * Reads and checks an extended CONNECT request that opens a WebSocket: RFC 8441 §4 and §5, and the remaining rules of RFC 6455
 * §4.2.1.
 *
 * @param fields All fields, including pseudo-fields, in the order of the wire.
 * @param options What the fields do not contain.
 * @returns The request. Its key is empty.
 * @throws {HandshakeError} With the status and the header fields of the response: 400, 405, 414, 431 or 501.
 */
export function readExtendedConnect(
  fields: HeaderFields,
  { secure, limits }: ReadExtendedConnectOptions,
): UpgradeRequest {
  checkFieldSize(fields, limits, (message, status, limit) => new HandshakeError(message, { status, limit }));
  const method = pseudoField(fields, ":method");
  if (method !== "CONNECT") {
    throw new HandshakeError(`A WebSocket opens with CONNECT, not ${quote(method)}`, {
      status: 405,
      headers: [["Allow", "CONNECT"]],
    });
  }
  const protocol = pseudoField(fields, ":protocol");
  // RFC 9220 §3 names the status that RFC 8441 does not.
  if (protocol !== "websocket") {
    throw new HandshakeError(`Protocol ${quote(protocol)} is not supported`, { status: 501 });
  }
  const scheme = pseudoField(fields, ":scheme");
  if (scheme !== "https" && scheme !== "http") throw badRequest(`Scheme ${quote(scheme)} is not http or https`);
  const target = pseudoField(fields, ":path");
  if (!target.startsWith("/")) throw badRequest(`Request target ${quote(target)} is malformed`);
  const regular = connectFields(fields);
  const { host = "", ...resource } = readResource({ target, version: HTTP_2, fields: regular });
  refuseOtherHost(fields, host);
  refuseBody({ version: HTTP_2, fields: regular });
  // 426 would have to name a version of HTTP to upgrade to (RFC 9110 §15.5.22), but HTTP/2 has no such upgrade.
  requireVersion(regular, { status: 400, headers: [] });
  return new Upgrade({ method, target, fields: regular }, { ...resource, secure, host, key: "" });
}

const HTTP_2 = "HTTP/2.0";

/** RFC 9113 §8.3.1: a `Host` that differs from `:authority` is malformed, because a proxy may have checked one or the other. */
function refuseOtherHost(fields: HeaderFields, host: string): void {
  const other = fieldValues(fields, "host").find((value) => value.toLowerCase() !== host.toLowerCase());
  if (other !== undefined) throw badRequest(`Header Host is ${quote(other)}, and :authority is ${quote(host)}`);
}

/** Returns the only value of a pseudo-field. RFC 8441 §4 requires `:scheme` and `:path` in an extended CONNECT, unlike in a plain one. */
function pseudoField(fields: HeaderFields, name: string): string {
  const [value, ...more] = fieldValues(fields, name);
  if (value === undefined) throw badRequest(`Field ${name} is missing`);
  if (more.length > 0) throw badRequest(`Field ${name} appears ${more.length + 1} times`);
  return value;
}

/**
 * Applies the limits of an HTTP/1.1 head to unpacked fields. Each field counts as a line with its colon, space and end.
 *
 * @param fields The fields of a request or a response.
 * @param limits The limits.
 * @param refuse Makes the error. `status` is the status of a server's response, `limit` the name of the limit.
 */
export function checkFieldSize(
  fields: HeaderFields,
  { maxHeaderBytes, maxHeaderCount, maxStartLineBytes }: HeadLimits,
  refuse: (message: string, status: number, limit: keyof HeadLimits) => Error,
): void {
  if (fields.length > maxHeaderCount) {
    throw refuse(`Head has more than ${maxHeaderCount} fields`, 431, "maxHeaderCount");
  }
  let bytes = 0;
  for (const [name, value] of fields) {
    if (name === ":path" && value.length > maxStartLineBytes) {
      throw refuse(`Field :path is longer than ${maxStartLineBytes} bytes`, 414, "maxStartLineBytes");
    }
    bytes += name.length + value.length + 4;
  }
  if (bytes > maxHeaderBytes) throw refuse(`Head is longer than ${maxHeaderBytes} bytes`, 431, "maxHeaderBytes");
}

/**
 * Makes the response that opens the connection (RFC 8441 §5): 200 and the server's choices.
 *
 * @param request The request.
 * @param options The server's choices.
 * @returns The fields of the response, with names in lower case.
 * @throws {TypeError} If the subprotocol was not requested, an extension was not offered, or a header field is malformed or is
 *    set by the handshake itself.
 */
export function acceptExtendedConnect(
  request: Pick<UpgradeRequest, "protocols" | "extensions">,
  options: AcceptUpgradeOptions,
): HeaderFields {
  return [[":status", "200"], ...lowerCase(choiceFields(request, options))];
}

/**
 * The fields of any other response, with its length, which helps a proxy to HTTP/1.1. Connection-specific fields of HTTP/1.1 must
 * not be present (RFC 9113 §8.2.2).
 */
export function refusalFields({ status, headers, body }: FinalResponse): HeaderFields {
  const given = [...new Headers(headers)].filter(([name]) => !HOP_FIELDS.has(name));
  const length = body.length === 0 ? [] : [["content-length", String(body.length)] as const];
  return [[":status", String(status)], ...length, ...given];
}

/**
 * Writes an extended CONNECT request (RFC 8441 §4 and §5).
 *
 * @param options What to request, with the URL as returned by `parseWebSocketUrl`.
 * @returns The fields of the request: pseudo-fields first, names in lower case.
 * @throws {DOMException} `SyntaxError` if a subprotocol is not a token or is repeated.
 * @throws {TypeError} If a header field is malformed or is set by the handshake itself (CVE-2026-1527).
 */
export function createExtendedConnect(options: Omit<CreateUpgradeRequestOptions, "key">): HeaderFields {
  const { protocol, pathname, search } = options.url;
  const { host, fields } = offerFields(options);
  return [
    [":method", "CONNECT"],
    [":protocol", "websocket"],
    [":scheme", protocol === "wss:" ? "https" : "http"],
    [":authority", host],
    [":path", pathname + search],
    ...lowerCase(fields),
  ];
}

/**
 * Checks the server's response. Any 2xx opens the tunnel (RFC 9110 §9.3.6) if the server chose from what was requested (RFC 6455
 * §4.1, items 5 and 6).
 *
 * @param head The response's status and fields.
 * @param options What was requested.
 * @returns What client and server agreed on.
 * @throws {HandshakeError} With the response's status and header fields, if it does not open the connection.
 */
export function checkExtendedConnect(
  { status, fields }: { readonly status: number; readonly fields: HeaderFields },
  options: CheckExtendedConnectOptions,
): UpgradeAgreement {
  const refuse = (message: string) => new HandshakeError(message, { status, headers: toHeaders(fields) });
  if (status < 200 || status > 299) throw refuse(`Server answered ${status}, not 200`);
  return readAgreement(fields, options, refuse);
}

/** RFC 9113 §8.2.1: names are in lower case. Values follow the same strict rules as in HTTP/1.1. */
function lowerCase(fields: HeaderFields): HeaderFields {
  return fields.map(([name, value]) => {
    if (isFieldValue(value)) return [name.toLowerCase(), value] as const;
    throw new TypeError(`Cannot send header ${quote(name)}: its value has a character that is not allowed`);
  });
}
