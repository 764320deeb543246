/**
 * The HyBi drafts 07 to 12, `Sec-WebSocket-Version` 7 and 8. They equal RFC 6455 except for the number and, up to draft 10, the
 * name `Sec-WebSocket-Origin`. Firefox 6 to 10 and Chrome 14 and 15 speak them.
 *
 * @module
 */
import type { RequestHead } from "../handshake/http_head.ts";
import type { LegacyRequest } from "../handshake/legacy_request.ts";
import { acceptUpgrade, type ReadUpgradeRequestOptions } from "../handshake/server_handshake.ts";
import { type HybiVersion, readTranslated } from "./translated_request.ts";

/**
 * Reads a request of the HyBi drafts 07 to 12.
 *
 * @param head The request's head. Its `Sec-WebSocket-Version` is `version`.
 * @param version The version.
 * @param options What the head does not contain.
 * @returns The request. Its frames are those of RFC 6455.
 * @throws {HandshakeError} 400 or 405, as for RFC 6455. A request with both names of the origin counts as one with two origins.
 */
export function readHybi(
  head: RequestHead,
  version: HybiVersion,
  options: ReadUpgradeRequestOptions = {},
): LegacyRequest {
  const fields = head.fields.map(([name, value]): [string, string] => {
    if (name === "sec-websocket-version") return [name, "13"];
    return [name === "sec-websocket-origin" ? "origin" : name, value];
  });
  const request = readTranslated(head, fields, options);
  return {
    ...request,
    version,
    location: request.url,
    bodyBytes: 0,
    framing: undefined,
    answer: (_body, options) => acceptUpgrade(request, options),
  };
}
