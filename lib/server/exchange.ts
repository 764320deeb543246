/**
 * An exchange of HTTP, a request and its answer, as the acceptance of a WebSocket sees it: whatever version brings it has this.
 *
 * @module
 */
import { ConnectionError } from "../errors.ts";
import { BodyReader } from "../handshake/body_reader.ts";
import type { HeaderFields } from "../handshake/http_fields.ts";
import { type HeadLimits, type RequestHead, RequestHeadParser } from "../handshake/http_head.ts";
import { type FinalResponse, serializeResponse } from "../handshake/http_response.ts";
import type { LegacyDrafts, LegacyRequest } from "../handshake/legacy_request.ts";
import {
  acceptUpgrade,
  type AcceptUpgradeOptions,
  isUpgradeRequest,
  readUpgradeRequest,
  type UpgradeRequest,
} from "../handshake/server_handshake.ts";
import { GrowingBuffer } from "../pipeline/bytes/growing_buffer.ts";
import type { Framing } from "../pipeline/frames/framing.ts";
import { answerAndEnd, precededBy, readHead, writeHead } from "../pipeline/sockets/opening.ts";
import { type ByteConnection, type BytePair, type Transport, transportOf } from "../pipeline/sockets/transport.ts";
import type { Address } from "../pipeline/sockets/websocket_connection.ts";

/** What is left of an exchange that opened a WebSocket, or whose request is for somebody else. */
export interface Exchanged {
  /** What carries the bytes. */
  readonly transport: Transport;
  /** What was read of it already. */
  readonly first: Uint8Array<ArrayBuffer>;
  /** How frames are written, where that is not RFC 6455 §5.2. */
  readonly framing?: Framing | undefined;
}

/** One exchange. Its methods are called in their order, each at most once; `refuse` and `drop` at any time. */
export interface Exchange {
  /** The peer's address, where the transport has one. */
  readonly remoteAddr: Address | undefined;
  /** Our address, where the transport has one. */
  readonly localAddr: Address | undefined;
  /** Whether the conversation is encrypted, as far as the connection shows it. */
  readonly secure: boolean;
  /** Reads the request's head, and gives its header fields. */
  readHead(): Promise<HeaderFields>;
  /** Gives the exchange away, where the request is an ordinary one and the server has somebody who answers such. */
  ordinary(): Exchanged | undefined;
  /** Checks the request. Throws `HandshakeError`. */
  readRequest(options: { secure: boolean }): UpgradeRequest;
  /** Reads what belongs to the request behind its head. */
  readBody(): Promise<void>;
  /** Writes the answer that opens the connection. */
  accept(choice: AcceptUpgradeOptions): Promise<Exchanged>;
  /** Writes another answer, and ends. It never rejects. */
  refuse(response: FinalResponse): Promise<void>;
  /** Ends at once. */
  drop(): void;
}

/** What an exchange in HTTP/1.1 depends on. */
export interface Http1Options {
  /** The caps of the request's head. */
  readonly limits: HeadLimits;
  /** The drafts before RFC 6455 that are spoken as well. */
  readonly legacy: LegacyDrafts | undefined;
  /** Whether there is somebody who answers ordinary requests. */
  readonly ordinary: boolean;
  /** What was read of the connection already. */
  readonly early: Uint8Array<ArrayBuffer> | undefined;
}

/**
 * Makes the exchange that a connection in HTTP/1.1 begins with.
 *
 * @param conn The connection, which belongs to the exchange from here on.
 * @param options What it depends on.
 */
export function http1Exchange(conn: ByteConnection | BytePair, options: Http1Options): Exchange {
  const { limits, legacy, ordinary, early } = options;
  const transport = early === undefined ? transportOf(conn) : precededBy(early, transportOf(conn));
  const parser = new RequestHeadParser(limits);
  const seen = ordinary ? new GrowingBuffer() : undefined;
  let head: RequestHead;
  let request: UpgradeRequest;
  let old: LegacyRequest | undefined;
  let body = new Uint8Array(0);
  let first = new Uint8Array(0);
  let over = false;

  return {
    remoteAddr: "remoteAddr" in conn ? conn.remoteAddr : undefined,
    localAddr: "localAddr" in conn ? conn.localAddr : undefined,
    secure: "handshake" in conn || ("secure" in conn && conn.secure === true),
    async readHead() {
      head = await readHead(transport, parser, seen);
      first = parser.rest;
      return head.fields;
    },
    ordinary: () => seen === undefined || isUpgradeRequest(head) ? undefined : { transport, first: seen.take() },
    readRequest(options) {
      old = legacy?.read(head, options);
      return request = old ?? readUpgradeRequest(head, options);
    },
    // The bytes behind the head that belong to the handshake of a draft are under its deadline too (X8).
    async readBody() {
      if (old === undefined || old.bodyBytes === 0) return;
      const reader = new BodyReader(old.bodyBytes);
      body = await readHead(precededBy(first, transport), reader);
      first = reader.rest;
    },
    async accept(choice) {
      const answer = await (old?.answer(body, choice) ?? acceptUpgrade(request, choice));
      if (over) throw new ConnectionError("The handshake was given up");
      await writeHead(transport, answer);
      return { transport, first, framing: old?.framing };
    },
    refuse(response) {
      over = true;
      return answerAndEnd(transport, serializeResponse(response, response.body));
    },
    drop() {
      over = true;
      transport.close();
    },
  };
}
