/**
 * Requests that the tests of the old drafts share.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { RequestHead } from "../../lib/handshake/http_head.ts";
import type { LegacyVersion } from "../../lib/handshake/server_handshake.ts";
import { utf8 } from "../_support/frames.ts";
import { ACCEPT, KEY, type RawPeer } from "../_support/raw_peer.ts";
import { bytesOf, changedFields, type FieldChange, requestHead, textOf } from "../handshake/_support.ts";

const crlf = (...lines: string[]) => lines.join("\r\n");

/** The request line of rpz.websocket's documentation, and its fields for hixie-75 and hixie-76 in their order. */
const DEMO = "GET /demo HTTP/1.1";
const HIXIE_75 = ["Host: example.com", "Connection: Upgrade", "Upgrade: WebSocket", "Origin: http://example.com"];
const HIXIE_76 = [
  "Host: example.com",
  "Connection: Upgrade",
  "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00",
  "Sec-WebSocket-Protocol: sample",
  "Upgrade: WebSocket",
  "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5",
  "Origin: http://example.com",
];

/** That request for hixie-76, without what some names say and with more lines. */
export function hixie76Head({ start = DEMO, ...change }: FieldChange & { start?: string } = {}): RequestHead {
  return requestHead(start, ...changedFields(HIXIE_76, change));
}

/** What rpz.websocket's documentation has behind that head. */
export const KEY3 = "^n:ds[4U";

/** That request for hixie-75, with more lines. */
export function hixie75Head(...more: string[]): RequestHead {
  return requestHead(DEMO, ...HIXIE_75, ...more);
}

/** The request of draft-ietf-hybi-thewebsocketprotocol-07 §1.2, with a version and more lines. */
export function hybiHead(version: string, ...more: string[]): RequestHead {
  return requestHead(
    "GET /chat HTTP/1.1",
    "Host: server.example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol: chat, superchat",
    `Sec-WebSocket-Version: ${version}`,
    ...more,
  );
}

/** The bytes of one opening handshake. */
export interface Exchange {
  readonly request: string;
  readonly answer: string;
}

/** RFC 6455's request of §1.3 under the version of a HyBi draft, with the field that named the origin then. */
const hybi = (version: string): Exchange => ({
  request: crlf(
    DEMO,
    "Host: example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${KEY}`,
    "Sec-WebSocket-Origin: http://example.com",
    "Sec-WebSocket-Protocol: sample",
    `Sec-WebSocket-Version: ${version}`,
    "\r\n",
  ),
  answer: crlf(
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${ACCEPT}`,
    "Sec-WebSocket-Protocol: sample",
    "\r\n",
  ),
});

/** What clients send and get where the subprotocol `sample` is spoken: the hixie exchanges are rpz.websocket's. */
export const EXCHANGES: Readonly<Record<LegacyVersion, Exchange>> = {
  "hixie-75": {
    request: crlf(DEMO, ...HIXIE_75, "\r\n"),
    // The documentation has hixie-76's "WebSocket" in the first line; draft-hixie-thewebsocketprotocol-75 has these bytes.
    answer: crlf(
      "HTTP/1.1 101 Web Socket Protocol Handshake",
      "Upgrade: WebSocket",
      "Connection: Upgrade",
      "WebSocket-Origin: http://example.com",
      "WebSocket-Location: ws://example.com/demo",
      "\r\n",
    ),
  },
  "hixie-76": {
    request: crlf(DEMO, ...HIXIE_76, "", KEY3),
    answer: crlf(
      "HTTP/1.1 101 WebSocket Protocol Handshake",
      "Upgrade: WebSocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Origin: http://example.com",
      "Sec-WebSocket-Location: ws://example.com/demo",
      "Sec-WebSocket-Protocol: sample",
      "",
      "8jKS'y:G*Co,Wxa-",
    ),
  },
  7: hybi("7"),
  8: hybi("8"),
};

/** The drafts, as {@linkcode EXCHANGES} has them. */
export const VERSIONS: readonly LegacyVersion[] = [7, 8, "hixie-75", "hixie-76"];

/** A text message as the hixie drafts frame it. */
export const delimited = (text: string): Uint8Array => Uint8Array.of(0x00, ...utf8(text), 0xff);

/** Reads as many bytes as `expected` has and asserts that they are the same. */
export async function expectBytes(peer: RawPeer, expected: Uint8Array | string): Promise<void> {
  const bytes = typeof expected === "string" ? bytesOf(expected) : expected;
  assertEquals(textOf(await peer.readBytes(bytes.length)), textOf(bytes));
}

/** Shakes hands as a client of a draft, byte by byte as {@linkcode EXCHANGES} has it. */
export async function shakeHands(peer: RawPeer, version: LegacyVersion): Promise<void> {
  const { request, answer } = EXCHANGES[version];
  await peer.send(bytesOf(request));
  await expectBytes(peer, answer);
}
