/**
 * The client behind a reverse proxy: `X-Forwarded-For` and `X-Forwarded-Proto`. Any client can send these fields, so they are
 * only used in requests from the proxies in `proxies`.
 *
 * @module
 */
import { type HeaderFields, listValues, quote } from "./http_fields.ts";
import { type AddressRange, parseAddress, parseDecimal, parseRange } from "./ip_address.ts";

/** The client's address, as reported by a proxy. */
export interface Forwarded {
  /** The client's IP address, in canonical form. */
  readonly hostname: string;
  /** The client's port; 0 if the proxy did not report it. */
  readonly port: number;
}

/** Decides which peers are trusted proxies. */
export interface ProxyPolicy {
  /** Whether a peer with this IP address, or without one, is a trusted proxy. */
  trusts(hostname: string | undefined): boolean;
  /**
   * Returns the client of a request from a trusted proxy: the last entry of `X-Forwarded-For` that is not a trusted proxy itself,
   * because each proxy appends the address of its client. If that entry is not an IP address, the client is the proxy that wrote
   * it.
   *
   * @returns `undefined` if the field is missing or its last entry is not an IP address.
   */
  client(fields: HeaderFields): Forwarded | undefined;
}

/**
 * Compiles a list of proxies. A mistake in the list is thus found when the server starts.
 *
 * @param proxies IP addresses (`127.0.0.1`, `::1`), ranges (`10.0.0.0/8`), or `unix` for peers without an IP address.
 * @returns The policy.
 * @throws {TypeError} If an entry is none of these.
 */
export function compileProxies(proxies: readonly string[]): ProxyPolicy {
  const ranges = proxies.filter((entry) => entry !== "unix").map(compileRange);
  const unix = proxies.includes("unix");
  const trusts = (hostname: string | undefined) => {
    if (hostname === undefined) return unix;
    if (ranges.length === 0) return false;
    const address = parseAddress(hostname);
    return address !== undefined && ranges.some((has) => has(address));
  };
  return {
    trusts,
    client(fields) {
      let client: Forwarded | undefined;
      for (const entry of listValues(fields, "x-forwarded-for").reverse()) {
        const node = parseNode(entry);
        if (node === undefined) break;
        client = node;
        if (!trusts(node.hostname)) break;
      }
      return client;
    },
  };
}

/**
 * Whether the connection between client and proxy is encrypted, according to the last `X-Forwarded-Proto`, which the nearest
 * proxy wrote.
 *
 * @returns `undefined` if the field does not say so.
 */
export function forwardedSecure(fields: HeaderFields): boolean | undefined {
  const scheme = listValues(fields, "x-forwarded-proto").at(-1)?.toLowerCase();
  if (scheme === "https" || scheme === "wss") return true;
  return scheme === "http" || scheme === "ws" ? false : undefined;
}

function compileRange(entry: string): AddressRange {
  const range = parseRange(entry);
  if (range === undefined) {
    throw new TypeError(
      `Cannot trust proxy ${quote(entry)}: it must be an IP address, a range such as 10.0.0.0/8, or "unix"`,
    );
  }
  return range;
}

/**
 * Parses an entry of `X-Forwarded-For`: an address, which some proxies write with a port (`192.0.2.1:5000`,
 * `[2001:db8::1]:5000`).
 */
function parseNode(text: string): Forwarded | undefined {
  const bracket = text.startsWith("[") ? text.indexOf("]") : -1;
  const colon = text.lastIndexOf(":");
  const [host, rest] = bracket > 0
    ? [text.slice(1, bracket), text.slice(bracket + 1)]
    : colon === text.indexOf(":") && colon > 0
    ? [text.slice(0, colon), text.slice(colon)]
    : [text, ""];
  const address = parseAddress(host);
  const port = rest === "" ? 0 : rest.startsWith(":") ? parseDecimal(rest.slice(1), 65_535) : undefined;
  return address === undefined || port === undefined ? undefined : { hostname: address.text, port };
}
