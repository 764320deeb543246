/**
 * Detects the draft of a request, and chooses the drafts that a server speaks.
 *
 * @module
 */
import { fieldValues } from "../handshake/http_fields.ts";
import type { RequestHead } from "../handshake/http_head.ts";
import type { LegacyDrafts, LegacyRequest } from "../handshake/legacy_request.ts";
import { isUpgradeRequest, type LegacyVersion, type ReadUpgradeRequestOptions } from "../handshake/server_handshake.ts";
import { FLAG, type OptionKinds } from "../option_kinds.ts";
import { checkOptions } from "../options.ts";
import { readHixie75, readHixie76 } from "./hixie_handshake.ts";
import { readHybi } from "./hybi_handshake.ts";

/** The drafts that a server speaks. */
export interface LegacyDraftsOptions {
  /**
   * Whether to speak Hixie-75. It has no key, so every request without one is accepted, and neither side can be sure that the
   * other meant to speak WebSocket. mod_pywebsocket also disables it by default.
   * @default {false}
   */
  hixie75?: boolean;
  /** Whether to speak Hixie-76, which is HyBi-00. @default {true} */
  hixie76?: boolean;
  /** Whether to speak the HyBi drafts 07 to 12. Their frames are masked as in RFC 6455. @default {true} */
  hybi?: boolean;
}

/** The types of {@linkcode LegacyDraftsOptions}. */
export const LEGACY_DRAFTS_OPTION_KINDS: OptionKinds<LegacyDraftsOptions> = {
  hixie75: FLAG,
  hixie76: FLAG,
  hybi: FLAG,
};

/**
 * Chooses the drafts that a server speaks.
 *
 * @example A handshake of 2010
 * ```ts
 * import { BodyReader, legacyDrafts } from "@sluice/websocket/legacy";
 * import { RequestHeadParser } from "@sluice/websocket/handshake";
 * import { DEFAULT_LIMITS } from "@sluice/websocket";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const parser = new RequestHeadParser(DEFAULT_LIMITS);
 * const head = parser.push(new TextEncoder().encode([
 *   "GET /demo HTTP/1.1",
 *   "Host: example.com",
 *   "Connection: Upgrade",
 *   "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00",
 *   "Upgrade: WebSocket",
 *   "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5",
 *   "Origin: http://example.com",
 *   "",
 *   "^n:ds[4U",
 * ].join("\r\n")));
 * assert(head);
 *
 * const request = legacyDrafts().read(head);
 * assert(request);
 * const body = new BodyReader(request.bodyBytes).push(parser.rest);
 * assert(body);
 * const answer = await request.answer(body);
 * assertEquals(new TextDecoder().decode(answer).split("\r\n").at(-1), "8jKS'y:G*Co,Wxa-");
 * ```
 *
 * @example A server for clients of 2010
 * ```ts
 * import { serve } from "@sluice/websocket";
 * import { legacyDrafts } from "@sluice/websocket/legacy";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0, hostname: "127.0.0.1", origins: ["http://example.com"], legacy: legacyDrafts() }, {
 *   message: (socket, data) => void socket.send(data),
 * });
 *
 * const client = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(server.url).port) });
 * await client.write(new TextEncoder().encode([
 *   "GET /demo HTTP/1.1",
 *   "Host: example.com",
 *   "Connection: Upgrade",
 *   "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00",
 *   "Upgrade: WebSocket",
 *   "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5",
 *   "Origin: http://example.com",
 *   "",
 *   "^n:ds[4U",
 * ].join("\r\n")));
 * const answer = new Uint8Array(1024);
 * const length = await client.read(answer) ?? 0;
 * assertEquals(new TextDecoder().decode(answer.subarray(0, length)).split("\r\n").at(-1), "8jKS'y:G*Co,Wxa-");
 * client.close();
 * ```
 *
 * @param options The drafts.
 * @returns The drafts, for the option `legacy` of a server.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 */
export function legacyDrafts(options: LegacyDraftsOptions = {}): LegacyDrafts {
  checkOptions("legacyDrafts()", options, LEGACY_DRAFTS_OPTION_KINDS);
  const { hixie75 = false, hixie76 = true, hybi = true } = options;
  const spoken = { "hixie-75": hixie75, "hixie-76": hixie76, 7: hybi, 8: hybi };
  return {
    read(head, options) {
      const version = versionOf(head);
      return version !== undefined && spoken[version] ? readVersion(head, version, options) : undefined;
    },
  };
}

/**
 * Reads a request in any of the drafts.
 *
 * @param head The request's head.
 * @param options What the head does not contain.
 * @returns The request, or `undefined` if it uses none of the drafts and is handled as an RFC 6455 request.
 * @throws {HandshakeError} If it uses one of them and is malformed: 400 or 405.
 */
export function readLegacyRequest(head: RequestHead, options?: ReadUpgradeRequestOptions): LegacyRequest | undefined {
  const version = versionOf(head);
  return version === undefined ? undefined : readVersion(head, version, options);
}

function readVersion(head: RequestHead, version: LegacyVersion, options?: ReadUpgradeRequestOptions): LegacyRequest {
  if (version === "hixie-75") return readHixie75(head, options);
  if (version === "hixie-76") return readHixie76(head, options);
  return readHybi(head, version, options);
}

/**
 * Returns the draft of a WebSocket request. A version or one key means RFC 6455 or HyBi, two keys mean hixie-76, no key means
 * hixie-75.
 */
function versionOf(head: RequestHead): LegacyVersion | undefined {
  if (!isUpgradeRequest(head)) return undefined;
  const has = (name: string) => fieldValues(head.fields, name).length > 0;
  if (has("sec-websocket-version") || has("sec-websocket-key")) {
    const version = fieldValues(head.fields, "sec-websocket-version").join();
    return version === "7" ? 7 : version === "8" ? 8 : undefined;
  }
  return has("sec-websocket-key1") || has("sec-websocket-key2") ? "hixie-76" : "hixie-75";
}
