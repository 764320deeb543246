/**
 * Checks which origins may connect (RFC 6455 §10.2). With every WebSocket, a browser sends the `Origin` of the page (RFC 6454)
 * and your site's cookies. Without a check, any page that a user visits may act as that user (cross-site WebSocket hijacking).
 *
 * @module
 */
import { HandshakeError } from "../errors.ts";
import { allows, logError } from "../log_error.ts";
import { type Kind, kind, shown } from "../option_kinds.ts";
import { quote } from "./http_fields.ts";

/**
 * Which origins may connect:
 *
 * - `"any"`: all of them. This is safe only if nothing depends on who the user is.
 * - an origin, or a list of them, as browsers write them, such as `https://example.com` or `http://localhost:8080`.
 *   `https://*.example.com` matches every name below `example.com`, but not `example.com` itself. `"null"`, the origin of
 *   sandboxed frames and local files, matches only if it is listed.
 * - a function that is called with the `Origin`, or `undefined` if there is none, and returns `true` to accept it.
 *
 * With a list, and by default, a request without `Origin` is accepted, because it does not come from a browser.
 */
export type OriginPolicy = string | readonly string[] | ((origin: string | undefined) => boolean);

/** {@linkcode OriginPolicy} as a type of option. */
export const ORIGINS: Kind = kind(
  '"any", an origin, a list of origins, or a function',
  (value) => typeof value === "function" || typeof value === "string" || Array.isArray(value),
);

/** The two facts of a request that a policy checks. */
export interface OriginRequest {
  /** The value of `Origin`, or `undefined` if there is none. */
  readonly origin: string | undefined;
  /** The host and port that the request is for. */
  readonly host: string;
}

/**
 * Compiles a policy. A mistake in it is thus found when the server starts.
 *
 * @example Pages of one site, whatever the subdomain
 * ```ts
 * import { compileOriginPolicy } from "@sluice/websocket/handshake";
 * import { assertThrows } from "@std/assert";
 *
 * const check = compileOriginPolicy(["https://example.com", "https://*.example.com"]);
 * check({ origin: "https://www.example.com", host: "chat.example.com" });
 * assertThrows(() => check({ origin: "https://example.com.evil.test", host: "chat.example.com" }));
 * ```
 *
 * @param policy The policy. By default an `Origin` must have the host and port of the request. The scheme is not compared,
 *    because a proxy may have terminated TLS. A name that an attacker made to resolve to this server passes (DNS rebinding), so
 *    list the origins of a server that trusts its network.
 * @returns A check that throws {@linkcode HandshakeError} 403 for a request that it refuses.
 * @throws {TypeError} If the list has an entry that no `Origin` could match.
 */
export function compileOriginPolicy(policy?: OriginPolicy): (request: OriginRequest) => void {
  const accepts = compile(policy);
  return (request) => {
    if (accepts(request)) return;
    const who = request.origin === undefined ? "A request without an origin" : `Origin ${quote(request.origin)}`;
    throw new HandshakeError(`${who} is not allowed`, { status: 403 });
  };
}

function compile(policy: OriginPolicy | undefined): (request: OriginRequest) => boolean {
  if (policy !== undefined) ORIGINS.check(policy, "origins");
  if (policy === undefined) return ({ origin, host }) => origin === undefined || isSameHost(origin, host);
  if (policy === "any") return () => true;
  if (typeof policy === "function") return ({ origin }) => allows(policy(origin), logError);
  const matchers = (typeof policy === "string" ? [policy] : policy).map(compileEntry);
  return ({ origin }) => origin === undefined || matchers.some((matches) => matches(origin));
}

function compileEntry(entry: string): (origin: string) => boolean {
  if (typeof entry !== "string") throw new TypeError(`Cannot allow origin ${shown(entry)}: it must be a string`);
  if (entry === "*" || entry === "any") {
    throw new TypeError(`Cannot allow origin ${quote(entry)}: write origins: "any" to accept all`);
  }
  const [scheme, authority] = splitOrigin(entry);
  const wildcard = authority.startsWith("*.");
  const name = wildcard ? authority.slice(2) : authority;
  if (entry !== "null" && !isSerializedOrigin(`${scheme}://${name}`)) {
    const near = URL.canParse(entry) ? new URL(entry).origin : "null";
    const hint = near === "null" ? "such as https://example.com" : `which would be ${quote(near)}`;
    throw new TypeError(`Cannot allow origin ${quote(entry)}: it is not an origin as a browser writes it, ${hint}`);
  }
  if (!wildcard) return (origin) => origin === entry;

  const prefix = `${scheme}://`;
  const suffix = `.${name}`;
  return (origin) =>
    origin.startsWith(prefix) && origin.endsWith(suffix) &&
    isLabels(origin.slice(prefix.length, origin.length - suffix.length));
}

/**
 * RFC 6454 §6.2 as browsers implement it: lower case, no default port, no path. Apps and browser extensions have their own
 * schemes (`capacitor://localhost`, `file://`); no page has ws or wss.
 */
export function isSerializedOrigin(text: string): boolean {
  const [scheme, authority] = splitOrigin(text);
  if (authority.includes("*") || scheme === "ws" || scheme === "wss") return false;
  if (DEFAULT_PORTS.has(scheme)) return URL.canParse(text) && new URL(text).origin === text;
  return isLabels(scheme) && (authority === "" || isLabels(authority));
}

/** One or more names in lower case, separated by dots. */
function isLabels(text: string): boolean {
  return text.split(".").every((label) => label !== "" && !/[^a-z0-9_-]/.test(label));
}

/** The ports that an origin omits, but some clients write in `Host`. */
const DEFAULT_PORTS = new Map([["http", ":80"], ["https", ":443"]]);

/** Whether a web page has the host and port of the request. Texts are compared, so an invalid `Host` cannot throw. */
function isSameHost(origin: string, host: string): boolean {
  const [scheme, authority] = splitOrigin(origin.toLowerCase());
  const port = DEFAULT_PORTS.get(scheme);
  if (port === undefined || authority === "") return false;
  const withoutPort = (text: string) => text.endsWith(port) ? text.slice(0, -port.length) : text;
  return withoutPort(authority) === withoutPort(host.toLowerCase());
}

/** Splits an origin into the scheme and what follows `://`. Both are empty if there is no scheme. */
function splitOrigin(origin: string): [scheme: string, authority: string] {
  const at = origin.indexOf("://");
  return at < 0 ? ["", ""] : [origin.slice(0, at), origin.slice(at + 3)];
}
