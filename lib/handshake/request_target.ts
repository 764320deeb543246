/**
 * What a request is for: its target (RFC 9112 §3.2) and its host (§3.2, RFC 9110 §7.2).
 *
 * @module
 */
import {
  badRequest,
  everyCode,
  fieldValues,
  type HeaderFields,
  isAlphanumeric,
  isVisible,
  quote,
} from "./http_fields.ts";

/** A request target in its parts. */
export interface TargetParts {
  /** The host, and the port where it was sent, of a target in absolute-form; otherwise `undefined`. */
  readonly authority: string | undefined;
  /** The path. Nothing is decoded. */
  readonly path: string;
  /** The query without its `?`, `""` where there is none. */
  readonly query: string;
}

/**
 * Checks that a request target has a form that its method may use (RFC 9112 §3.2) and no fragment (RFC 6455 §3).
 *
 * @throws {HandshakeError} 400.
 */
export function checkTarget(method: string, target: string): void {
  const wellFormed = target.startsWith("/") || schemeOf(target) !== undefined ||
    method === "CONNECT" || (method === "OPTIONS" && target === "*");
  if (!wellFormed || !isVisible(target) || target.includes("#")) {
    throw badRequest(`Request target ${quote(target)} is malformed`);
  }
}

/**
 * Takes apart the target of a GET request: a resource name (RFC 6455 §3), or a URL whose host goes before the `Host` field
 * (RFC 9112 §3.2.2).
 *
 * @throws {HandshakeError} 400 if the target is malformed.
 */
export function splitTarget(target: string): TargetParts {
  checkTarget("GET", target);
  const mark = target.indexOf("?");
  const [beforeQuery, query] = mark < 0 ? [target, ""] : [target.slice(0, mark), target.slice(mark + 1)];
  const scheme = schemeOf(beforeQuery);
  if (scheme === undefined) return { authority: undefined, path: beforeQuery, query };

  const start = scheme.length + "://".length;
  const slash = beforeQuery.indexOf("/", start);
  const authority = slash < 0 ? beforeQuery.slice(start) : beforeQuery.slice(start, slash);
  if (!isHost(authority)) throw badRequest(`Request target ${quote(target)} has no valid host`);
  return { authority, path: slash < 0 ? "/" : beforeQuery.slice(slash), query };
}

const SCHEMES = new Set(["http", "https", "ws", "wss"]);

/** The scheme of a target in absolute-form. */
function schemeOf(target: string): string | undefined {
  const scheme = target.slice(0, Math.max(target.indexOf("://"), 0)).toLowerCase();
  return SCHEMES.has(scheme) ? scheme : undefined;
}

/**
 * The host of a request, which HTTP/1.1 sends exactly once (RFC 9112 §3.2).
 *
 * @throws {HandshakeError} 400 if it is missing, comes twice or is invalid.
 */
export function readHost(fields: HeaderFields): string {
  const [host, ...more] = fieldValues(fields, "host");
  if (host === undefined) throw badRequest("Header Host is missing");
  if (more.length > 0) throw badRequest(`Header Host comes ${more.length + 1} times`);
  if (!isHost(host)) throw badRequest(`Header Host ${quote(host)} is not a host`);
  return host;
}

/**
 * `uri-host [ ":" port ]`, RFC 9110 §7.2. The URL parser settles what is between the delimiters, by a call that cannot throw
 * (CVE-2026-61666), so that no application's `new URL(request.url)` throws either. Delimiters of a URL's other parts never get
 * there, nor does `%`: the URL parser would decode it, and then two parties disagree about the host.
 */
function isHost(text: string): boolean {
  return everyCode(text, isHostCode) && URL.canParse(`http://${text}/`);
}

function isHostCode(code: number): boolean {
  return isAlphanumeric(code) || "-._~:[]".includes(String.fromCharCode(code));
}
