/**
 * The target of a URL: a host or a Unix socket.
 *
 * @module
 */
import { parseWebSocketUrl, percentDecode, quoteUrl, withoutCredentials } from "../handshake/client_handshake.ts";
import { quote } from "../handshake/http_fields.ts";

/** The target of a handshake. */
export interface Target {
  /** The URL of the request, with ws or wss and with its credentials. Its host is `localhost` for a `ws+unix:` URL. */
  readonly url: URL;
  /** The path of a Unix socket to connect to instead of the URL's host. */
  readonly path?: string;
  /** The URL without its credentials, which may be shown. */
  readonly href: string;
}

/** A host and a port to connect to. */
export interface HostAndPort {
  /** A name, or an IP address without brackets. */
  readonly hostname: string;
  readonly port: number;
}

/**
 * Reads a URL.
 *
 * @param url An absolute URL: ws, wss, http or https, or `ws+unix:/path/of/socket:/resource?query` or `wss+unix:`, as npm's ws
 *   writes them. A `:` in the socket's path is written `%3A`.
 * @param path The path of a Unix socket to connect to instead.
 * @returns The target.
 * @throws {DOMException} `SyntaxError` if it is none of these or has a fragment.
 * @throws {TypeError} If the URL and `path` both name a Unix socket.
 */
export function parseTarget(url: string | URL, path?: string): Target {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const unix = parsed?.protocol === "ws+unix:" || parsed?.protocol === "wss+unix:" ? parseUnixUrl(parsed) : undefined;
  if (unix !== undefined) {
    if (path === undefined) return unix;
    throw new TypeError(`Cannot use path ${quote(path)} together with ${quoteUrl(url)}: both name a Unix socket`);
  }
  const target = parseWebSocketUrl(url);
  return { url: target, href: withoutCredentials(target), ...(path !== undefined && { path }) };
}

/** The host and the port of a ws or wss URL. */
export function hostAndPort(url: URL): HostAndPort {
  const { hostname, port, protocol } = url;
  return { hostname: withoutBrackets(hostname), port: port === "" ? (protocol === "wss:" ? 443 : 80) : Number(port) };
}

/** Removes the brackets that a URL has around an IPv6 address. */
export function withoutBrackets(hostname: string): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}

/** Returns `host:port`, with brackets if the host is an IPv6 address. */
export function authority({ hostname, port }: HostAndPort): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

function parseUnixUrl(given: URL): Required<Target> {
  const { protocol, host, pathname, search, href } = given;
  const bad = (why: string) => new DOMException(`Cannot use URL ${quoteUrl(given)}: ${why}`, "SyntaxError");
  if (href.includes("#")) throw bad("it has a fragment");
  if (host !== "") throw bad("it has a host, where the path of a Unix socket begins with a slash");
  if (!pathname.startsWith("/")) throw bad("the path of a Unix socket must begin with a slash");
  const end = pathname.indexOf(":");
  const url = new URL(protocol === "ws+unix:" ? "ws://localhost/" : "wss://localhost/");
  url.pathname = end < 0 ? "/" : pathname.slice(end + 1);
  url.search = search;
  return { url, path: percentDecode(end < 0 ? pathname : pathname.slice(0, end)), href };
}
