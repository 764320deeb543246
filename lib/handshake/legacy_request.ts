/**
 * What a server needs to know of the drafts before RFC 6455. The drafts themselves are an entry point of their own, `./legacy`.
 *
 * @module
 */
import type { Framing } from "../pipeline/frames/framing.ts";
import type { RequestHead } from "./http_head.ts";
import type {
  AcceptUpgradeOptions,
  LegacyVersion,
  ReadUpgradeRequestOptions,
  UpgradeRequest,
} from "./server_handshake.ts";

/** The drafts that a server speaks besides RFC 6455: `legacyDrafts()` of `./legacy` makes them. */
export interface LegacyDrafts {
  /**
   * Reads a request.
   *
   * @param head The request's head.
   * @param options What the head cannot tell.
   * @returns The request, or `undefined` where it is in none of these drafts and goes on as RFC 6455's.
   * @throws {HandshakeError} If it is in one of them and malformed: 400 or 405.
   */
  read(head: RequestHead, options?: ReadUpgradeRequestOptions): LegacyRequest | undefined;
}

/** A client's request to open a connection in an old draft, checked. */
export interface LegacyRequest extends UpgradeRequest {
  /** The draft. */
  readonly version: LegacyVersion;
  /** The URL as `WebSocket-Location` gives it back: the same as {@linkcode UpgradeRequest.url}. */
  readonly location: string;
  /** How many bytes behind the head belong to the handshake. `BodyReader` collects them. */
  readonly bodyBytes: 0 | 8;
  /** The frames; `undefined` where they are RFC 6455's. */
  readonly framing: Framing | undefined;
  /**
   * Writes the answer that opens the connection.
   *
   * @param body The {@linkcode LegacyRequest.bodyBytes} bytes behind the head.
   * @param options What the server chose.
   * @returns The bytes of the 101 response.
   * @throws {TypeError} If the body has another length, the subprotocol was not requested, an extension was not offered, or a
   * header field is malformed or the handshake's own.
   */
  answer(body: Uint8Array, options?: AcceptUpgradeOptions): Promise<Uint8Array<ArrayBuffer>>;
}
