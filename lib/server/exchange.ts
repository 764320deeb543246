/**
 * An exchange of HTTP, a request and its answer, as the acceptance of a WebSocket sees it: whatever version brings it has this.
 *
 * @module
 */
import { handled } from "../async.ts";
import { ConnectionError, HandshakeError } from "../errors.ts";
import { acceptKey } from "../handshake/accept_key.ts";
import { BodyReader } from "../handshake/body_reader.ts";
import { type RequestFraming, requestFraming } from "../handshake/http_body.ts";
import { fieldValues, type HeaderFields, quote } from "../handshake/http_fields.ts";
import { type HeadLimits, type RequestHead, RequestHeadParser } from "../handshake/http_head.ts";
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
import { answerAndEnd, type HeadReader, lost, readHead } from "../transport/opening.ts";
import { type ByteConnection, type BytePair, type Transport, transportOf, writeAll } from "../transport/transport.ts";
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
  /** What carries the bytes. It belongs to the code that answers. */
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

/** One exchange, before its request is read. Each step gives what can be done next. */
export interface Exchange extends ConnectionFacts {
  /** Reads the request's head. */
  readHead(): ReceivedHead | Promise<ReceivedHead>;
  /** Writes an answer that opens no connection, and ends: at any time until one is open. It never rejects. */
  refuse(response: FinalResponse): Promise<void>;
  /** Ends at once. */
  drop(): void;
}

/** What is known of a connection whatever is asked on it. */
export interface ConnectionFacts {
  /** The peer's address, where the transport has one. */
  readonly remoteAddr: Address | undefined;
  /** Our address, where the transport has one. */
  readonly localAddr: Address | undefined;
  /** Whether the conversation is encrypted, as far as the connection shows it. */
  readonly secure: boolean;
}

/** The head of a request, not checked. */
export interface ReceivedHead {
  /** Its header fields. */
  readonly fields: HeaderFields;
  /**
   * Checks it. A request that asks for no WebSocket is an ordinary one where the server answers such; the checks of target, host and
   * body are the same for both.
   *
   * @param options Whether the conversation is encrypted.
   * @throws {HandshakeError} If it is malformed, or asks for what is not served.
   */
  check(options: { secure: boolean }): OpeningRequest | OrdinaryRequest;
}

/** A request to open a WebSocket, checked. */
export interface OpeningRequest {
  /** The request. */
  readonly request: UpgradeRequest;
  /** Reads what belongs to the request behind its head. Nothing is waited for where there is no such. */
  complete(): CompleteRequest | Promise<CompleteRequest>;
}

/** A request to open a WebSocket that is here as a whole. */
export interface CompleteRequest {
  /** Writes the answer that opens the connection. Rejects if the exchange was refused or dropped before. */
  accept(choice: AcceptUpgradeOptions): Exchanged | Promise<Exchanged>;
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

/** The connections that belong to an exchange. */
const TAKEN = new WeakSet<ByteConnection | BytePair>();

/** An exchange in HTTP/1.1. */
class Http1Exchange implements Exchange {
  readonly remoteAddr: Address | undefined;
  readonly localAddr: Address | undefined;
  readonly secure: boolean;
  readonly transport: Transport;
  readonly options: Http1Options;
  #early: Uint8Array<ArrayBuffer> | undefined;
  /** A request has one answer. */
  #state: "asked" | "accepted" | "over";
  #hashed: Promise<string> | undefined;

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
    this.#early = early;
    this.#state = "asked";
    this.#hashed = undefined;
  }

  readHead(): Promise<ReceivedHead> {
    const early = this.#early;
    this.#early = undefined;
    return readHead(this.transport, new Http1HeadReader(this), early);
  }

  /** Begins to hash the key, while the application decides. */
  hash(key: string): Promise<string> {
    return this.#hashed = handled(acceptKey(key));
  }

