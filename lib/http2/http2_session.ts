/**
 * The client's end of HTTP/2: one session, with as many WebSockets as the server allows.
 *
 * @module
 */
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from "node:http2";
import { confirm } from "../client/connect.ts";
import { CONNECT_OPTION_KINDS, type ConnectOptions } from "../client/client_options.ts";
import { refusal } from "../client/refusal.ts";
import { defer } from "../async.ts";
import { ConnectionError, HandshakeError, invalidState } from "../errors.ts";
import { describeExtensions, offerExtensions } from "../extensions/negotiation.ts";
import { withPerMessageDeflate } from "../extensions/permessage_deflate/permessage_deflate.ts";
import { parseWebSocketUrl } from "../handshake/client_handshake.ts";
import { checkExtendedConnect, checkFieldSize, createExtendedConnect } from "../handshake/extended_connect.ts";
import { type HeaderFields, quote, toHeaders } from "../handshake/http_fields.ts";
import { subprotocolList } from "../handshake/subprotocol.ts";
import { resolveLimits } from "../limits.ts";
import { Connection } from "../connection/connection.ts";
import { notifyRefused } from "../connection/watch/observer.ts";
import { withDeadline } from "../transport/opening.ts";
import { type Transport, transportOf } from "../transport/transport.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import type { OptionKinds } from "../option_kinds.ts";
import { takeOptions, without } from "../options.ts";
import { outgoing, pairs } from "./http2_exchange.ts";
import { lostStream, streamConnection } from "./stream_connection.ts";

/** Options for opening a socket: those of {@linkcode ConnectOptions}, without those that the session has decided. */
export type ConnectStreamOptions<Data = unknown> = Omit<ConnectOptions<Data>, "path" | "conn" | "caCerts">;

/** The types of these options. */
export const CONNECT_STREAM_OPTION_KINDS: OptionKinds<ConnectStreamOptions> = without(
  CONNECT_OPTION_KINDS,
  "path",
  "conn",
  "caCerts",
);

/** An HTTP/2 connection to a server that speaks RFC 8441. */
export interface Http2WebSocketSession extends AsyncDisposable {
  /** The server's URL, ws or wss, such as `wss://example.com/`. */
  readonly url: string;
  /** The open sockets. */
  readonly connections: ReadonlySet<WebSocketConnection>;
  /** Resolves when the session has ended, however it ended. It never rejects. */
  readonly closed: Promise<void>;
  /**
   * Opens a WebSocket over the session. If the server allows no more streams for now, it waits for one to end.
   *
   * @typeParam Data The application's data for the connection.
   * @param target The resource, such as `/chat?room=1`. A URL must have the session's origin.
   * @param options What to request, and the limits.
   * @returns The open connection.
   * @throws {HandshakeError} If the server did not accept the request. The error has the response's status, header fields and the
   *    start of the body.
   * @throws {ConnectionError} If the stream was reset, or the session ended or is shutting down (GOAWAY).
   * @throws {DOMException} `SyntaxError` for an invalid target or subprotocol; `InvalidStateError` after `close`; the signal's
   *    reason if it was aborted.
   */
  connect<Data = unknown>(
    target: string | URL,
    options?: ConnectStreamOptions<Data>,
  ): Promise<WebSocketConnection<Data>>;
  /**
   * Closes every socket, and then the session.
   *
   * @param code The close code of the sockets; 1000 by default.
   * @param reason At most 123 bytes of UTF-8.
   * @returns Resolves when the session has ended.
   * @throws {RangeError} If the code must not be sent or the reason is too long.
   */
  close(code?: number, reason?: string): Promise<void>;
}

/** A session to a server that accepts extended CONNECT. */
export class WebSocketSession implements Http2WebSocketSession {
  readonly url: string;
  readonly closed: Promise<void>;
  readonly #session: ClientHttp2Session;
  readonly #closeTimeout: number;
  readonly #connections = new Set<Connection<unknown>>();
  readonly #closing = new AbortController();
  /** The number of open streams. */
  #streams = 0;
  #changed = defer<void>();

