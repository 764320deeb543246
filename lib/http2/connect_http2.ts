/**
 * The client's end of HTTP/2: one session, and as many WebSockets over it as the server allows.
 *
 * @module
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectSession,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from "node:http2";
import { rootCertificates } from "node:tls";
import { confirm, type ConnectOptions, refused } from "../client/connect.ts";
import { ConnectionError, HandshakeError, invalidState } from "../errors.ts";
import { describeExtensions, offerExtensions } from "../extensions/negotiation.ts";
import { withPerMessageDeflate } from "../extensions/permessage_deflate/permessage_deflate.ts";
import { parseWebSocketUrl } from "../handshake/client_handshake.ts";
import { checkExtendedConnect, createExtendedConnect } from "../handshake/extended_connect.ts";
import { type HeaderFields, quote, toHeaders } from "../handshake/http_fields.ts";
import { type Limits, resolveLimits } from "../limits.ts";
import { Connection } from "../pipeline/sockets/connection.ts";
import { withDeadline } from "../pipeline/sockets/opening.ts";
import { transportOf } from "../pipeline/sockets/transport.ts";
import type { WebSocketConnection } from "../pipeline/sockets/websocket_connection.ts";
import { outgoing, pairs } from "./http2_exchange.ts";
import { lostStream, streamConnection } from "./stream_connection.ts";

/** How a session is opened. */
export interface ConnectHttp2Options extends Partial<Pick<Limits, "handshakeTimeout" | "closeTimeout">> {
  /** Certificates in PEM that are trusted besides the built-in ones. */
  caCerts?: string[];
  /** Our certificate chain in PEM, where the server asks for one. */
  cert?: string;
  /** The private key to it, in PEM. */
  key?: string;
  /** The name that the server's certificate must have. By default the URL's host. */
  serverName?: string;
  /** Gives up connecting. Once the session is open it does nothing. */
  signal?: AbortSignal;
}

/** How a socket is opened: as {@linkcode ConnectOptions}, less what the session has settled. */
export type ConnectStreamOptions<Data = unknown> = Omit<ConnectOptions<Data>, "path" | "conn" | "caCerts">;

/** An HTTP/2 connection to a server that speaks RFC 8441. */
export interface Http2WebSocketSession extends AsyncDisposable {
  /** The server's URL, ws or wss, such as `wss://example.com/`. */
  readonly url: string;
  /** The open sockets. */
  readonly connections: ReadonlySet<WebSocketConnection>;
  /** Resolves when the session has ended, however it ended. It never rejects. */
  readonly closed: Promise<void>;
  /**
   * Opens a WebSocket over the session. Where the server allows no more streams for now, it waits for one to end.
   *
   * @typeParam Data What the application keeps with the connection.
   * @param target The resource, such as `/chat?room=1`; a URL must have the session's origin.
   * @param options What to ask for and the limits.
   * @returns The open connection.
   * @throws {HandshakeError} If the server did not answer as it must, with its status, header fields and the start of the body.
   * @throws {ConnectionError} If the stream was reset, or the session ended or goes away (GOAWAY).
   * @throws {DOMException} `SyntaxError` for a bad target or subprotocol; `InvalidStateError` after `close`; the signal's reason if
   *   that was aborted.
   */
  connect<Data = unknown>(
    target: string | URL,
    options?: ConnectStreamOptions<Data>,
  ): Promise<WebSocketConnection<Data>>;
  /**
   * Closes every socket, and then the session.
   *
   * @param code The sockets' close code; 1000 by default.
   * @param reason At most 123 bytes of UTF-8.
   * @returns Resolves when the session has ended.
   * @throws {RangeError} If the code may not be sent or the reason is too long.
   */
  close(code?: number, reason?: string): Promise<void>;
}

/**
 * Opens an HTTP/2 session for WebSockets (RFC 8441): over TLS, where the server must choose `h2` (ALPN), or in cleartext, where it
 * must know (h2c). It waits until the server says that it takes extended CONNECT.
 *
 * @example Two sockets over one connection
 * ```ts
 * import { createServer } from "node:http2";
 * import { connectHttp2, serveHttp2 } from "@sluice/websocket/http2";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const server = createServer();
 * serveHttp2(server, {}, (socket) => socket.send(new URL(socket.url).pathname));
 * await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
 * const address = server.address();
 * assert(typeof address === "object" && address !== null);
 *
 * const session = await connectHttp2(`http://127.0.0.1:${address.port}`);
 * const sockets = await Promise.all([session.connect("/news"), session.connect("/chat")]);
 * for await (const message of sockets[1]) assertEquals(message, "/chat");
 * await session.close();
 * await new Promise((closed) => server.close(closed));
 * ```
 *
 * @param url An absolute URL: https or wss, http or ws. Only its origin counts.
 * @param options The way there.
 * @returns The session.
 * @throws {HandshakeError} If the server does not speak RFC 8441. Its status is 0: there was no answer.
 * @throws {ConnectionError} If there is no connection, or the server does not speak HTTP/2.
 * @throws {DOMException} `SyntaxError` for a bad URL; the signal's reason if that was aborted.
 */
