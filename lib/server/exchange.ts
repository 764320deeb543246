/**
 * An HTTP exchange (a request and its response), as needed to accept a WebSocket over any HTTP version.
 *
 * @module
 */
import { handled } from "../async.ts";
import { ConnectionError, HandshakeError } from "../errors.ts";
import { acceptKey } from "../handshake/accept_key.ts";
import { BodyReader, type RequestFraming, requestFraming } from "../handshake/http_body.ts";
import { fieldValues, type HeaderFields, quote } from "../handshake/http_fields.ts";
import {
  type HeadLimits,
  HeadParser,
  REQUEST_GRAMMAR,
  type RequestHead,
  type RequestLine,
} from "../handshake/http_head.ts";
import { type FinalResponse, serializeResponse } from "../handshake/http_response.ts";
import type { LegacyDrafts, LegacyRequest } from "../handshake/legacy_request.ts";
import { readResource } from "../handshake/request_target.ts";
import {
  type AcceptUpgradeOptions,
  isUpgradeRequest,
  readUpgradeRequest,
  switchingProtocols,
  type UpgradeRequest,
} from "../handshake/server_handshake.ts";
import type { Framing } from "../pipeline/frames/framing.ts";
import { answerAndEnd, type HeadReader, readHead, writeHead } from "../transport/opening.ts";
import { type ByteConnection, type BytePair, type Transport, transportOf } from "../transport/transport.ts";
import type { Address } from "../transport/transport.ts";
import { noticeDroppedUpgrade } from "./dropped_upgrade.ts";

/** The result of an exchange that opened a WebSocket. */
export interface Exchanged {
  /** What carries the bytes. */
  readonly transport: Transport;
  /** What was read of it already. */
  readonly first: Uint8Array<ArrayBuffer>;
  /** How frames are written, if not as in RFC 6455 §5.2. */
  readonly framing?: Framing | undefined;
}

/** A checked request that does not ask for a WebSocket, and its connection. */
export interface OrdinaryRequest {
  /** The method. */
  readonly method: string;
  /** The absolute URL, http or https. */
  readonly url: string;
  /** The version of HTTP. */
  readonly version: string;
  /** The header fields. */
  readonly fields: HeaderFields;
  /** How the end of its body is found. */
  readonly framing: RequestFraming;
  /** The transport, which belongs to the code that answers. */
  readonly transport: Transport;
  /** Bytes that were read after the head. */
  readonly first: Uint8Array<ArrayBuffer>;
  /**
   * Begins the next exchange on the same connection.
   *
   * @param transport What carries the bytes.
   * @param early What was read of it already.
   */
  next(transport: Transport, early: Uint8Array<ArrayBuffer>): Exchange;
}

/** One exchange before its request is read. Each step returns the next one. */
export interface Exchange extends ConnectionFacts {
  /** Reads the request's head. */
  readHead(): ReceivedHead | Promise<ReceivedHead>;
  /** Sends a refusal and ends the exchange. It may be called at any time before the connection opens, and never rejects. */
  refuse(response: FinalResponse): Promise<void>;
  /** Ends the exchange at once. */
  drop(): void;
}

/** Facts about a connection that do not depend on the request. */
export interface ConnectionFacts {
  /** The peer's address, if the transport has one. */
  readonly remoteAddr: Address | undefined;
  /** The local address, if the transport has one. */
  readonly localAddr: Address | undefined;
  /** Whether the connection is encrypted, as far as the transport shows. */
  readonly secure: boolean;
}

/** The head of a request, before it is checked. */
export interface ReceivedHead {
  /** Its header fields. */
  readonly fields: HeaderFields;
  /**
   * Checks the head. A request that does not ask for a WebSocket is an ordinary one, if the server answers those. Target, host
   * and body are checked in the same way for both.
   *
   * @param options Whether the connection is encrypted.
   * @throws {HandshakeError} If it is malformed, or asks for something that the server does not support.
   */
  check(options: { secure: boolean }): OpeningRequest | OrdinaryRequest;
}

/** A checked request to open a WebSocket. */
export interface OpeningRequest {
  /** The request. */
  readonly request: UpgradeRequest;
  /** Reads the part of the request that follows its head. If there is none, it does not wait. */
  complete(): CompleteRequest | Promise<CompleteRequest>;
}

