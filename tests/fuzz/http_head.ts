/** A head is parsed, or refused with a status, as by a naive parser, however it is cut and within its limits. */
import { assert, assertLessOrEqual, assertStrictEquals } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import {
  type HeadLimits,
  type RequestHead,
  RequestHeadParser,
  ResponseHeadParser,
} from "../../lib/handshake/http_head.ts";
import { toHeaders } from "../../lib/handshake/http_fields.ts";
import { readUpgradeRequest } from "../../lib/handshake/server_handshake.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import { bytesOf, randomText, textOf } from "../handshake/_support.ts";
import { below, type Random, randomBytes } from "../_support/random.ts";
import { type NaiveHead, naiveHead } from "./_naive_http_head.ts";
import { cuts, type FuzzTarget, fuzzTarget, mutateBytes, oneOf } from "./_target.ts";

/** What decides how a head is read. */
interface HeadOptions {
  kind: "request" | "response";
  limits: HeadLimits;
}

const TARGETS = [
  "/",
  "/chat?a=b",
  "*",
  "",
  "http://[::1]:80/",
  "wss://a",
  "HTTP://%/",
  "/a#b",
  "ftp://a/",
  "a:1",
  "/\x7f",
];
const STATUSES = ["101", "100", "103", "200", "404", "099", "600", "1e2", "+10", " 20", "99999"];
const FIELDS = [
  "Host: 127.0.0.1:8080",
  "Upgrade: websocket",
  "Connection: keep-alive, Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Protocol: a, b,a",
  'Sec-WebSocket-Extensions: permessage-deflate; x="y"',
  "Origin: null",
  "Content-Length: 0",
  "Transfer-Encoding: chunked",
  "Host:\t[",
  "__proto__: 1",
  "X-Empty:",
  " folded",
  "No colon",
  "Space : before",
  ": nameless",
  "X-Bytes: \x80\xff\xa0",
  "X-Control: a\0b\rc",
];

function randomHead(random: Random, kind: "request" | "response"): string {
  const version = oneOf(random, ["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.x", "http/1.1"]);
  const method = below(random, 4) === 0 ? oneOf(random, ["OPTIONS", "CONNECT", "PRI", "get", "G(T"]) : "GET";
  const target = below(random, 2) === 0 ? oneOf(random, TARGETS) : `/${randomText(random)}`;
  const line = kind === "request"
    ? `${method} ${target} ${version}`
    : `${version} ${oneOf(random, STATUSES)}${oneOf(random, ["", " ", " Switching Protocols", " \x01", "x"])}`;
  // Most heads of requests are a handshake with a little too much or too little in it.
  const handshake = kind === "request" && below(random, 2) === 0 ? FIELDS.slice(0, 5) : [];
  const more = Array.from(
    { length: below(random, 5) },
    () =>
      below(random, 2) === 0
        ? oneOf(random, FIELDS)
        : `${randomText(random)}:${randomText(random, " \tabc;,\xe9", 30)}`,
  );
  return [...below(random, 8) === 0 ? [""] : [], line, ...handshake, ...more, "", ""].join("\r\n");
}

/** What the parser says, as text, and how much it keeps; any other class of error is thrown again. */
function parsed({ kind, limits }: HeadOptions, chunks: Uint8Array<ArrayBuffer>[]): string {
  const parser = kind === "request" ? new RequestHeadParser(limits) : new ResponseHeadParser(limits);
  try {
    for (const [i, chunk] of chunks.entries()) {
      const head = parser.push(chunk);
      if (head === undefined) continue;
      const start = "method" in head
        ? [head.method, head.target, head.version]
        : [head.version, String(head.status), head.statusText];
      if ("method" in head) checkHandshake(head);
      toHeaders(head.fields); // as `connect` and `serve` do: whatever was let in fits
      assertLessOrEqual(head.fields.length, limits.maxHeaderCount);
      assertLessOrEqual([...start, ...head.fields.flat()].join("").length, limits.maxHeaderBytes);
      const rest = [parser.rest, ...chunks.slice(i + 1)].flatMap((bytes) => [...bytes]);
      return JSON.stringify([start, head.fields, rest.length, rest]);
    }
  } catch (error) {
    if (error instanceof HandshakeError) return `refused with ${error.status}`;
    throw error;
  }
  return "incomplete";
}

/** What reads the head refuses with its own statuses, and gives a URL that parses and fields that `Headers` takes. */
function checkHandshake(head: RequestHead): void {
  try {
    const { url, headers } = readUpgradeRequest(head);
    assertStrictEquals(new URL(url).hash, "");
    assert(headers.has("host"));
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
    assert([400, 405, 426].includes(error.status), `refused with ${error.status}`);
  }
}

function expectedOf(naive: NaiveHead, bytes: Uint8Array): string {
  if (naive === undefined) return "incomplete";
  if ("status" in naive) return `refused with ${naive.status}`;
  const rest = [...bytes.slice(naive.end)];
  return JSON.stringify([naive.start, naive.fields, rest.length, rest]);
}

/** The target. */
export const target: FuzzTarget = fuzzTarget<HeadOptions>({
  name: "http_head",
  make(random) {
    const kind = oneOf(random, ["request", "response"] as const);
    const tight = {
      maxHeaderBytes: 1 + below(random, 300),
      maxHeaderCount: 1 + below(random, 6),
      maxStartLineBytes: 1 + below(random, 40),
    };
    const interim = kind === "response" && below(random, 4) === 0 ? "HTTP/1.1 100 Continue\r\nA: b\r\n\r\n" : "";
    const text = interim + randomHead(random, kind) + textOf(randomBytes(random, below(random, 10)));
    const bytes = below(random, 16) === 0 ? randomBytes(random, below(random, 64)) : mutateBytes(random, bytesOf(text));
    return { bytes, options: { kind, limits: below(random, 3) === 0 ? tight : DEFAULT_LIMITS } };
  },
  check({ bytes, options }, random) {
    const expected = expectedOf(naiveHead(options.kind, bytes, options.limits), bytes);
    for (const { name, chunks } of cuts(bytes, random)) assertStrictEquals(parsed(options, chunks), expected, name);
  },
});
