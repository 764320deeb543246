/**
 * IP addresses and ranges as text.
 *
 * @module
 */
/** An IP address as bytes and in canonical form. */
export interface IpAddress {
  /** Four or sixteen bytes. */
  readonly bytes: readonly number[];
  /** The canonical form (RFC 5952 for IPv6). */
  readonly text: string;
}

/** Whether an address is in a range. */
export type AddressRange = (address: IpAddress) => boolean;

/**
 * Parses an address, or a range such as `10.0.0.0/8`.
 *
 * @returns `undefined` if the text is neither.
 */
export function parseRange(range: string): AddressRange | undefined {
  const [text = "", size, ...more] = range.split("/");
  const start = parseAddress(text);
  const most = 8 * (start?.bytes.length ?? 0);
  const bits = size === undefined ? most : parseDecimal(size, most);
  if (start === undefined || bits === undefined || more.length > 0) return undefined;
  return ({ bytes }) => bytes.length === start.bytes.length && samePrefix(bytes, start.bytes, bits);
}

function samePrefix(a: readonly number[], b: readonly number[], bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  return bits % 8 === 0 || (a[whole]! ^ b[whole]!) >> (8 - bits % 8) === 0;
}

/**
 * Parses an address. An IPv4 address inside an IPv6 address (RFC 4291 §2.5.5.2), as dual-stack sockets report it, becomes that
 * IPv4 address.
 *
 * @returns `undefined` if the text is not an address.
 */
export function parseAddress(text: string): IpAddress | undefined {
  if (!text.includes(":")) return parseIpv4(text);
  const bytes = parseIpv6(text);
  if (bytes === undefined) return undefined;
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  if (mapped) return parseIpv4(bytes.slice(12).join("."));
  return { bytes, text: canonicalIpv6(text) };
}

/** Four decimal numbers. The URL parser would also accept `127.1` and `0x7f.1`, and two programs could then disagree. */
function parseIpv4(text: string): IpAddress | undefined {
  const bytes = text.split(".").map((part) => parseDecimal(part, 255) ?? NaN);
  return bytes.length === 4 && !bytes.some(Number.isNaN) ? { bytes, text: bytes.join(".") } : undefined;
}

function parseIpv6(text: string): number[] | undefined {
  if (/[^0-9A-Za-z:.]/.test(text) || !URL.canParse(`http://[${text}]/`)) return undefined;
  const [head = "", tail] = canonicalIpv6(text).split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":").map((group) => parseInt(group, 16));
  const [left, right] = [groups(head), groups(tail ?? "")];
  const zeros = new Array<number>(8 - left.length - right.length).fill(0);
  return [...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 255]);
}

/** RFC 5952, except for addresses that contain an IPv4 address. */
function canonicalIpv6(text: string): string {
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

/** Parses a decimal number up to `most`, without a sign or leading zeros. */
export function parseDecimal(text: string, most: number): number | undefined {
  const value = Number(text);
  return String(value) === text && Number.isInteger(value) && value >= 0 && value <= most ? value : undefined;
}