/** A request to open a WebSocket that was read completely. */
export interface CompleteRequest {
  /** Sends the response that opens the connection. Rejects if the exchange was refused or dropped before. */
  accept(choice: AcceptUpgradeOptions): Exchanged | Promise<Exchanged>;
}

/** The options of an exchange in HTTP/1.1. */
export interface Http1Options {
  /** The limits of the request's head. */
  readonly limits: HeadLimits;
  /** The drafts before RFC 6455 that are supported too. */
  readonly legacy: LegacyDrafts | undefined;
  /** Whether ordinary requests are answered. */
  readonly ordinary: boolean;
}

/**
 * Begins the first exchange of a connection in HTTP/1.1.
 *
 * @param conn The connection. It then belongs to the exchange.
 * @param options The limits, the drafts, and whether ordinary requests are answered.
 * @param early Bytes that were already read from it.
 * @throws {TypeError} If the connection already belongs to an exchange, because two would read each other's bytes.
 */
export function http1Exchange(
  conn: ByteConnection | BytePair,
  options: Http1Options,
  early?: Uint8Array<ArrayBuffer>,
): Exchange {
  if (TAKEN.has(conn)) throw new TypeError("Cannot accept the connection: it was accepted before");
  TAKEN.add(conn);
  const facts = {
    remoteAddr: "remoteAddr" in conn ? conn.remoteAddr : undefined,
    localAddr: "localAddr" in conn ? conn.localAddr : undefined,
    secure: "handshake" in conn || ("secure" in conn && conn.secure === true),
  };
  return new Http1Exchange(transportOf(conn), facts, options, early);
}

/** Connections that belong to an exchange. */
const TAKEN = new WeakSet<ByteConnection | BytePair>();

/** An exchange in HTTP/1.1. It reads its own head. */
class Http1Exchange implements Exchange, HeadReader<ReceivedHead> {
  readonly remoteAddr: Address | undefined;
  readonly localAddr: Address | undefined;
  readonly secure: boolean;
  readonly transport: Transport;
  readonly options: Http1Options;
  readonly #parser: HeadParser<RequestLine>;
  #early: Uint8Array<ArrayBuffer> | undefined;
  /** Each request gets one response. */
  #state: "asked" | "accepted" | "over";
  /** The hash of the key, once it is being made. */
  hashed: Promise<string> | undefined;

  constructor(
    transport: Transport,
    facts: ConnectionFacts,
    options: Http1Options,
    early: Uint8Array<ArrayBuffer> | undefined,
  ) {
    this.remoteAddr = facts.remoteAddr;
    this.localAddr = facts.localAddr;
    this.secure = facts.secure;
    this.transport = transport;
    this.options = options;
    this.#parser = new HeadParser(options.limits, REQUEST_GRAMMAR);
    this.#early = early;
    this.#state = "asked";
    this.hashed = undefined;
  }

  readHead(): Promise<ReceivedHead> {
    const early = this.#early;
    this.#early = undefined;
    return readHead(this.transport, this, early);
  }

