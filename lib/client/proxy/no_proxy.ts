/**
 * `NO_PROXY`: the hosts that are connected to without a proxy, in the form that curl reads.
 *
 * @module
 */
import { parseAddress, parseRange } from "../../handshake/ip_address.ts";
import type { HostAndPort } from "../target.ts";

/**
 * Whether a host is on the list.
 *
 * Entries are separated by commas or spaces: a name, which stands for the names below it too, with or without a dot in front; an
 * IP address, or a range such as `10.0.0.0/8`; any of them with a port, which then has to be the same; or `*`, for all hosts.
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
    // An address is never a name: `1` must not match 192.0.2.1.
    if (address !== undefined) return parseRange(host)?.(address) ?? false;
    const name = normalized(host.startsWith(".") ? host.slice(1) : host);
    return name !== "" && (hostname === name || hostname.endsWith(`.${name}`));
  });
}

/** `host:port`, `[address]:port`, or either without the port. An IPv6 address with no brackets has no port. */
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

/** A name may end in the dot of the root. */
function normalized(hostname: string): string {
  const name = hostname.toLowerCase();
  return name.endsWith(".") ? name.slice(0, -1) : name;
}
