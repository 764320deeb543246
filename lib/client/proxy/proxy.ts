/**
 * Chooses the proxy of a connection: from the options or from the environment.
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

/** A proxy in the form that is used to connect. */
export interface Proxy extends HostAndPort {
  /** Its protocol: HTTP CONNECT or SOCKS5. */
  readonly protocol: "http" | "socks5";
  /** Whether the connection to it uses TLS. */
  readonly secure: boolean;
  /** The user name, percent-encoded as in the URL; `""` if none was given. */
  readonly username: string;
  readonly password: string;
  /** More header fields of the CONNECT request, with names in lower case. */
  readonly headers: HeaderFields;
  /** Its URL without credentials, which may be shown. */
  readonly href: string;
}

/** The default port of each scheme: those of HTTP, and that of SOCKS (RFC 1928 §3). */
const SCHEMES: Readonly<Record<string, { protocol: Proxy["protocol"]; secure: boolean; port: number }>> = {
  "http:": { protocol: "http", secure: false, port: 80 },
  "https:": { protocol: "http", secure: true, port: 443 },
  "socks5:": { protocol: "socks5", secure: false, port: 1080 },
  "socks5h:": { protocol: "socks5", secure: false, port: 1080 },
};

/** RFC 1929 §2 uses one byte for each length. */
const MOST_CREDENTIAL_BYTES = 255;

/**
 * Parses the option `proxy`.
 *
 * @param given The URL, or the URL with header fields. If the scheme is missing (`host:port`), it is http.
 * @returns The proxy.
 * @throws {DOMException} `SyntaxError` if the URL does not parse or has another scheme.
 * @throws {TypeError} If a header field is malformed or set by the handshake itself, or if the credentials are too long for
 *   SOCKS.
 */
export function parseProxy(given: string | URL | ProxyOptions): Proxy {
  const { url, headers } = typeof given === "string" || given instanceof URL ? { url: given } : given;
  const text = String(url).includes("://") ? String(url) : `http://${url}`;
  const bad = (why: string) => new DOMException(`Cannot use proxy ${quoteUrl(text)}: ${why}`, "SyntaxError");
  if (!URL.canParse(text)) throw bad("it is not a URL");
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

/** Reads an environment variable. */
export type Environment = (name: string) => string | undefined;

/**
 * Chooses the proxy of each handshake. With `"env"` the environment is read each time, because a redirect may lead to a host of
 * `NO_PROXY`.
 *
 * @param given The option `proxy` of `connect`.
 * @param first The target of the first handshake.
 * @param env Reads the environment; called for `"env"` only.
 * @returns The proxy for a handshake, or `undefined`, as for a Unix socket.
 * @throws {DOMException} `SyntaxError` if the option does not name a proxy.
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
 * `NO_PROXY` lists the host. Names in lower case take precedence, as in curl and Python; an empty value is ignored.
 *
 * @param to The host and the port, and whether it uses TLS.
 * @param env Reads the environment.
 * @returns The proxy, or `undefined` for none.
 * @throws {DOMException} `SyntaxError` if the variable is not the URL of a proxy.
 */
export function environmentProxy(
  to: HostAndPort & { readonly secure: boolean },
  env: Environment,
): Proxy | undefined {
  const read = (name: string) => env(name) || env(name.toUpperCase()) || undefined;
  // CGI puts a request's header field Proxy into HTTP_PROXY (CVE-2016-5385), so there only the name in lower case is read.
  const plain = () => env("http_proxy") || (env("REQUEST_METHOD") === undefined ? env("HTTP_PROXY") : undefined);
  const url = (to.secure ? read("https_proxy") : plain()) || read("all_proxy");
  if (url === undefined || isExempt(read("no_proxy") ?? "", to)) return undefined;
  return parseProxy(url);
}
