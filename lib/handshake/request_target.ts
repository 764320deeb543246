/**
 * The resource of a request: its target (RFC 9112 §3.2) and its host (§3.2, RFC 9110 §7.2).
 *
 * @module
 */
import { badRequest, type HeaderFields, isVisible, quote, singleValue } from "./http_fields.ts";

/** The resource that a request is for. */
export interface Resource {
  /**
   * The path, as the URL parser returns it: it equals `new URL(url).pathname` of the request's URL. Nothing is decoded. It has no
   * `.` or `..` segment, because such requests are refused.
   */
  readonly path: string;
  /** The query without its `?`; `""` if there is none. */
  readonly query: string;
  /**
   * The host, with the port if it was sent. It comes from the target if that is absolute, otherwise from the `Host` field
   * (`:authority` over HTTP/2). `undefined` in an HTTP/1.0 request that has neither.
   */
  readonly host: string | undefined;
}

/** The parts of a request target. */
interface TargetParts {
  /** The host of a target in absolute-form, with the port if it was sent; otherwise `undefined`. */
  readonly authority: string | undefined;
  readonly path: string;
  readonly query: string;
}

/**
 * Reads the resource of a request. This is the one check of target and host for every request, over any version of HTTP.
 *
 * @param head The request's head; over HTTP/2 with `:path` as its target.
 * @returns The resource.
 * @throws {HandshakeError} 400 if the target is malformed, or if the host is missing, repeated or invalid.
 */
export function readResource(
  { target, version, fields }: { readonly target: string; readonly version: string; readonly fields: HeaderFields },
): Resource {
  const { authority, path, query } = splitTarget(target);
  const named = readHost(fields, version);
  return { path, query, host: authority ?? named };
}

/**
 * Checks that a request target has a form that its method allows (RFC 9112 §3.2) and no fragment (RFC 6455 §3).
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
 * Splits the target of a request: a resource name (RFC 6455 §3), or a URL whose host overrides the `Host` field (RFC 9112
 * §3.2.2).
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
 * Returns path and query as the URL parser would, which escapes some characters. A path that the URL parser would shorten is
 * refused, because a proxy in front may have checked the path as it was sent.
 */
function settle(path: string, query: string): Pick<Resource, "path" | "query"> {
  if (path.includes("\\") || DOT_SEGMENT.test(path)) {
    throw badRequest(`Path ${quote(path)} has a dot segment or a backslash`);
  }
  if (!NOT_PLAIN.test(path) && !NOT_PLAIN.test(query)) return { path, query };
  const { pathname, search } = new URL(`http://host${path}?${query}`);
  return { path: pathname, query: search.slice(1) };
}

/** Anything that the URL parser changes, in a path and in a query. */
const NOT_PLAIN = /[^0-9A-Za-z/\-._~%=&+,;:@!$()*?]/;

/** A `.` or `..` segment, with any dot percent-encoded, as the URL parser reads them. */
const DOT_SEGMENT = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i;

const SCHEMES = new Set(["http", "https", "ws", "wss"]);

/** The scheme of a target in absolute-form. */
function schemeOf(target: string): string | undefined {
  const scheme = target.slice(0, Math.max(target.indexOf("://"), 0)).toLowerCase();
  return SCHEMES.has(scheme) ? scheme : undefined;
}

/** The host of a request. HTTP/1.1 requires exactly one; HTTP/1.0 requires none (RFC 9112 §3.2). */
function readHost(fields: HeaderFields, version: string): string | undefined {
  const host = singleValue(fields, "Host");
  if (host === undefined && version === "HTTP/1.0") return undefined;
  if (host === undefined) throw badRequest("Header Host is missing");
  if (!isHost(host)) throw badRequest(`Header Host ${quote(host)} is not a host`);
  return host;
}

/**
 * `uri-host [ ":" port ]` (RFC 9110 §7.2). The URL parser checks what is between the delimiters, with a call that cannot throw
 * (CVE-2026-61666), so that `new URL(request.url)` cannot throw in an application either. Delimiters of other parts of a URL are
 * refused before that, and so is `%`: the URL parser would decode it, and two programs could then disagree about the host.
 */
function isHost(text: string): boolean {
  if (text === validHost) return true;
  const valid = !/[^0-9A-Za-z\-._~:[\]]/.test(text) && URL.canParse(`http://${text}/`);
  if (valid) validHost = text;
  return valid;
}

/** The last valid host, because most requests of a server have the same. */
let validHost: string | undefined;
