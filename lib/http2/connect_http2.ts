/**
 * Opens an HTTP/2 session to a server that accepts WebSockets.
 *
 * @module
 */
import { type ClientHttp2Session, connect as connectSession } from "node:http2";
import { defer } from "../async.ts";
import { noteNotOpened } from "../descriptors.ts";
import { ConnectionError, HandshakeError } from "../errors.ts";
import { parseWebSocketUrl } from "../handshake/client_handshake.ts";
import { LIMIT_KINDS, type Limits, resolveLimits } from "../limits.ts";
import { withDeadline } from "../transport/opening.ts";
import { type OptionKinds, SIGNAL, TEXT, TEXTS } from "../option_kinds.ts";
import { takeOptions } from "../options.ts";
import { type Http2WebSocketSession, WebSocketSession } from "./http2_session.ts";

/** Options for opening a session. */
export interface ConnectHttp2Options extends Partial<Pick<Limits, "handshakeTimeout" | "closeTimeout">> {
  /**
   * Certificates in PEM to trust instead of the built-in ones, unlike in `connect`. To add to the built-in ones, include
   * `rootCertificates` of `node:tls`, which needs `--allow-sys=ca` in Deno.
   */
  caCerts?: string[];
  /** The client's certificate chain in PEM, for servers that request one. */
  cert?: string;
  /** The private key of `cert` in PEM. */
  key?: string;
  /** The host name to verify the server's certificate against. By default the URL's host. */
  serverName?: string;
  /** Aborts connecting. It has no effect once the session is open. */
  signal?: AbortSignal;
}

/** The types of these options. */
export const CONNECT_HTTP2_OPTION_KINDS: OptionKinds<ConnectHttp2Options> = {
  handshakeTimeout: LIMIT_KINDS.handshakeTimeout,
  closeTimeout: LIMIT_KINDS.closeTimeout,
  caCerts: TEXTS,
  cert: TEXT,
  key: TEXT,
  serverName: TEXT,
  signal: SIGNAL,
};

/**
 * Opens an HTTP/2 session for WebSockets (RFC 8441): over TLS, if the server chooses `h2` (ALPN), or in cleartext to a server
 * that is known to speak it (h2c). It waits until the server announces that it accepts extended CONNECT.
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
 * @param url An absolute URL: https or wss, http or ws. Only its origin is used.
 * @param options The options of the session.
 * @returns The session.
 * @throws {HandshakeError} If the server does not support RFC 8441. The error's status is 0, because there was no response.
 * @throws {ConnectionError} If the connection cannot be made, or the server does not speak HTTP/2.
 * @throws {DOMException} `SyntaxError` for an invalid URL; the signal's reason if it was aborted.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export async function connectHttp2(
  url: string | URL,
  options: ConnectHttp2Options = {},
): Promise<Http2WebSocketSession> {
  options = takeOptions("connectHttp2()", options, CONNECT_HTTP2_OPTION_KINDS);
  const { handshakeTimeout: time, closeTimeout } = resolveLimits(options);
  const { protocol, host } = parseWebSocketUrl(url);
  const { caCerts, cert, key, serverName, signal } = options;
  const session = connectSession(`${protocol === "wss:" ? "https" : "http"}://${host}`, {
    settings: { enablePush: false },
    ...(caCerts && { ca: caCerts }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(serverName !== undefined && { servername: serverName }),
  });
  const ended = defer<void>();
  session.once("close", ended.resolve);
  const late = () => new ConnectionError(`The handshake took more than ${time} ms`);
  try {
    await withDeadline(firstSettings(session, host), { time, late, signal });
    if (!session.remoteSettings.enableConnectProtocol) {
      // RFC 8441 §3: a client must not send the request before.
      const message = `${host} takes no WebSockets over HTTP/2: it does not set SETTINGS_ENABLE_CONNECT_PROTOCOL`;
      throw new HandshakeError(message, { status: 0 });
    }
  } catch (error) {
    noteNotOpened(error);
    session.destroy();
    throw error;
  }
  return new WebSocketSession(session, { url: `${protocol}//${host}/`, closeTimeout, closed: ended.promise });
}

/** Waits for the server's first SETTINGS (RFC 9113 §3.4), which may contain the setting of RFC 8441 (§3). */
function firstSettings(session: ClientHttp2Session, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let cause: unknown;
    session.once("connect", () => {
      // RFC 9113 §3.2. A server without ALPN would not understand the preface.
      if (!session.encrypted || session.alpnProtocol === "h2") return;
      reject(new ConnectionError(`Cannot connect to ${host} over HTTP/2: it did not choose h2 in its TLS handshake`));
    });
    session.once("remoteSettings", () => resolve());
    // This listener stays: an `error` event without a listener would end the process. Each stream has its own `error` event.
    session.on("error", (error) => cause = error);
    session.once("close", () => reject(new ConnectionError(`Cannot connect to ${host} over HTTP/2`, { cause })));
  });
}