  /**
   * @param session The session, whose first SETTINGS have arrived. This object owns it from now on.
   * @param options The server's URL, the time limit for closing in milliseconds, and the end of the session.
   */
  constructor(
    session: ClientHttp2Session,
    { url, closeTimeout, closed }: { url: string; closeTimeout: number; closed: Promise<void> },
  ) {
    this.url = url;
    this.closed = closed;
    this.#session = session;
    this.#closeTimeout = closeTimeout;
    session.on("remoteSettings", () => this.#change());
    void closed.then(() => this.#change());
  }

  get connections(): ReadonlySet<WebSocketConnection> {
    return this.#connections;
  }

  async connect<Data>(
    target: string | URL,
    options: ConnectStreamOptions<Data> = {},
  ): Promise<WebSocketConnection<Data>> {
    options = takeOptions("connect()", options, CONNECT_STREAM_OPTION_KINDS);
    if (this.#closing.signal.aborted) throw invalidState("Cannot connect: the session is closing or closed");
    const url = parseWebSocketUrl(URL.canParse(target, this.url) ? new URL(target, this.url) : target);
    if (`${url.protocol}//${url.host}/` !== this.url) {
      throw new DOMException(`Cannot use URL ${quote(url.href)}: the session is with ${this.url}`, "SyntaxError");
    }
    const connection = await this.#open<Data>(url, options);
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
    // The session may have been closed between the last step of the handshake and this point.
    if (this.#closing.signal.aborted) void connection.close();
    return connection;
  }

  async #open<Data>(url: URL, options: ConnectStreamOptions<Data>): Promise<Connection<Data>> {
    const limits = resolveLimits(options);
    const protocols = subprotocolList(options.protocols);
    const extensions = withPerMessageDeflate(options);
    const request = createExtendedConnect({
      url,
      protocols,
      extensions: offerExtensions(extensions),
      headers: options.headers ?? [],
    });

    const giveUp = new AbortController();
    let transport: Transport | undefined;
    const open = async (): Promise<Connection<Data>> => {
      const stream = await this.#begin(request, giveUp.signal);
      const conn = streamConnection(stream);
      transport = transportOf(conn);
      const head = await responseHead(stream);
      checkFieldSize(head.fields, limits, (message, _, limit) => refusedFor(head, message, limit));
      if (head.status < 200 || head.status > 299) {
        const body = { transport, rest: new Uint8Array(0), max: limits.maxErrorBodyBytes };
        throw await refusal(`Server answered ${head.status}, not 200`, head, body);
      }
      const offeredExtensions = extensions.map(({ name }) => name);
      const agreed = checkExtendedConnect(head, { protocols, offeredExtensions });
      const extensionProcessors = confirm(agreed.extensions, extensions, head);
      return new Connection<Data>({
        role: "client",
        url: url.href,
        protocol: agreed.protocol,
        extensions: describeExtensions(extensionProcessors),
        extensionProcessors,
        fields: head.fields,
        remoteAddr: conn.remoteAddr,
        localAddr: conn.localAddr,
        data: options.data,
        transport,
        limits,
        rest: new Uint8Array(0),
        observer: options.observer,
      });
    };
    const time = limits.handshakeTimeout;
    const late = () => new ConnectionError(`The handshake took more than ${time} ms`);
    const discard = (connection: Connection<Data>, reason: unknown) => connection.abort(reason);
    const signal = options.signal === undefined
      ? this.#closing.signal
      : AbortSignal.any([options.signal, this.#closing.signal]);
    try {
      return await withDeadline(open(), { time, late, signal, discard });
    } catch (error) {
      giveUp.abort(error);
      transport?.close();
      notifyRefused(options.observer, error, { remoteAddr: undefined, localAddr: undefined });
      throw error;
    }
  }

  /**
   * Opens a stream once the server allows one more (RFC 9113 §5.1.2). `node:http2` would queue it, but in Deno a stream that is
   * aborted in that queue is opened nevertheless and stays open.
   */
  async #begin(fields: HeaderFields, signal: AbortSignal): Promise<ClientHttp2Stream> {
    const session = this.#session;
    while (!session.destroyed && this.#streams >= (session.remoteSettings.maxConcurrentStreams ?? Infinity)) {
      await this.#changed.promise;
      signal.throwIfAborted();
    }
    try {
      const stream = session.request(outgoing(fields), { endStream: false });
      this.#streams++;
      stream.once("close", () => {
        this.#streams--;
        this.#change();
      });
      return stream;
    } catch (cause) {
      throw new ConnectionError("The HTTP/2 session ended or is shutting down", { cause });
    }
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = defer();
  }

  close(code?: number, reason?: string): Promise<void> {
    const closed = Array.from(this.#connections, (connection) => connection.close(code, reason));
    if (!this.#closing.signal.aborted) {
      this.#closing.abort(new ConnectionError("The session is closing"));
      void this.#end(closed);
    }
    return this.closed;
  }

  /** Each socket has its own close timeout. Afterwards the transport is closed, within the session's timeout. */
  async #end(closed: Promise<unknown>[]): Promise<void> {
    await Promise.all(closed);
    const timer = this.#closeTimeout === 0 ? undefined : setTimeout(() => this.#session.destroy(), this.#closeTimeout);
    this.#session.close();
    await this.closed;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Returns the error for a response that cannot be used. */
function refusedFor(
  { status, fields }: { status: number; fields: HeaderFields },
  message: string,
  limit: string,
): HandshakeError {
  return new HandshakeError(message, { status, headers: toHeaders(fields), limit });
}

/** Waits for the head of the response. Interim responses (RFC 9113 §8.1) have another event. */
function responseHead(stream: ClientHttp2Stream): Promise<{ status: number; fields: HeaderFields }> {
  const { session } = stream;
  return new Promise((resolve, reject) => {
    stream.once(
      "response",
      (headers: IncomingHttpHeaders & IncomingHttpStatusHeader, _flags: number, rawHeaders: string[]) => {
        const fields = pairs(rawHeaders).filter(([name]) => !name.startsWith(":"));
        resolve({ status: headers[":status"] ?? 0, fields });
      },
    );
    let cause: unknown;
    stream.once("error", (error) => cause = error);
    stream.once("close", () => reject(lostStream(stream, session, cause)));
  });
}
