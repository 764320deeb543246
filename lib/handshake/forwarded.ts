/**
 * Whom a reverse proxy speaks for: `X-Forwarded-For` and `X-Forwarded-Proto`, believed only from proxies that one names.
 * Anybody may send these fields, so what a stranger says in them counts for nothing.
 *
 * @module
 */
import { type HeaderFields, isAlphanumeric, listValues, quote } from "./http_fields.ts";

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
   * The client of a request that a trusted proxy passed on: the last entry of `X-Forwarded-For` that is no trusted proxy itself,
   * since each proxy adds at the end whom it heard. Where an entry is no IP address, it is the proxy that passed it on.
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
    const address = parseAddress(hostname);
    return address !== undefined && ranges.some((matches) => matches(address.bytes));
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

/** An IP address as bytes and in its usual form. */
interface IpAddress {
  readonly bytes: readonly number[];
  readonly text: string;
}

function compileRange(entry: string): (bytes: readonly number[]) => boolean {
  const [text = "", size, ...more] = entry.split("/");
  const address = parseAddress(text);
  const most = 8 * (address?.bytes.length ?? 0);
  const bits = size === undefined ? most : parseDecimal(size, most);
  if (address === undefined || bits === undefined || more.length > 0) {
    throw new TypeError(`Cannot trust proxy ${quote(entry)}: it is no IP address, no range of them and not "unix"`);
  }
  return (bytes) => bytes.length === address.bytes.length && samePrefix(bytes, address.bytes, bits);
}

function samePrefix(a: readonly number[], b: readonly number[], bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  return bits % 8 === 0 || (a[whole]! ^ b[whole]!) >> (8 - bits % 8) === 0;
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

/** An IPv4 address within IPv6 (RFC 4291 §2.5.5.2), as a socket that listens on both has it, is that IPv4 address. */
function parseAddress(text: string): IpAddress | undefined {
  if (!text.includes(":")) return parseIpv4(text);
  const bytes = parseIpv6(text);
  if (bytes === undefined) return undefined;
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  if (mapped) return parseIpv4(bytes.slice(12).join("."));
  return { bytes, text: canonicalIpv6(text) };
}

/** Four decimal numbers. The URL parser would take `127.1` and `0x7f.1` too, and two parties would disagree. */
function parseIpv4(text: string): IpAddress | undefined {
  const bytes = text.split(".").map((part) => parseDecimal(part, 255) ?? NaN);
  return bytes.length === 4 && !bytes.some(Number.isNaN) ? { bytes, text: bytes.join(".") } : undefined;
}

function parseIpv6(text: string): number[] | undefined {
  for (let i = 0; i < text.length; i++) {
    if (!isAlphanumeric(text.charCodeAt(i)) && text[i] !== ":" && text[i] !== ".") return undefined;
  }
  if (!URL.canParse(`http://[${text}]/`)) return undefined;
  const [head = "", tail] = canonicalIpv6(text).split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":").map((group) => parseInt(group, 16));
  const [left, right] = [groups(head), groups(tail ?? "")];
  const zeros = new Array<number>(8 - left.length - right.length).fill(0);
  return [...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 255]);
}

/** RFC 5952, but for addresses with an IPv4 address in them. */
function canonicalIpv6(text: string): string {
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

/** A decimal number with no sign and no leading zero. */
function parseDecimal(text: string, most: number): number | undefined {
  const value = Number(text);
  return String(value) === text && Number.isInteger(value) && value >= 0 && value <= most ? value : undefined;
}
