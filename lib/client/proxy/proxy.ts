/**
 * Which proxy a connection goes through: the one that was named, or the one that the environment names.
 *
 * @module
 */
import { percentDecode, quoteUrl, withoutCredentials } from "../../handshake/client_handshake.ts";
import { applicationFields, type HeaderFields, quote } from "../../handshake/http_fields.ts";
import { type HostAndPort, hostAndPort, type Target, withoutBrackets } from "../target.ts";
import { isExempt } from "./no_proxy.ts";

/** A proxy to connect through. */
export interface ProxyOptions {
  /**
   * The proxy's URL: `http://`, `https://` (with TLS to the proxy), `socks5://` or `socks5h://`, with `user:password@` if it
   * needs credentials. A SOCKS proxy always resolves the host name itself.
   */
  url: string | URL;
  /** More header fields for the CONNECT request, such as `Proxy-Authorization`. A SOCKS proxy gets none. */
  headers?: HeadersInit;
}

/** A proxy, as it is spoken to. */
export interface Proxy extends HostAndPort {
  /** Its protocol: CONNECT of HTTP, or SOCKS5. */
  readonly protocol: "http" | "socks5";
  /** Whether TLS is spoken to it. */
  readonly secure: boolean;
  /** Who we are, for it to check; `""` where nothing was given. As in the URL: percent-encoded. */
  readonly username: string;
  readonly password: string;
  /** More fields of the CONNECT request, names in lower case. */
  readonly headers: HeaderFields;
  /** What may be shown: its URL without credentials. */
  readonly href: string;
}

/** Each scheme, and the port where the URL has none: HTTP's own, and SOCKS's (RFC 1928 §3). */
const SCHEMES: Readonly<Record<string, { protocol: Proxy["protocol"]; secure: boolean; port: number }>> = {
  "http:": { protocol: "http", secure: false, port: 80 },
  "https:": { protocol: "http", secure: true, port: 443 },
  "socks5:": { protocol: "socks5", secure: false, port: 1080 },
  "socks5h:": { protocol: "socks5", secure: false, port: 1080 },
};

/** RFC 1929 §2 has one byte for each length. */
const MOST_CREDENTIAL_BYTES = 255;

/**
 * Reads what names a proxy.
 *
 * @param given The URL, or the URL with header fields. Where the scheme is missing, `host:port`, it is http.
 * @returns The proxy.
 * @throws {DOMException} `SyntaxError` if the URL does not parse or has another scheme.
 * @throws {TypeError} If a header field is malformed or the handshake's own, or SOCKS cannot carry the credentials.
 */
export function parseProxy(given: string | URL | ProxyOptions): Proxy {
  const { url, headers } = typeof given === "string" || given instanceof URL ? { url: given } : given;
  const text = String(url).includes("://") ? String(url) : `http://${url}`;
  const bad = (why: string) => new DOMException(`Cannot use proxy ${quoteUrl(text)}: ${why}`, "SyntaxError");
  if (!URL.canParse(text)) throw bad("it is no URL");
  const parsed = new URL(text);
  const { hostname, port, username, password } = parsed;
  const scheme = SCHEMES[parsed.protocol];
  if (scheme === undefined) throw bad(`its scheme is ${quote(parsed.protocol)}, not http, https, socks5 or socks5h`);
  if (hostname === "") throw bad("it has no host");
  if (scheme.protocol === "socks5") {
    for (const credential of [username, password]) {
      const { length } = new TextEncoder().encode(percentDecode(credential));
      if (length > MOST_CREDENTIAL_BYTES) {
        throw new TypeError(`Cannot use proxy credentials of ${length} bytes: the limit is ${MOST_CREDENTIAL_BYTES}`);
      }
    }
  }
  return {
    ...scheme,
    hostname: withoutBrackets(hostname),
    port: port === "" ? scheme.port : Number(port),
    username,
    password,
    headers: applicationFields(headers),
    href: withoutCredentials(parsed),
  };
}

/** Reads a variable of the environment. */
export type Environment = (name: string) => string | undefined;

/**
 * Decides which proxy each handshake goes through. With `"env"` the environment is read for each: a redirect may lead to a host of
 * `NO_PROXY`.
 *
 * @param given What `connect` was given.
 * @param first Where the first handshake goes.
 * @param env Reads the environment; called for `"env"` alone.
 * @returns The proxy for a handshake, `undefined` for none. A Unix socket is connected to without one.
 * @throws {DOMException} `SyntaxError` if what was given names no proxy.
 * @throws {TypeError} If a proxy was given for a Unix socket.
 */
export function chooseProxy(
  given: "env" | string | URL | ProxyOptions | undefined,
  first: Target,
  env: Environment,
): (target: Target) => Proxy | undefined {
  if (given === undefined) return () => undefined;
  if (given === "env") {
    return ({ url, path }) =>
      path === undefined ? environmentProxy({ ...hostAndPort(url), secure: url.protocol === "wss:" }, env) : undefined;
  }
  const proxy = parseProxy(given);
  if (first.path !== undefined) throw new TypeError("Cannot use a proxy to connect to a Unix socket");
  return () => proxy;
}

/**
 * The proxy that the environment names for a host: `HTTPS_PROXY` for wss, `HTTP_PROXY` for ws, or else `ALL_PROXY`, unless
 * `NO_PROXY` lists the host. Names in lower case come first, as curl and Python have it; an empty value counts for nothing.
 *
 * @param to The host and the port, and whether TLS is spoken to it.
 * @param env Reads the environment.
 * @returns The proxy, or `undefined` for none.
 * @throws {DOMException} `SyntaxError` if the variable holds no proxy.
 */
export function environmentProxy(
  to: HostAndPort & { readonly secure: boolean },
  env: Environment,
): Proxy | undefined {
  const read = (name: string) => env(name) || env(name.toUpperCase()) || undefined;
  // CGI puts a request's header field Proxy into HTTP_PROXY (CVE-2016-5385): there, only the name in lower case is ours.
  const plain = () => env("http_proxy") || (env("REQUEST_METHOD") === undefined ? env("HTTP_PROXY") : undefined);
  const url = (to.secure ? read("https_proxy") : plain()) || read("all_proxy");
  if (url === undefined || isExempt(read("no_proxy") ?? "", to)) return undefined;
  return parseProxy(url);
}