export async function connectHttp2(
  url: string | URL,
  options: ConnectHttp2Options = {},
): Promise<Http2WebSocketSession> {
  const { handshakeTimeout: time, closeTimeout } = resolveLimits(options);
  const { protocol, host } = parseWebSocketUrl(url);
  const { caCerts, cert, key, serverName, signal } = options;
  const session = connectSession(`${protocol === "wss:" ? "https" : "http"}://${host}`, {
    settings: { enablePush: false },
    ...(caCerts && { ca: [...rootCertificates, ...caCerts] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { servername: serverName }),
  });
  const ended = Promise.withResolvers<void>();
  session.once("close", ended.resolve);
  const late = () => new ConnectionError(`The handshake took more than ${time} ms`);
  try {
    await withDeadline(firstSettings(session, host), { time, late, signal });
    if (!session.remoteSettings.enableConnectProtocol) {
      throw new HandshakeError(
        `${host} takes no WebSockets over HTTP/2: it does not set SETTINGS_ENABLE_CONNECT_PROTOCOL`,
        {
          status: 0,
        },
      );
    }
  } catch (error) {
    session.destroy();
    throw error;
  }
  return new WebSocketSession(session, { origin: `${protocol}//${host}`, closeTimeout, closed: ended.promise });
}

/** Waits for the server's first SETTINGS (RFC 9113 §3.4), which may hold RFC 8441's (§3). */
function firstSettings(session: ClientHttp2Session, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let cause: unknown;
    session.once("remoteSettings", () => resolve());
    // For good: an `error` event without a listener would end the process. Streams are told what happened by themselves.
    session.on("error", (error) => cause = error);
    session.once("close", () => reject(new ConnectionError(`Cannot connect to ${host} over HTTP/2`, { cause })));
  });
}

/** A session that takes extended CONNECT. */
class WebSocketSession implements Http2WebSocketSession {
  readonly url: string;
  readonly closed: Promise<void>;
  readonly #session: ClientHttp2Session;
  readonly #closeTimeout: number;
  readonly #connections = new Set<Connection<unknown>>();
  readonly #closing = new AbortController();

  constructor(
    session: ClientHttp2Session,
    { origin, closeTimeout, closed }: { origin: string; closeTimeout: number; closed: Promise<void> },
  ) {
    this.url = `${origin}/`;
    this.closed = closed;
    this.#session = session;
    this.#closeTimeout = closeTimeout;
  }

  get connections(): ReadonlySet<WebSocketConnection> {
    return this.#connections;
  }

  async connect<Data>(
    target: string | URL,
    options: ConnectStreamOptions<Data> = {},
  ): Promise<WebSocketConnection<Data>> {
    if (this.#closing.signal.aborted) throw invalidState("Cannot connect: the session is closing or closed");
    const url = parseWebSocketUrl(new URL(target, this.url));
    if (url.host !== new URL(this.url).host || url.protocol !== new URL(this.url).protocol) {
      throw new DOMException(`Cannot use URL ${quote(url.href)}: the session is with ${this.url}`, "SyntaxError");
    }
    const connection = await this.#open<Data>(url, options);
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
    return connection;
  }

  async #open<Data>(url: URL, options: ConnectStreamOptions<Data>): Promise<Connection<Data>> {
    const limits = resolveLimits(options);
    const protocols = typeof options.protocols === "string" ? [options.protocols] : options.protocols ?? [];
    const extensions = withPerMessageDeflate(options);
    const request = createExtendedConnect({
      url,
      protocols,
      extensions: offerExtensions(extensions),
      headers: options.headers ?? [],
    });
    const stream = this.#request(request);
    const conn = streamConnection(stream);
    const transport = transportOf(conn);

    const open = async (): Promise<Connection<Data>> => {
      const head = await responseHead(stream);
      if (head.status < 200 || head.status > 299) {
        throw await refused(head, transport, { wanted: 200, rest: new Uint8Array(0), max: limits.maxErrorBodyBytes });
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
        headers: toHeaders(head.fields),
        remoteAddr: conn.remoteAddr,
        localAddr: conn.localAddr,
        data: options.data,
        transport,
        limits,
        rest: new Uint8Array(0),
      });
    };
    const time = limits.handshakeTimeout;
    const late = () => new ConnectionError(`The handshake took more than ${time} ms`);
    const signal = options.signal === undefined
      ? this.#closing.signal
      : AbortSignal.any([options.signal, this.#closing.signal]);
    try {
      return await withDeadline(open(), { time, late, signal });
    } catch (error) {
      transport.close();
      throw error;
    }
  }

  #request(fields: HeaderFields): ClientHttp2Stream {
    try {
      return this.#session.request(outgoing(fields), { endStream: false });
    } catch (cause) {
      throw new ConnectionError("The HTTP/2 session ended or goes away", { cause });
    }
  }

  close(code?: number, reason?: string): Promise<void> {
    const closed = Array.from(this.#connections, (connection) => connection.close(code, reason));
    if (!this.#closing.signal.aborted) {
      this.#closing.abort(new ConnectionError("The session is closing"));
      void this.#end(closed);
    }
    return this.closed;
  }

  /** Each socket has its own time to close; what is left afterwards is the transport's end, which has ours. */
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

/** Waits for the head of the answer. Interim ones (RFC 9113 §8.1) are events of another name. */
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
