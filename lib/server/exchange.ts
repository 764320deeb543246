/**
 * An exchange of HTTP, a request and its answer, as the acceptance of a WebSocket sees it: whatever version brings it has this.
 *
 * @module
 */
import { ConnectionError, HandshakeError } from "../errors.ts";
import { BodyReader } from "../handshake/body_reader.ts";
import { type RequestFraming, requestFraming } from "../handshake/http_body.ts";
import { fieldValues, type HeaderFields, quote } from "../handshake/http_fields.ts";
import { type HeadLimits, type RequestHead, RequestHeadParser } from "../handshake/http_head.ts";
import { type FinalResponse, serializeResponse } from "../handshake/http_response.ts";
import type { LegacyDrafts, LegacyRequest } from "../handshake/legacy_request.ts";
import { readResource } from "../handshake/request_target.ts";
import {
  acceptUpgrade,
  type AcceptUpgradeOptions,
  isUpgradeRequest,
  readUpgradeRequest,
  type UpgradeRequest,
} from "../handshake/server_handshake.ts";
import type { Framing } from "../pipeline/frames/framing.ts";
import { answerAndEnd, precededBy, readHead, writeHead } from "../transport/opening.ts";
import { type ByteConnection, type BytePair, type Transport, transportOf } from "../transport/transport.ts";
import type { Address } from "../transport/transport.ts";

/** What is left of an exchange that opened a WebSocket. */
export interface Exchanged {
  /** What carries the bytes. */
  readonly transport: Transport;
  /** What was read of it already. */
  readonly first: Uint8Array<ArrayBuffer>;
  /** How frames are written, where that is not RFC 6455 §5.2. */
  readonly framing?: Framing | undefined;
}

/** A request that asks for no WebSocket, checked, and the connection that it came on. */
export interface OrdinaryRequest {
  /** The method. */
  readonly method: string;
  /** The absolute URL, http or https. */
  readonly url: string;
  /** The version of HTTP. */
  readonly version: string;
  /** The header fields. */
  readonly fields: HeaderFields;
  /** How its body ends. */
  readonly framing: RequestFraming;
  /** What carries the bytes. It belongs to whoever answers. */
  readonly transport: Transport;
  /** What was read of it behind the head. */
  readonly first: Uint8Array<ArrayBuffer>;
  /**
   * The exchange that comes next on the same connection.
   *
   * @param transport What carries the bytes.
   * @param early What was read of it already.
   */
  next(transport: Transport, early: Uint8Array<ArrayBuffer>): Exchange;
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
  /**
   * Gives the exchange away, where the request asks for no WebSocket and the server answers such. Throws `HandshakeError`: the checks
   * of target, host and body are those of {@linkcode Exchange.readRequest}.
   */
  ordinary(options: { secure: boolean }): OrdinaryRequest | undefined;
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
  /** Whether ordinary requests are answered. */
  readonly ordinary: boolean;
}

/** What is known of a connection whatever is asked on it. */
type ConnectionFacts = Pick<Exchange, "remoteAddr" | "localAddr" | "secure">;

/**
 * Makes the exchange that a connection in HTTP/1.1 begins with.
 *
 * @param conn The connection, which belongs to the exchange from here on.
 * @param options What it depends on.
 * @param early What was read of the connection already.
 * @throws {TypeError} If the connection belongs to an exchange already: two would read each other's bytes.
 */
export function http1Exchange(
  conn: ByteConnection | BytePair,
  options: Http1Options,
  early: Uint8Array<ArrayBuffer> = NOTHING,
): Exchange {
  if (TAKEN.has(conn)) throw new TypeError("Cannot accept the connection: it was accepted before");
  TAKEN.add(conn);
  const facts = {
    remoteAddr: "remoteAddr" in conn ? conn.remoteAddr : undefined,
    localAddr: "localAddr" in conn ? conn.localAddr : undefined,
    secure: "handshake" in conn || ("secure" in conn && conn.secure === true),
  };
  return exchangeOn(transportOf(conn), facts, options, early);
}

/** The connections that belong to an exchange. */
const TAKEN = new WeakSet<ByteConnection | BytePair>();

const NOTHING = new Uint8Array(0);

function exchangeOn(
  carrier: Transport,
  facts: ConnectionFacts,
  options: Http1Options,
  early: Uint8Array<ArrayBuffer>,
): Exchange {
  const { limits, legacy, ordinary } = options;
  const transport = early.length === 0 ? carrier : precededBy(early, carrier);
  const parser = new RequestHeadParser(limits);
  let head: RequestHead;
  let request: UpgradeRequest;
  let old: LegacyRequest | undefined;
  let body = NOTHING;
  let first = NOTHING;
  let over = false;
  let answered = false;

  return {
    ...facts,
    async readHead() {
      head = await readHead(transport, parser);
      first = parser.rest;
      return head.fields;
    },
    ordinary({ secure }) {
      if (!ordinary || isUpgradeRequest(head)) return undefined;
      const { method, version, fields } = head;
      const url = ordinaryUrl(head, { secure, localAddr: facts.localAddr });
      const framing = requestFraming(head);
      checkExpectation(head);
      const next = (carrier: Transport, early: Uint8Array<ArrayBuffer>) => exchangeOn(carrier, facts, options, early);
      return { method, url, version, fields, framing, transport: carrier, first, next };
    },
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
      answered = true;
      await writeHead(transport, answer);
      return { transport, first, framing: old?.framing };
    },
    async refuse(response) {
      over = true;
      // A request has one answer: a client that has read a part of it would take another for frames.
      if (answered) return transport.close();
      await answerAndEnd(transport, serializeResponse(response, response.body));
    },
    drop() {
      over = true;
      transport.close();
    },
  };
}

/** Methods that a web `Request` cannot have (Fetch, "forbidden method"). */
const FORBIDDEN_METHODS = new Set(["CONNECT", "TRACE", "TRACK"]);

/** The URL of a request. One in HTTP/1.0 may name no host: then it is the address that was asked. */
function ordinaryUrl(
  head: RequestHead,
  { secure, localAddr }: { secure: boolean; localAddr: Address | undefined },
): string {
  const { method, target } = head;
  // RFC 9110 §15.6.2. The target of CONNECT is no path, and neither is that of `OPTIONS *`.
  if (FORBIDDEN_METHODS.has(method.toUpperCase()) || target === "*") {
    throw new HandshakeError(`${method} ${quote(target)} is not served here`, { status: 501 });
  }
  const { path, query, host = authorityOf(localAddr) } = readResource(head);
  return `${secure ? "https" : "http"}://${host}${path}${query === "" ? "" : `?${query}`}`;
}

function authorityOf(addr: Address | undefined): string {
  if (addr === undefined || !("hostname" in addr)) return "localhost";
  const { hostname, port } = addr;
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** RFC 9110 §10.1.1: only `100-continue` is known. */
function checkExpectation({ fields }: RequestHead): void {
  const other = fieldValues(fields, "expect").find((value) => value.toLowerCase() !== "100-continue");
  if (other !== undefined) throw new HandshakeError(`Expectation ${quote(other)} is not known here`, { status: 417 });
}
