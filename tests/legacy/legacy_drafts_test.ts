import { assertEquals } from "@std/assert";
import type { RequestHead } from "../../lib/handshake/http_head.ts";
import { readUpgradeRequest } from "../../lib/handshake/server_handshake.ts";
import { legacyDrafts, readLegacyRequest } from "../../lib/legacy/legacy_drafts.ts";
import { assertRefuses, requestHead } from "../handshake/_support.ts";
import { hixie75Head, hixie76Head, hybiHead } from "./_support.ts";

const HEADS = { "hixie-75": hixie75Head(), "hixie-76": hixie76Head(), 7: hybiHead("7"), 8: hybiHead("8") };
const ALL = [7, 8, "hixie-75", "hixie-76"];

/** The drafts among {@linkcode HEADS} that a reader takes. */
const taken = (read: (head: RequestHead) => { version: unknown } | undefined) =>
  Object.values(HEADS).map((head) => read(head)?.version).filter((version) => version !== undefined);

Deno.test("a request's draft is recognized by its version and its keys", () => {
  assertEquals(taken(readLegacyRequest), ALL);
});

Deno.test("a request in no draft is handled as RFC 6455's", () => {
  const heads = [
    requestHead("GET / HTTP/1.1", "Host: a.test"),
    requestHead("GET / HTTP/1.0", "Upgrade: WebSocket", "Connection: Upgrade", "Origin: null"),
    ...["13", "0", "6", "9", "14", "07", "7, 8", ""].map((version) => hybiHead(version)),
    hybiHead("7", "Sec-WebSocket-Version: 8"),
    hybiHead("13", "Sec-WebSocket-Key1: 1 2", "Sec-WebSocket-Key2: 1 2"),
    hixie75Head("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
  ];
  for (const head of heads) assertEquals(readLegacyRequest(head), undefined);
});

Deno.test("one of the two keys means hixie-76 with a missing key", () => {
  assertRefuses(() => readLegacyRequest(hixie75Head("Sec-WebSocket-Key1: 1 2")), 400, "Sec-WebSocket-Key2 is missing");
  assertRefuses(() => readLegacyRequest(hixie75Head("Sec-WebSocket-Key2: 1 2")), 400, "Sec-WebSocket-Key1 is missing");
});

Deno.test("X11: a server speaks only the drafts that it enables; hixie-75, which proves nothing, only by name", () => {
  assertEquals(taken((head) => legacyDrafts().read(head)), [7, 8, "hixie-76"]);
  const off = { hixie75: false, hixie76: false, hybi: false };
  assertEquals(taken((head) => legacyDrafts(off).read(head)), []);
  assertEquals(taken((head) => legacyDrafts({ ...off, hixie75: true }).read(head)), ["hixie-75"]);
  assertEquals(taken((head) => legacyDrafts({ ...off, hixie76: true }).read(head)), ["hixie-76"]);
  assertEquals(taken((head) => legacyDrafts({ ...off, hybi: true }).read(head)), [7, 8]);
});

Deno.test("X11: if a draft is off, its request is refused like any unsupported version (H9), and gets no 101", () => {
  for (const head of Object.values(HEADS)) {
    const error = assertRefuses(() => readUpgradeRequest(head), 426);
    assertEquals(error.headers.get("Sec-WebSocket-Version"), "13");
  }
});

Deno.test("values that are not in the head reach every draft", () => {
  const drafts = legacyDrafts({ hixie75: true });
  for (const head of Object.values(HEADS)) {
    for (const read of [readLegacyRequest, drafts.read]) {
      assertEquals(read(head, { secure: true })?.url.slice(0, 6), "wss://");
    }
  }
});