  /**
   * Writes the answer that opens the connection, unless it was given up meanwhile.
   *
   * @param awaited What the answer depends on.
   * @param answer Makes it.
   * @param left What is left of the exchange.
   */
  async open<Part>(
    awaited: Promise<Part>,
    answer: (part: Part) => Uint8Array<ArrayBuffer>,
    left: { first: Uint8Array<ArrayBuffer>; framing: Framing | undefined },
  ): Promise<Exchanged> {
    const bytes = answer(await awaited);
    if (this.#state === "over") throw new ConnectionError("The handshake was given up");
    this.#state = "accepted";
    const { transport } = this;
    try {
      await writeAll(transport, bytes);
    } catch (cause) {
      throw lost(cause);
    }
    return { transport, ...left };
  }

  refuse(response: FinalResponse): Promise<void> {
    // A client that has read a part of the answer would take another for frames.
    if (this.#state === "accepted") return Promise.resolve(this.drop());
    this.#state = "over";
    const answered = answerAndEnd(this.transport, serializeResponse(response, response.body));
    // A server that has shut down leaves nothing behind that still runs.
    return Promise.allSettled([answered, this.#hashed]).then(() => {});
  }

  drop(): void {
    this.#state = "over";
    this.transport.close();
  }
}

/** Reads the head of a request in HTTP/1.1. */
class Http1HeadReader implements HeadReader<Http1Head> {
  readonly #exchange: Http1Exchange;
  readonly #parser: RequestHeadParser;

  constructor(exchange: Http1Exchange) {
    this.#exchange = exchange;
    this.#parser = new RequestHeadParser(exchange.options.limits);
  }

  get rest(): Uint8Array<ArrayBuffer> {
    return this.#parser.rest;
  }

  push(bytes: Uint8Array): Http1Head | undefined {
    const head = this.#parser.push(bytes);
    return head === undefined ? undefined : new Http1Head(this.#exchange, head, this.#parser.rest);
  }
}

/** The head of a request in HTTP/1.1, and what was read behind it. */
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
    const old = legacy?.read(this.#head, options);
    return old === undefined
      ? new Http1Request(this.#exchange, readUpgradeRequest(this.#head, options), this.#first)
      : new LegacyOpening(this.#exchange, old, this.#first);
  }

  #ordinary({ secure }: { secure: boolean }): OrdinaryRequest {
    const { transport, options, ...facts } = this.#exchange;
    const { method, version, fields } = this.#head;
    const url = ordinaryUrl(this.#head, { secure, localAddr: facts.localAddr });
    const framing = requestFraming(this.#head);
    checkExpectation(this.#head);
    const next = (carrier: Transport, early: Uint8Array<ArrayBuffer>) =>
      new Http1Exchange(carrier, facts, options, early);
    return { method, url, version, fields, framing, transport, first: this.#first, next };
  }
}

/** A request of RFC 6455. There is nothing behind its head that belongs to it. */
class Http1Request implements OpeningRequest {
  readonly request: UpgradeRequest;
  readonly #exchange: Http1Exchange;
  readonly #first: Uint8Array<ArrayBuffer>;

  constructor(exchange: Http1Exchange, request: UpgradeRequest, first: Uint8Array<ArrayBuffer>) {
    this.request = request;
    this.#exchange = exchange;
    this.#first = first;
  }

  /** The key is hashed while the application decides, and not for a request that is refused by then. */
  complete(): CompleteRequest {
    const { request } = this;
    const hashed = this.#exchange.hash(request.key);
    const left = { first: this.#first, framing: undefined };
    return {
      accept: (choice) => this.#exchange.open(hashed, (key) => switchingProtocols(request, choice, key), left),
    };
  }
}

/** A request of a draft before RFC 6455. */
class LegacyOpening implements OpeningRequest {
  readonly request: LegacyRequest;
  readonly #exchange: Http1Exchange;
  readonly #first: Uint8Array<ArrayBuffer>;

  constructor(exchange: Http1Exchange, request: LegacyRequest, first: Uint8Array<ArrayBuffer>) {
    this.request = request;
    this.#exchange = exchange;
    this.#first = first;
  }

  /** The bytes behind the head that belong to the handshake are under its deadline too. */
  async complete(): Promise<CompleteRequest> {
    const { request } = this;
    const exchange = this.#exchange;
    const reader = new BodyReader(request.bodyBytes);
    const body = await readHead(exchange.transport, reader, this.#first);
    const left = { first: reader.rest, framing: request.framing };
    return { accept: (choice) => exchange.open(request.answer(body, choice), (bytes) => bytes, left) };
  }
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
