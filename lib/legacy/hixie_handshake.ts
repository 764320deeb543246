/**
 * The server's side of the opening handshakes of draft-hixie-thewebsocketprotocol-75 and -76.
 *
 * @module
 */
import { createHash } from "node:crypto";
import {
  applicationFields,
  badRequest,
  fieldValues,
  type HeaderFields,
  quote,
  singleValue,
} from "../handshake/http_fields.ts";
import { type RequestHead, serializeResponseHead } from "../handshake/http_head.ts";
import type { LegacyRequest } from "../handshake/legacy_request.ts";
import { requireRequested } from "../handshake/subprotocol.ts";
import type { AcceptUpgradeOptions, ReadUpgradeRequestOptions } from "../handshake/server_handshake.ts";
import type { Framing } from "../pipeline/frames/framing.ts";
import { HixieParser } from "./hixie_parser.ts";
import { serializeHixieFrame } from "./hixie_serializer.ts";
import { type HixieVersion, readTranslated } from "./translated_request.ts";

/** The number of bytes that a hixie-76 client sends behind its head (§5.1). */
const KEY3_BYTES = 8;

const NOTHING = new Uint8Array(0);

/** How a draft writes its response. */
interface AnswerStyle {
  /** The reason phrase. Clients of hixie-75 compare the whole line, and the next two. */
  readonly reason: string;
  /** The prefix of its fields. */
  readonly prefix: "" | "Sec-";
}

const STYLES: Readonly<Record<HixieVersion, AnswerStyle>> = {
  "hixie-75": { reason: "Web Socket Protocol Handshake", prefix: "" },
  "hixie-76": { reason: "WebSocket Protocol Handshake", prefix: "Sec-" },
};

/**
 * Reads a request of hixie-75 (§4.2). It has no keys, and therefore no proof that this is a WebSocket server.
 *
 * @param head The request's head.
 * @param options What the head does not contain.
 * @returns The request.
 * @throws {HandshakeError} 400 or 405.
 */
export function readHixie75(head: RequestHead, options: ReadUpgradeRequestOptions = {}): LegacyRequest {
  return readHixie(head, "hixie-75", { ...options, bodyBytes: 0, prove: () => NOTHING });
}

/**
 * Reads a request of hixie-76, which is HyBi-00 (§5.1): two keys in the head and a third behind it.
 *
 * @param head The request's head.
 * @param options What the head does not contain.
 * @returns The request.
 * @throws {HandshakeError} 400 or 405; 400 also if a key has no digit, no space or no quotient below 2^32.
 */
export function readHixie76(head: RequestHead, options: ReadUpgradeRequestOptions = {}): LegacyRequest {
  const { fields } = head;
  // HyBi-01 to -03 have the numbers 1 and 2 here, and use another framing.
  const draft = fieldValues(fields, "sec-websocket-draft").find((value) => value !== "0");
  if (draft !== undefined) throw badRequest(`Header Sec-WebSocket-Draft ${quote(draft)} is not 0`);
  const key1 = readKeyNumber(fields, "Sec-WebSocket-Key1");
  const key2 = readKeyNumber(fields, "Sec-WebSocket-Key2");
  return readHixie(head, "hixie-76", {
    ...options,
    bodyBytes: KEY3_BYTES,
    prove: (key3) => answerChallenge(key1, key2, key3),
  });
}

/** What differs between the two drafts, besides {@linkcode STYLES}. */
interface HixieOptions extends ReadUpgradeRequestOptions {
  readonly bodyBytes: 0 | 8;
  /** Returns the bytes behind the response's head. */
  prove(body: Uint8Array): Uint8Array;
}

function readHixie(head: RequestHead, version: HixieVersion, options: HixieOptions): LegacyRequest {
  const { bodyBytes, prove } = options;
  const request = readTranslated(head, translate(head.fields, version), options);
  const { origin, url } = request;
  // In both drafts the server repeats it.
  if (origin === undefined) throw badRequest("Header Origin is missing");
  return {
    ...request,
    version,
    key: "",
    location: url,
    bodyBytes,
    framing: hixieFraming(version),
    answer: (body, options = {}) =>
      new Promise((resolve) => {
        if (body.length !== bodyBytes) {
          throw new TypeError(`Cannot answer ${version} with a body of ${body.length} bytes: it has ${bodyBytes}`);
        }
        const answer = serializeAnswer(version, { origin, url, protocols: request.protocols }, options);
        const proof = prove(body);
        const bytes = new Uint8Array(answer.length + proof.length);
        bytes.set(answer);
        bytes.set(proof, answer.length);
        resolve(bytes);
      }),
  };
}