  push(bytes: Uint8Array): ReceivedHead | undefined {
    const head = this.#parser.push(bytes);
    return head === undefined ? undefined : new Http1Head(this, head, this.#parser.rest);
  }

  /** Sends the response that opens the connection, unless the exchange was cancelled meanwhile. */
  open(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#state === "over") throw new ConnectionError("The handshake was given up");
    this.#state = "accepted";
    return writeHead(this.transport, bytes);
  }

  refuse(response: FinalResponse): Promise<void> {
    // After a part of the response, a client would take a second response for frames.
    if (this.#state === "accepted") return Promise.resolve(this.drop());
    this.#state = "over";
    const answered = answerAndEnd(this.transport, serializeResponse(response, response.body));
    // A server that has shut down must not leave work running.
    return Promise.allSettled([answered, this.hashed]).then(() => {});
  }

  drop(): void {
    this.#state = "over";
    this.transport.close();
  }
}

/** The head of a request in HTTP/1.1, and the bytes that were read after it. */
class Http1Head implements ReceivedHead {
  readonly #exchange: Http1Exchange;
  readonly #head: RequestHead;
  readonly #first: Uint8Array<ArrayBuffer>;

  constructor(exchange: Http1Exchange, head: RequestHead, first: Uint8Array<ArrayBuffer>) {
    this.#exchange = exchange;
    this.#head = head;
    this.#first = first;
  }

  get fields(): HeaderFields {
    return this.#head.fields;
  }

  check(options: { secure: boolean }): OpeningRequest | OrdinaryRequest {
    const { legacy, ordinary } = this.#exchange.options;
    if (ordinary && !isUpgradeRequest(this.#head)) return this.#ordinary(options);
    try {
      const old = legacy?.read(this.#head, options);
      return old === undefined
        ? openingRequest(this.#exchange, readUpgradeRequest(this.#head, options), this.#first)
        : legacyOpening(this.#exchange, old, this.#first);
    } catch (error) {
      noticeDroppedUpgrade(this.#head);
      throw error;
    }
  }

  #ordinary({ secure }: { secure: boolean }): OrdinaryRequest {
    noticeDroppedUpgrade(this.#head);
    const exchange = this.#exchange;
    const { transport, options } = exchange;
    const { method, version, fields } = this.#head;
    const url = ordinaryUrl(this.#head, { secure, localAddr: exchange.localAddr });
    const framing = requestFraming(this.#head);
    checkExpectation(this.#head);
    const next = (carrier: Transport, early: Uint8Array<ArrayBuffer>) =>
      new Http1Exchange(carrier, exchange, options, early);
    return { method, url, version, fields, framing, transport, first: this.#first, next };
  }
}

/** A request of RFC 6455, which consists of its head only. */
function openingRequest(
  exchange: Http1Exchange,
  request: UpgradeRequest,
  first: Uint8Array<ArrayBuffer>,
): OpeningRequest {
  return {
    request,
    /** The key is hashed while the application decides, and not if the request is already refused. */
    complete() {
      const hashed = exchange.hashed = handled(acceptKey(request.key));
      return {
        async accept(choice) {
          await exchange.open(switchingProtocols(request, choice, await hashed));
          return { transport: exchange.transport, first };
        },
      };
    },
  };
}

/** A request of a draft before RFC 6455. */
function legacyOpening(
  exchange: Http1Exchange,
  request: LegacyRequest,
  early: Uint8Array<ArrayBuffer>,
): OpeningRequest {
  return {
    request,
    /** The handshake's deadline also covers the bytes after the head that belong to the handshake. */
    async complete() {
      const { transport } = exchange;
      const reader = new BodyReader(request.bodyBytes);
      const body = await readHead(transport, reader, early);
      return {
        async accept(choice) {
          await exchange.open(await request.answer(body, choice));
          return { transport, first: reader.rest, framing: request.framing };
        },
      };
    },
  };
}

/** Methods that a web `Request` cannot have (Fetch, "forbidden method"). */
const FORBIDDEN_METHODS = new Set(["CONNECT", "TRACE", "TRACK"]);

/** Methods that a web `Request` writes in upper case (Fetch, "normalize"). */
const NORMALIZED_METHODS = new Set(["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"]);

/**
 * Whether a web `Request` has this method as it was sent. Methods are case-sensitive (RFC 9110 §9.1): `post` is not `POST`. A
 * proxy in front may have denied `POST`, and the application would get it.
 */
function canBeRequested(method: string): boolean {
  const upper = method.toUpperCase();
  return !FORBIDDEN_METHODS.has(upper) && (upper === method || !NORMALIZED_METHODS.has(upper));
}

/** The URL of a request. A request in HTTP/1.0 may lack a host; then the local address is used. */
function ordinaryUrl(
  head: RequestHead,
  { secure, localAddr }: { secure: boolean; localAddr: Address | undefined },
): string {
  const { method, target } = head;
  // RFC 9110 §15.6.2. The targets of CONNECT and of `OPTIONS *` are not paths.
  if (!canBeRequested(method) || target === "*") {
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

/** RFC 9110 §10.1.1: only `100-continue` is supported. */
function checkExpectation({ fields }: RequestHead): void {
  const other = fieldValues(fields, "expect").find((value) => value.toLowerCase() !== "100-continue");
  if (other !== undefined) throw new HandshakeError(`Expectation ${quote(other)} is not known here`, { status: 417 });
}
