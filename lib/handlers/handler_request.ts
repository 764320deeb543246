/**
 * A client's request as a handler sees it, from the handshake to the end of the connection.
 *
 * @module
 */
import { ConnectionError, HandshakeError, invalidState } from "../errors.ts";
import type { ExtensionProcessor } from "../extensions/extension.ts";
import type { ExtensionOffer } from "../handshake/extension_header.ts";
import { requireRequested } from "../handshake/subprotocol.ts";
import type { UpgradeRequest } from "../handshake/server_handshake.ts";
import type { ClosePayload } from "../pipeline/frames/close_code.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import type { Address } from "../transport/transport.ts";
import type { UpgradeInfo } from "../server/server_options.ts";
import { createHandlerStream, type HandlerStream } from "./handler_stream.ts";

/** The request that is passed to each function of a handler. */
export interface HandlerRequest {
  /** The resource name (RFC 6455 §3): the path and the query, if there is one, as in `location`. Nothing is decoded. */
  readonly resource: string;
  /** The absolute URL, ws or wss: `new URL(request.location)` does not throw. */
  readonly location: string;
  /** The `Origin`, or `null` if there is none. */
  readonly origin: string | null;
  /** The version of the protocol: 13 is RFC 6455. */
  readonly version: UpgradeRequest["version"];
  /** The request's header fields. */
  readonly headers: Headers;
  /** The client's address, if the transport has one. */
  readonly remoteAddr: Address | undefined;
  /** Header fields to add to the response that opens the connection, such as `Set-Cookie`. */
  readonly responseHeaders: Headers;
  /** The subprotocols that the client requests, in its order. */
  readonly requestedProtocols: readonly string[];
  /**
   * The subprotocol. It is `null` until `doExtraHandshake` sets it to one of `requestedProtocols`. If it does not, the server's
   * option `protocols` chooses one, or the connection opens without one.
   *
   * @throws {TypeError} If the subprotocol was not requested.
   * @throws {DOMException} `InvalidStateError` if it is set after the handshake.
   */
  protocol: string | null;
  /** The extensions that the client offers, in its order. */
  readonly requestedExtensions: readonly ExtensionOffer[];
  /** The extensions that the response accepts. To change them, configure or remove their processors. */
  readonly extensions: readonly ExtensionOffer[];
  /**
   * The processors of the extensions. In `doExtraHandshake` you may configure them. One that you remove is not part of the
   * response.
   */
  readonly extensionProcessors: ExtensionProcessor[];
  /** Whether permessage-deflate or deflate-frame is among the extensions. */
  readonly deflate: boolean;
  /**
   * The code of the client's close frame: 1005 if it had none, 1006 if the connection ended without a close frame. `null` until
   * then.
   */
  readonly closeCode: number | null;
  /** The reason of the client's close frame. `null` until then. */
  readonly closeReason: string | null;
  /** Aborted when the connection has ended or the handshake has failed. Use it in a handler that does not receive messages. */
  readonly signal: AbortSignal;
  /**
   * The open connection.
   *
   * @throws {DOMException} `InvalidStateError` during the handshake.
   */
  readonly stream: HandlerStream;
  /**
   * Refuses the handshake by throwing a `HandshakeError`. To add header fields, throw one yourself, or return a `Response`.
   *
   * @param status The HTTP status, such as 403.
   * @param message The body of the response.
   */
  refuse(status: number, message: string): never;
  /**
   * Drops the connection without a close frame, by throwing a {@linkcode HandlerAbortError}. During the handshake this refuses
   * the request with 403.
   *
   * @param message The reason, which is not sent.
   */
  abort(message?: string): never;
}

/**
 * A handler throws this to drop its connection without a close frame (mod_pywebsocket's `AbortedByUserException`). It is not
 * reported as an error.
 */
export class HandlerAbortError extends ConnectionError {}

/** The request of a server's connection, with methods that change its state. */
export class ServerRequest implements HandlerRequest {
  readonly responseHeaders: Headers = new Headers();
  readonly #request: UpgradeRequest;
  readonly #info: UpgradeInfo;
  readonly #ended = new AbortController();
  #protocol: string | null = null;
  #stream: HandlerStream | undefined;
  #received: ClosePayload | undefined;

  constructor(request: UpgradeRequest, info: UpgradeInfo) {
    this.#request = request;
    this.#info = info;
    const { signal } = info;
    signal.addEventListener("abort", () => this.#ended.abort(signal.reason), { once: true });
  }

  get resource(): string {
    const { path, query } = this.#request;
    return query === "" ? path : `${path}?${query}`;
  }

  get location(): string {
    return this.#request.url;
  }

  get origin(): string | null {
    return this.#request.origin ?? null;
  }

  get version(): UpgradeRequest["version"] {
    return this.#request.version;
  }

  get headers(): Headers {
    return this.#request.headers;
  }

  get remoteAddr(): Address | undefined {
    return this.#info.remoteAddr;
  }

  get requestedProtocols(): readonly string[] {
    return this.#request.protocols;
  }

  get protocol(): string | null {
    return this.#protocol;
  }

  set protocol(protocol: string | null) {
    if (this.#stream !== undefined) throw invalidState("Cannot choose a subprotocol: the handshake is over");
    if (protocol !== null) requireRequested(protocol, this.requestedProtocols);
    this.#protocol = protocol;
  }

  get requestedExtensions(): readonly ExtensionOffer[] {
    return this.#request.extensions;
  }

  get extensions(): readonly ExtensionOffer[] {
    return this.extensionProcessors.map(({ name, params }) => ({ name, params }));
  }

  get extensionProcessors(): ExtensionProcessor[] {
    return this.#info.extensions;
  }

  get deflate(): boolean {
    return this.extensionProcessors.some(({ name }) => /deflate(?:-frame)?$/.test(name));
  }

  get closeCode(): number | null {
    return this.#received?.closeCode ?? null;
  }

  get closeReason(): string | null {
    return this.#received?.reason ?? null;
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  get stream(): HandlerStream {
    if (this.#stream === undefined) throw invalidState("Cannot use the stream: the handshake is not over");
    return this.#stream;
  }

  refuse(status: number, message: string): never {
    throw new HandshakeError(message, { status });
  }

  abort(message = "The handler aborted the connection"): never {
    throw new HandlerAbortError(message);
  }

  /** Says that the handshake is over. */
  open(socket: WebSocketConnection): void {
    this.#protocol = socket.protocol === "" ? null : socket.protocol;
    this.#stream = createHandlerStream(socket);
    void socket.closed.then((info) => {
      this.received(info);
      this.#ended.abort(info.error ?? new ConnectionError("The connection is closed", info));
    });
  }

  /** Says that the client's close frame has arrived, or will not arrive. */
  received({ closeCode, reason }: ClosePayload): void {
    this.#received ??= { closeCode, reason };
  }
}
