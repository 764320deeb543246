/**
 * What the old drafts share: a request is checked by the rules of RFC 6455, and the response is written in the draft's terms.
 *
 * @module
 */
import { type HeaderFields, toHeaders } from "../handshake/http_fields.ts";
import type { RequestHead } from "../handshake/http_head.ts";
import {
  type LegacyVersion,
  readUpgradeRequest,
  type ReadUpgradeRequestOptions,
  type UpgradeRequest,
} from "../handshake/server_handshake.ts";

/** The drafts with delimited frames. */
export type HixieVersion = Extract<LegacyVersion, string>;

/** The `Sec-WebSocket-Version` of the HyBi drafts that use the frames of RFC 6455. */
export type HybiVersion = Extract<LegacyVersion, number>;

/**
 * Reads a request whose fields were translated to RFC 6455, so that method, host, body, origin and subprotocols have one set of
 * rules.
 *
 * @param head The request as it arrived.
 * @param fields Its fields, translated to RFC 6455.
 * @param options What the head does not contain.
 * @returns The request, with the fields as they arrived.
 * @throws {HandshakeError} As `readUpgradeRequest`.
 */
export function readTranslated(
  head: RequestHead,
  fields: HeaderFields,
  options: ReadUpgradeRequestOptions,
): UpgradeRequest {
  const request = readUpgradeRequest({ ...head, fields }, options);
  return { ...request, fields: head.fields, headers: toHeaders(head.fields) };
}
