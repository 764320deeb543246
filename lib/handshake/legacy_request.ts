/**
 * What a server needs to know about the drafts before RFC 6455. The entry point `./legacy` implements the drafts.
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

/** The drafts that a server speaks besides RFC 6455. Create them with `legacyDrafts()` of `./legacy`. */
export interface LegacyDrafts {
  /**
   * Reads a request.
   *
   * @param head The request's head.
   * @param options What the head does not contain.
   * @returns The request, or `undefined` if it uses none of these drafts and is handled as an RFC 6455 request.
   * @throws {HandshakeError} If it uses one of them and is malformed: 400 or 405.
   */
  read(head: RequestHead, options?: ReadUpgradeRequestOptions): LegacyRequest | undefined;
}

/** A client's checked request to open a connection in an old draft. */
export interface LegacyRequest extends UpgradeRequest {
  /** The draft. */
  readonly version: LegacyVersion;
  /** The URL for `WebSocket-Location`: the same as {@linkcode UpgradeRequest.url}. */
  readonly location: string;
  /** The number of bytes behind the head that belong to the handshake. `BodyReader` collects them. */
  readonly bodyBytes: 0 | 8;
  /** The framing; `undefined` if it is that of RFC 6455. */
  readonly framing: Framing | undefined;
  /**
   * Writes the response that opens the connection.
   *
   * @param body The {@linkcode LegacyRequest.bodyBytes} bytes behind the head.
   * @param options The server's choices.
   * @returns The bytes of the 101 response.
   * @throws {TypeError} If the body has another length, the subprotocol was not requested, an extension was not offered, or a
   *    header field is malformed or is set by the handshake itself.
   */
  answer(body: Uint8Array, options?: AcceptUpgradeOptions): Promise<Uint8Array<ArrayBuffer>>;
}
