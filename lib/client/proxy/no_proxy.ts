/**
 * `NO_PROXY`: the hosts to connect to without a proxy, in curl's format.
 *
 * @module
 */
import { parseAddress, parseRange } from "../../handshake/ip_address.ts";
import type { HostAndPort } from "../target.ts";

/**
 * Whether a host is on the list.
 *
 * Entries are separated by commas or spaces: a name, with or without a leading dot, which includes its subdomains; an IP address,
 * or a range such as `10.0.0.0/8`; any of them with a port, which then has to match; or `*`, for all hosts.
 *
 * @param noProxy The list.
 * @param to The host and the port.
 */
export function isExempt(noProxy: string, to: HostAndPort): boolean {
  const hostname = normalized(to.hostname);
  const address = parseAddress(hostname);
  return noProxy.toLowerCase().split(/[\s,]+/).filter((entry) => entry !== "").some((entry) => {
    if (entry === "*") return true;
    const { host, port } = splitPort(entry);
    if (port !== undefined && port !== String(to.port)) return false;
    // A name never matches an address: `1` must not match 192.0.2.1.
    if (address !== undefined) return parseRange(host)?.(address) ?? false;
    const name = normalized(host.startsWith(".") ? host.slice(1) : host);
    return name !== "" && (hostname === name || hostname.endsWith(`.${name}`));
  });
}

/** `host:port`, `[address]:port`, or either without the port. An IPv6 address without brackets has no port. */
function splitPort(entry: string): { host: string; port?: string } {
  if (entry.startsWith("[")) {
    const end = entry.indexOf("]");
    const port = entry.slice(end + 2);
    return { host: entry.slice(1, end), ...(port !== "" && { port }) };
  }
  const colon = entry.indexOf(":");
  if (colon < 0 || colon !== entry.lastIndexOf(":")) return { host: entry };
  return { host: entry.slice(0, colon), port: entry.slice(colon + 1) };
}

/** A name may end in a dot, for the root. */
function normalized(hostname: string): string {
  const name = hostname.toLowerCase();
  return name.endsWith(".") ? name.slice(0, -1) : name;
}
