/**
 * The route to a server: its target, TLS and the proxy. Options that exclude each other are an error of the caller.
 *
 * @module
 */
import type { ConnectOptions } from "./client_options.ts";
import { dialer, pickTlsOptions } from "./dial.ts";
import type { TlsOptions } from "./dialer.ts";
import { chooseProxy, type Proxy } from "./proxy/proxy.ts";
import { parseTarget, type Target } from "./target.ts";

/** The route of the first handshake. */
export interface Route {
  /** The target. */
  readonly target: Target;
  /** The TLS options for the target. */
  readonly tls: TlsOptions;
  /** Returns the proxy for a target, because a redirect may lead to another one. */
  readonly proxyFor: (target: Target) => Proxy | undefined;
}

/** The options that decide about the route. */
export type RouteOptions = Pick<ConnectOptions, "conn" | "path" | "proxy" | keyof TlsOptions>;

/** The options that have no effect on a connection that the application opened itself. `"env"` names a proxy only if it is needed. */
const UNUSED_WITH_CONN = ["path", "proxy", "caCerts", "cert", "key", "alpnProtocols", "serverName"] as const;

/**
 * Reads the URL and the options that decide about the route.
 *
 * @param url The URL, as for `connect`.
 * @param options The options of `connect`.
 * @returns The route.
 * @throws {DOMException} `SyntaxError` for an invalid URL or proxy.
 * @throws {TypeError} If two of `conn`, `path`, a `ws+unix:` URL and `proxy` are given, for TLS options together with `conn`, and
 *    for `cert` without `key`.
 */
export function routeOf(url: string | URL, options: RouteOptions): Route {
  const target = parseTarget(url, options.path);
  if (options.conn !== undefined) {
    const unused = UNUSED_WITH_CONN.find((name) => options[name] !== undefined && options[name] !== "env");
    if (unused !== undefined) {
      throw new TypeError(`Cannot use ${unused} together with conn: the connection is open already, so leave one out`);
    }
    if (target.path !== undefined) {
      throw new TypeError("Cannot use a ws+unix URL together with conn: the connection is open already");
    }
  }
  return { target, tls: pickTlsOptions(options), proxyFor: chooseProxy(options.proxy, target, dialer.env) };
}
