/**
 * The head of an HTTP/1.1 message from all of its bytes at once, by regular expressions: the oracle for the two parsers.
 *
 * @module
 */
import type { HeadLimits } from "../../lib/handshake/http_head.ts";

/** What there is to read in some bytes. */
export type NaiveHead =
  /** A head, and where it ends. */
  | { start: string[]; fields: [name: string, value: string][]; end: number }
  /** The status of the refusal. */
  | { status: number }
  /** More bytes are needed. */
  | undefined;

const REQUEST_LINE = /^([-!#$%&'*+.^_`|~0-9A-Za-z]+) ([^ ]*) (HTTP\/[0-9]\.[0-9])$/;
const STATUS_LINE = /^(HTTP\/1\.[0-9]) ([1-5][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const FIELD_LINE = /^([-!#$%&'*+.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)$/;

const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

const trim = (text: string) => text.replace(/^[ \t]+/, "").replace(/[ \t]+$/, "");

/** Whether a request may have a target: origin-form, absolute-form, or what only CONNECT and OPTIONS have. */
function targetIsRight(method: string, target: string): boolean {
  if (!/^[\x21\x22\x24-\x7e]+$/.test(target)) return false; // visible, and no "#"
  return /^\/|^(https?|wss?):\/\//i.test(target) || method === "CONNECT" || (method === "OPTIONS" && target === "*");
}

/** Reads one head. A server refuses with 400, 414, 431 or 505; a client with the status that it has read, or 0. */
export function naiveHead(kind: "request" | "response", bytes: Uint8Array, limits: HeadLimits): NaiveHead {
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  let start: string[] | undefined;
  let fields: [string, string][] = [];
  const refuse = (status: number) => ({ status: kind === "request" ? status : Number(start?.[1] ?? 0) });
  for (let at = 0; at < text.length;) {
    const lineFeed = text.indexOf("\n", at);
    const ends = lineFeed !== -1;
    const end = ends ? lineFeed + 1 : text.length;
    // What has no end yet takes at least one byte more.
    const needed = end - at + (ends ? 0 : 1);
    if (start === undefined && needed > limits.maxStartLineBytes + 2) return refuse(414);
    if (at + needed > limits.maxHeaderBytes) return refuse(start === undefined ? 414 : 431);
    if (!ends) return undefined;
    if (!text.slice(at, end).endsWith("\r\n")) return refuse(400);
    const line = text.slice(at, end - 2);
    at = end;

    if (start === undefined) {
      if (line === "" && kind === "request") continue;
      const parts = (kind === "request" ? REQUEST_LINE : STATUS_LINE).exec(line);
      if (parts === null) return refuse(400);
      const [method, target, version] = parts.slice(1);
      if (kind === "request" && !version!.startsWith("HTTP/1.")) return refuse(505);
      if (kind === "request" && !targetIsRight(method!, target!)) return refuse(400);
      start = parts.slice(1).map((part) => part ?? "");
    } else if (/^[ \t]/.test(line)) {
      // A folded line goes on with the field before it; only a client reads such (RFC 9112 §5.2).
      const field = fields.at(-1);
      if (kind === "request" || field === undefined || !VALUE.test(line)) return refuse(400);
      field[1] = trim(`${field[1]} ${trim(line)}`);
    } else if (line !== "") {
      if (fields.length === limits.maxHeaderCount) return refuse(431);
      const parts = FIELD_LINE.exec(line);
      if (parts === null) return refuse(400);
      fields.push([parts[1]!.toLowerCase(), trim(parts[2]!)]);
    } else if (kind === "response" && start[1]!.startsWith("1") && start[1] !== "101") {
      start = undefined;
      fields = [];
    } else {
      return { start, fields, end };
    }
  }
  return undefined;
}
