/**
 * The opening handshake over HTTP/2, RFC 8441, both sides, as header fields: an extended CONNECT request and its answer. The
 * stream's own framing has no use for a key, an accept key, `Upgrade` and `Connection` (§5).
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
  describeRequest,
  refuseBody,
  requireVersion,
  type UpgradeRequest,
} from "./server_handshake.ts";

/** What the fields of a request cannot tell. */
export interface ReadExtendedConnectOptions {
  /** Whether the connection is encrypted: decides between ws and wss in the URL. */
  secure: boolean;
  /** The caps. */
  limits: HeadLimits;
}

/** What was asked for, to check an answer against. */
export interface CheckExtendedConnectOptions {
  /** The subprotocols that were requested. */
  protocols: readonly string[];
  /** The names of the extensions that were offered. */
  offeredExtensions: readonly string[];
}

/**
 * The header fields of a request without its pseudo-fields, as HTTP/1.1 would have them: `:authority` is the `Host`, and a cookie
 * in pieces is whole again (RFC 9113 §8.2.3).
 */
export function connectFields(fields: HeaderFields): HeaderFields {
  const cookies = fieldValues(fields, "cookie");
  // RFC 9113 §8.3.1: who has `:authority` does not look at `Host`.
  const hosts = fieldValues(fields, ":authority").map((authority) => ["host", authority] as const);
  const given = fields.filter(([name]) =>
    !name.startsWith(":") && name !== "cookie" && (name !== "host" || hosts.length === 0)
  );
  return [...hosts, ...given, ...(cookies.length === 0 ? [] : [["cookie", cookies.join("; ")] as const])];
}

/**
 * Reads and checks an extended CONNECT request that opens a WebSocket: RFC 8441 §4 and §5, and what of RFC 6455 §4.2.1 is left.
 *
 * @param fields All its fields, pseudo-fields included, in the order of the wire.
 * @param options What the fields cannot tell.
 * @returns The request. Its key is empty.
 * @throws {HandshakeError} With the status, and the header fields that belong to it: 400, 405, 414, 431 or 501.
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
  // RFC 9220 §3 has the status that RFC 8441 does not name.
  if (protocol !== "websocket") {
    throw new HandshakeError(`Protocol ${quote(protocol)} is not spoken here`, { status: 501 });
  }
  const scheme = pseudoField(fields, ":scheme");
  if (scheme !== "https" && scheme !== "http") throw badRequest(`Scheme ${quote(scheme)} is not http or https`);
  const target = pseudoField(fields, ":path");
  if (!target.startsWith("/")) throw badRequest(`Request target ${quote(target)} is malformed`);
  const regular = connectFields(fields);
  const { host = "", ...resource } = readResource({ target, version: HTTP_2, fields: regular });
  refuseOtherHost(fields, host);
  refuseBody({ version: HTTP_2, fields: regular });
  // 426 would have to name a version of HTTP to change to (RFC 9110 §15.5.22), and HTTP/2 has no such change.
  requireVersion(regular, { status: 400, headers: [] });
  return describeRequest({ method, target, fields: regular }, { ...resource, secure, host, key: "" });
}

const HTTP_2 = "HTTP/2.0";

/** RFC 9113 §8.3.1: a `Host` that says another host than `:authority` is malformed. A proxy may have judged by the one or the other. */
function refuseOtherHost(fields: HeaderFields, host: string): void {
  const other = fieldValues(fields, "host").find((value) => value.toLowerCase() !== host.toLowerCase());
  if (other !== undefined) throw badRequest(`Header Host is ${quote(other)}, and :authority is ${quote(host)}`);
}

/** The one value of a pseudo-field. RFC 8441 §4 has `:scheme` and `:path` in an extended CONNECT, other than in a plain one. */
function pseudoField(fields: HeaderFields, name: string): string {
  const [value, ...more] = fieldValues(fields, name);
  if (value === undefined) throw badRequest(`Field ${name} is missing`);
  if (more.length > 0) throw badRequest(`Field ${name} comes ${more.length + 1} times`);
  return value;
}

/**
 * The caps of a head in HTTP/1.1, for what is unpacked already: a line of each field, with its colon, space and end.
 *
 * @param fields The fields of a request or an answer.
 * @param limits The caps.
 * @param refuse Makes the error; `status` is what a server answers, and `limit` the name of the cap.
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
 * The answer that opens the connection, RFC 8441 §5: 200 and what the server chose.
 *
 * @param request The request.
 * @param options What the server chose.
 * @returns The fields of the answer, names in lower case.
 * @throws {TypeError} If the subprotocol was not requested or an extension not offered, or a header field is malformed or the
 * handshake's own.
 */
export function acceptExtendedConnect(
  request: Pick<UpgradeRequest, "protocols" | "extensions">,
  options: AcceptUpgradeOptions,
): HeaderFields {
  return [[":status", "200"], ...lowerCase(choiceFields(request, options))];
}

/**
 * The fields of any other answer, with its length, which a proxy to HTTP/1.1 is glad of. Those of one hop in HTTP/1.1 must not be
 * there (RFC 9113 §8.2.2).
 */
export function refusalFields({ status, headers, body }: FinalResponse): HeaderFields {
  const given = [...new Headers(headers)].filter(([name]) => !HOP_FIELDS.has(name));
  const length = body.length === 0 ? [] : [["content-length", String(body.length)] as const];
  return [[":status", String(status)], ...length, ...given];
}

/**
 * Writes an extended CONNECT request, RFC 8441 §4 and §5.
 *
 * @param options What to ask for; the URL as `parseWebSocketUrl` returns it.
 * @returns The fields of the request, pseudo-fields first, names in lower case.
 * @throws {DOMException} `SyntaxError` if a subprotocol is not a token or comes twice.
 * @throws {TypeError} If a header field is malformed or the handshake's own (CVE-2026-1527).
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
 * Checks the server's answer: any 2xx opens the tunnel (RFC 9110 §9.3.6), where it chose among what was asked for (RFC 6455
 * §4.1, items 5 and 6).
 *
 * @param head The answer's status and fields.
 * @param options What was asked for.
 * @returns What was agreed on.
 * @throws {HandshakeError} With the answer's status and header fields, if it does not open the connection.
 */
export function checkExtendedConnect(
  { status, fields }: { readonly status: number; readonly fields: HeaderFields },
  options: CheckExtendedConnectOptions,
): UpgradeAgreement {
  const refuse = (message: string) => new HandshakeError(message, { status, headers: toHeaders(fields) });
  if (status < 200 || status > 299) throw refuse(`Server answered ${status}, not 200`);
  return readAgreement(fields, options, refuse);
}

/** RFC 9113 §8.2.1: names in lower case. Values are as strict as in HTTP/1.1. */
function lowerCase(fields: HeaderFields): HeaderFields {
  return fields.map(([name, value]) => {
    if (isFieldValue(value)) return [name.toLowerCase(), value] as const;
    throw new TypeError(`Cannot send header ${quote(name)}: its value has a character that is not allowed`);
  });
}