/** Translates the fields to RFC 6455. The drafts have no extensions, and nothing reads the two placeholders. */
function translate(fields: HeaderFields, version: HixieVersion): HeaderFields {
  const protocol = `${STYLES[version].prefix}WebSocket-Protocol`.toLowerCase();
  return [
    ...fields.filter(([name]) => !name.startsWith("sec-websocket-")),
    ...fieldValues(fields, protocol).map((value) => ["sec-websocket-protocol", value] as const),
    ["sec-websocket-version", "13"],
    ["sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA=="],
  ];
}

function hixieFraming(version: HixieVersion): Framing {
  return {
    hasCloseFrame: version === "hixie-76",
    createParser: (limits) => new HixieParser({ ...limits, version }),
    serialize: (frame) => serializeHixieFrame(frame, version),
  };
}

/** Writes the response's head (hixie-75 §4.2, hixie-76 §5.2). Clients of hixie-75 require the first three lines in this order. */
function serializeAnswer(
  version: HixieVersion,
  request: { readonly origin: string; readonly url: string; readonly protocols: readonly string[] },
  { protocol = "", extensions = "", headers }: AcceptUpgradeOptions,
): Uint8Array<ArrayBuffer> {
  const { reason, prefix } = STYLES[version];
  const fields: [string, string][] = [
    ["Upgrade", "WebSocket"],
    ["Connection", "Upgrade"],
    [`${prefix}WebSocket-Origin`, request.origin],
    [`${prefix}WebSocket-Location`, request.url],
  ];
  if (protocol !== "") {
    requireRequested(protocol, request.protocols);
    fields.push([`${prefix}WebSocket-Protocol`, protocol]);
  }
  if (extensions !== "") throw new TypeError(`Cannot accept extension ${quote(extensions)}: ${version} has none`);
  const more = applicationFields(headers);
  for (const [name] of more) {
    if (name.startsWith("websocket-")) {
      throw new TypeError(`Cannot set header ${quote(name)}: the handshake sets it`);
    }
  }
  return serializeResponseHead({
    version: "HTTP/1.1",
    status: 101,
    statusText: reason,
    fields: [...fields, ...more],
  });
}

/** Hixie-76 §5.2, steps 4 to 7: the number formed by a key's digits, divided by the number of its spaces. */
function readKeyNumber(fields: HeaderFields, name: string): number {
  const key = singleValue(fields, name);
  if (key === undefined) throw badRequest(`Header ${name} is missing`);
  let digits = 0;
  let number = 0;
  let spaces = 0;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    if (code === 0x20) {
      spaces++;
    } else if (code >= 0x30 && code <= 0x39) {
      digits++;
      number = 10 * number + code - 0x30;
    }
  }
  if (digits === 0) throw badRequest(`Header ${name} ${quote(key)} has no digit`);
  if (spaces === 0) throw badRequest(`Header ${name} ${quote(key)} has no space`);
  // Checked before the remainder: what passes is below 2^53, so the numbers are exact.
  if (number / spaces >= 2 ** 32) throw badRequest(`Header ${name} ${quote(key)} is more than 32 bits`);
  if (number % spaces !== 0) throw badRequest(`Header ${name} ${quote(key)} is not a multiple of its ${spaces} spaces`);
  return number / spaces;
}

/** Hixie-76 §5.2, steps 8 and 9: the MD5 of both numbers, big-endian, and the third key. */
function answerChallenge(key1: number, key2: number, key3: Uint8Array): Uint8Array {
  const challenge = new Uint8Array(8 + KEY3_BYTES);
  const view = new DataView(challenge.buffer);
  view.setUint32(0, key1);
  view.setUint32(4, key2);
  challenge.set(key3, 8);
  return createHash("md5").update(challenge).digest();
}
