/**
 * The drafts before RFC 6455, for clients that cannot be changed: hixie-75, hixie-76 (HyBi-00) and HyBi 07 to 12. Servers only.
 * No server imports this folder: delete it and the option `legacy` to remove the drafts.
 *
 * The drafts are off by default. Hixie clients do not mask what they send, so a page can write chosen bytes through a proxy that
 * takes them for HTTP, and poison its cache for all users behind it (Huang, Chen, Barth, Rescorla, Jackson, "Talking to Yourself
 * for Fun and Profit", 2011). Browsers dropped the drafts for that reason; do not serve them on a path with a shared proxy. While
 * the drafts are off, a request in one of them is refused like any other without `Sec-WebSocket-Version: 13`, and gets no 101.
 *
 * ```text
 *              request                        answer                          frames          closing
 * hixie-75     no keys                        WebSocket-Origin, -Location     00 text FF      none
 * hixie-76     Key1, Key2, 8 bytes behind     the same as Sec-, 16 of MD5     00 text FF      FF 00
 * HyBi 07-12   Version: 7 or 8, Key           RFC 6455                        RFC 6455        RFC 6455
 * ```
 *
 * The connection is the same as any other, but a hixie connection has text messages only: `send` of binary data rejects with a
 * `TypeError`, `ping` with a `NotSupportedError`, and keepalive is off. `close` cannot send its code and reason, and `closed`
 * reports 1005. Hixie-75 has no closing handshake: the end of the connection between two frames is a clean close.
 *
 * @module
 */
export { BodyReader } from "../handshake/http_body.ts";
export type { LegacyDrafts, LegacyRequest } from "../handshake/legacy_request.ts";
export type { LegacyVersion } from "../handshake/server_handshake.ts";
export { HixieParser, type HixieParserOptions } from "./hixie_parser.ts";
export { serializeHixieFrame } from "./hixie_serializer.ts";
export { legacyDrafts, type LegacyDraftsOptions, readLegacyRequest } from "./legacy_drafts.ts";
export type { HixieVersion, HybiVersion } from "./translated_request.ts";
