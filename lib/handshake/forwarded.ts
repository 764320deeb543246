/**
 * The client behind a reverse proxy: `X-Forwarded-For` and `X-Forwarded-Proto`, used only from the proxies in `proxies`.
 * Anybody may send these fields, so what a stranger says in them counts for nothing.
 *
 * @module
 */
import { type HeaderFields, listValues, quote } from "./http_fields.ts";
import { type AddressRange, parseAddress, parseDecimal, parseRange } from "./ip_address.ts";

/** What a proxy says of its client. */
export interface Forwarded {
  /** The client's IP address, in its usual form. */
  readonly hostname: string;
  /** The client's port; 0 where it was not said. */
  readonly port: number;
}

/** Which peers are proxies. */
export interface ProxyPolicy {
  /** Whether a peer with this IP address, or with none, is a proxy that is believed. */
  trusts(hostname: string | undefined): boolean;
  /**
   * The client of a request from a trusted proxy: the last entry of `X-Forwarded-For` that is not a trusted proxy itself, because
   * each proxy appends the address of its client. If that entry is not an IP address, it is the proxy that wrote it.
   *
   * @returns `undefined` where the field is missing, or its last entry is no IP address.
   */
  client(fields: HeaderFields): Forwarded | undefined;
}

/**
 * Compiles a list of proxies, so that a mistake in it is found when the server starts.
 *
 * @param proxies IP addresses (`127.0.0.1`, `::1`), ranges of them (`10.0.0.0/8`), or `unix` for peers that have no IP address.
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
 * Whether the client's side of a proxy is encrypted, by the last `X-Forwarded-Proto`, which is the nearest proxy's.
 *
 * @returns `undefined` where it is not said.
 */
export function forwardedSecure(fields: HeaderFields): boolean | undefined {
  const scheme = listValues(fields, "x-forwarded-proto").at(-1)?.toLowerCase();
  if (scheme === "https" || scheme === "wss") return true;
  return scheme === "http" || scheme === "ws" ? false : undefined;
}

function compileRange(entry: string): AddressRange {
  const range = parseRange(entry);
  if (range === undefined) {
    throw new TypeError(`Cannot trust proxy ${quote(entry)}: it is no IP address, no range of them and not "unix"`);
  }
  return range;
}

/** An entry of `X-Forwarded-For`: an address, and from some proxies a port (`192.0.2.1:5000`, `[2001:db8::1]:5000`). */
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
