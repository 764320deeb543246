/**
 * The opening handshake (RFC 6455 §4) without a network: the requests and responses of both sides, as values and as bytes.
 *
 * @example Both sides of a handshake
 * ```ts
 * import {
 *   acceptUpgrade,
 *   checkUpgradeResponse,
 *   createUpgradeRequest,
 *   parseWebSocketUrl,
 *   readUpgradeRequest,
 *   RequestHeadParser,
 *   ResponseHeadParser,
 * } from "@sluice/websocket/handshake";
 * import { DEFAULT_LIMITS } from "@sluice/websocket";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const url = parseWebSocketUrl("ws://example.com/chat");
 * const { bytes, key } = createUpgradeRequest({ url, protocols: ["chat"] });
 *
 * const head = new RequestHeadParser(DEFAULT_LIMITS).push(bytes);
 * assert(head);
 * const answer = await acceptUpgrade(readUpgradeRequest(head), { protocol: "chat" });
 *
 * const response = new ResponseHeadParser(DEFAULT_LIMITS).push(answer);
 * assert(response);
 * assertEquals((await checkUpgradeResponse(response, { key, protocols: ["chat"] })).protocol, "chat");
 * ```
 *
 * @module
 */
export { acceptKey, createKey, GUID, isKey } from "./accept_key.ts";
export {
  checkUpgradeResponse,
  type CheckUpgradeResponseOptions,
  type CreatedUpgradeRequest,
  createUpgradeRequest,
  type CreateUpgradeRequestOptions,
  parseWebSocketUrl,
  type UpgradeAgreement,
} from "./client_handshake.ts";
export {
  acceptUpgrade,
  type AcceptUpgradeOptions,
  isUpgradeRequest,
  type LegacyVersion,
  readUpgradeRequest,
  type ReadUpgradeRequestOptions,
  type UpgradeRequest,
} from "./server_handshake.ts";
export type { LegacyDrafts, LegacyRequest } from "./legacy_request.ts";
export { type FinalResponseHead, refusal, serializeResponse, type SerializeResponseOptions } from "./http_response.ts";
export {
  type HeaderSection,
  type HeadFault,
  type HeadGrammar,
  type HeadLimits,
  type HeadParser,
  type RequestHead,
  RequestHeadParser,
  type RequestLine,
  type ResponseHead,
  ResponseHeadParser,
  serializeRequestHead,
  serializeResponseHead,
  type StatusLine,
} from "./http_head.ts";
export { fieldValues, hasToken, type HeaderFields, listValues, type Refuse } from "./http_fields.ts";
export { type ExtensionOffer, type ExtensionParam, parseExtensions, serializeExtensions } from "./extension_header.ts";
export { compileOriginPolicy, type OriginPolicy, type OriginRequest } from "./origin.ts";
export { chooseSubprotocol } from "./subprotocol.ts";
