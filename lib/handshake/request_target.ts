/**
 * What a request is for: its target (RFC 9112 §3.2) and its host (§3.2, RFC 9110 §7.2).
 *
 * @module
 */
import { badRequest, type HeaderFields, isVisible, quote, singleValue } from "./http_fields.ts";

/** What a request is for. */
export interface Resource {
  /**
   * The path, as the URL parser has it: `new URL(url).pathname` of the request's URL is the same. Nothing is decoded. It has no
   * segment that is `.` or `..`: a request with one is refused.
   */
  readonly path: string;
  /** The query without its `?`, `""` where there is none. */
  readonly query: string;
  /**
   * The host, and the port where it was sent: the target's where that is absolute, else the `Host` field's, which over HTTP/2 is
   * `:authority`. `undefined` in a request of HTTP/1.0 that has neither.
   */
  readonly host: string | undefined;
}

/** A request target in its parts. */
interface TargetParts {
  /** The host, and the port where it was sent, of a target in absolute-form; otherwise `undefined`. */
  readonly authority: string | undefined;
  readonly path: string;
  readonly query: string;
}

/**
 * Reads what a request is for. This is the one check of target and host for every request, whatever it asks for and whatever brings
 * it.
 *
 * @param head The request's head; over HTTP/2 with `:path` as its target.
 * @returns What it is for.
 * @throws {HandshakeError} 400 if the target is malformed, or if the host is missing, comes twice or is invalid.
 */
export function readResource(
  { target, version, fields }: { readonly target: string; readonly version: string; readonly fields: HeaderFields },
): Resource {
  const { authority, path, query } = splitTarget(target);
  const named = readHost(fields, version);
  return { path, query, host: authority ?? named };
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
 * Takes apart the target of a request: a resource name (RFC 6455 §3), or a URL whose host goes before the `Host` field
 * (RFC 9112 §3.2.2).
 *
 * @throws {HandshakeError} 400 if the target is malformed.
 */
function splitTarget(target: string): TargetParts {
  checkTarget("GET", target);
  const mark = target.indexOf("?");
  const [beforeQuery, query] = mark < 0 ? [target, ""] : [target.slice(0, mark), target.slice(mark + 1)];
  const scheme = schemeOf(beforeQuery);
  if (scheme === undefined) return { authority: undefined, ...settle(beforeQuery, query) };

  const start = scheme.length + "://".length;
  const slash = beforeQuery.indexOf("/", start);
  const authority = slash < 0 ? beforeQuery.slice(start) : beforeQuery.slice(start, slash);
  if (!isHost(authority)) throw badRequest(`Request target ${quote(target)} has no valid host`);
  return { authority, ...settle(slash < 0 ? "/" : beforeQuery.slice(slash), query) };
}

/**
 * Path and query as the URL parser has them, which escapes some characters. What it would take out of a path is refused: a proxy in
 * front may have judged the path as it was sent.
 */
function settle(path: string, query: string): Pick<Resource, "path" | "query"> {
  if (path.includes("\\") || DOT_SEGMENT.test(path)) {
    throw badRequest(`Path ${quote(path)} has a dot segment or a backslash`);
  }
  if (!NOT_PLAIN.test(path) && !NOT_PLAIN.test(query)) return { path, query };
  const { pathname, search } = new URL(`http://host${path}?${query}`);
  return { path: pathname, query: search.slice(1) };
}

/** Anything but what the URL parser leaves as it is, in a path and in a query. */
const NOT_PLAIN = /[^0-9A-Za-z/\-._~%=&+,;:@!$()*?]/;

/** A segment `.` or `..`, with any dot in percent-encoding, as the URL parser takes them. */
const DOT_SEGMENT = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i;

const SCHEMES = new Set(["http", "https", "ws", "wss"]);

/** The scheme of a target in absolute-form. */
function schemeOf(target: string): string | undefined {
  const scheme = target.slice(0, Math.max(target.indexOf("://"), 0)).toLowerCase();
  return SCHEMES.has(scheme) ? scheme : undefined;
}

/** The host of a request, which HTTP/1.1 sends exactly once and HTTP/1.0 need not send (RFC 9112 §3.2). */
function readHost(fields: HeaderFields, version: string): string | undefined {
  const host = singleValue(fields, "Host");
  if (host === undefined && version === "HTTP/1.0") return undefined;
  if (host === undefined) throw badRequest("Header Host is missing");
  if (!isHost(host)) throw badRequest(`Header Host ${quote(host)} is not a host`);
  return host;
}

/**
 * `uri-host [ ":" port ]`, RFC 9110 §7.2. The URL parser settles what is between the delimiters, by a call that cannot throw
 * (CVE-2026-61666), so that no application's `new URL(request.url)` throws either. Delimiters of a URL's other parts never get
 * there, nor does `%`: the URL parser would decode it, and then two parties disagree about the host.
 */
function isHost(text: string): boolean {
  return !/[^0-9A-Za-z\-._~:[\]]/.test(text) && URL.canParse(`http://${text}/`);
}
