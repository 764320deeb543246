/**
 * What the old drafts have in common: a request that is read by RFC 6455's rules and answered in the draft's words.
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

/** The `Sec-WebSocket-Version` of the HyBi drafts with RFC 6455's frames. */
export type HybiVersion = Extract<LegacyVersion, number>;

/**
 * Reads a request whose fields were put into RFC 6455's words, so that method, host, body, origin and subprotocols have one set
 * of rules.
 *
 * @param head The request as it came.
 * @param fields Its fields as RFC 6455 would have them.
 * @param options What the head cannot tell.
 * @returns The request, with the fields as they came.
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
