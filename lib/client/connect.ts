/**
 * The client's end of one connection: connects, does the handshake, and returns a WebSocket connection or throws the server's
 * refusal.
 *
 * @module
 */
import { ConnectionError, HandshakeError } from "../errors.ts";
import type { Extension, ExtensionProcessor } from "../extensions/extension.ts";
import { confirmExtensions, describeExtensions, offerExtensions } from "../extensions/negotiation.ts";
import { withPerMessageDeflate } from "../extensions/permessage_deflate/permessage_deflate.ts";
import { checkUpgradeResponse, createUpgradeRequest } from "../handshake/client_handshake.ts";
import type { ExtensionOffer } from "../handshake/extension_header.ts";
import { toHeaders } from "../handshake/http_fields.ts";
import { type ResponseHead, ResponseHeadParser } from "../handshake/http_head.ts";
import { subprotocolList } from "../handshake/subprotocol.ts";
import { resolveLimits } from "../limits.ts";
import { Connection } from "../connection/connection.ts";
import { notifyRefused } from "../connection/watch/observer.ts";
import { readHead, withDeadline, writeHead } from "../transport/opening.ts";
import { type Transport, transportOf } from "../transport/transport.ts";
import type { WebSocketConnection, WebSocketConnectionWithData } from "../connection/websocket_connection.ts";
import { takeOptions } from "../options.ts";
import { CONNECT_OPTION_KINDS, type ConnectOptions } from "./client_options.ts";
import { dial } from "./dial.ts";
import { type Hop, isRedirect, redirected } from "./redirect.ts";
import { refusal, reworded } from "./refusal.ts";
import { routeOf } from "./route.ts";

/**
 * Opens a WebSocket connection.
 *
 * The whole handshake takes at most `handshakeTimeout` milliseconds, including name resolution, proxy, TLS and redirects. If it
 * fails or is aborted, the connection is closed at once. `socket.url` and errors never show the URL's `user:password@`.
 *
 * By default a redirect is an error. With `maxRedirects`, the client follows 301, 302, 303, 307 and 308, but never from wss to
 * ws. To another scheme, host or port it does not send `Authorization`, `Cookie`, the URL's credentials or the client
 * certificate. Errors name the redirect after which they occurred.
 *
 * @example Ask an echo server
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0, hostname: "127.0.0.1" }, (socket) => socket.readable.pipeTo(socket.writable));
 * const socket = await connect(`${server.url}/echo`);
 * await socket.send("hello");
 * for await (const message of socket) {
 *   assertEquals(message, "hello");
 *   break;
 * }
 * assertEquals((await socket.close()).wasClean, true);
 * ```
 *
 * @typeParam Data The type of `socket.data`.
 * @param url An absolute URL with the scheme ws or wss, or http or https instead. For a Unix socket,
 *    `ws+unix:/path/of/socket:/resource?query` or `wss+unix:`.
 * @param options The header fields, the subprotocols, the limits and the route.
 * @returns The open connection.
 * @throws {HandshakeError} If the server or an HTTP proxy refuses, or the response is invalid: with the status, the header fields
 *    and the start of the body.
 * @throws {ConnectionError} If no connection can be made, if it ends too early, or if a SOCKS proxy refuses.
 * @throws {DOMException} `SyntaxError` for an invalid URL, proxy or subprotocol; the signal's reason if it was aborted.
 * @throws {TypeError} If an option is unknown or has the wrong type, for an invalid header field, for `cert` without `key`, for two
 *    of `conn`, `path`, a `ws+unix:` URL and `proxy`, or for TLS options together with `conn`.
 * @throws {RangeError} If a number is out of range.
 */
export function connect<Data>(
  url: string | URL,
  options: ConnectOptions<Data> & { data: Data },
): Promise<WebSocketConnectionWithData<Data>>;
/** Opens a WebSocket connection. `data` may be attached later, or never. */
export function connect<Data = unknown>(
  url: string | URL,
  options?: ConnectOptions<Data>,
): Promise<WebSocketConnection<Data>>;
export async function connect<Data>(
  url: string | URL,
  options: ConnectOptions<Data> = {},
): Promise<WebSocketConnection<Data>> {
  options = takeOptions("connect()", options, CONNECT_OPTION_KINDS);
  return await openConnection(url, options);
}

/**
 * Opens a connection like {@linkcode connect}, with options whose types were checked. It returns the internal connection, which
 * the classes of this folder need.
 */
export async function openConnection<Data = unknown>(
  url: string | URL,
  options: ConnectOptions<Data>,
): Promise<Connection<Data>> {
  const limits = resolveLimits(options);
  const protocols = subprotocolList(options.protocols);
  const extensions = withPerMessageDeflate(options);
  const requestFor = ({ target: { url }, headers }: Hop) =>
    createUpgradeRequest({ url, protocols, extensions: offerExtensions(extensions), headers });
  const { target, tls, proxyFor } = routeOf(url, options);
  const first: Hop = { target, tls, headers: new Headers(options.headers) };
  requestFor(first); // Mistakes of the caller throw before anything is dialled.

  const giveUp = new AbortController();
  const { signal } = giveUp;
  let transport: Transport | undefined;

  /** Sends one request, and returns the connection or the target of a redirect. */
  const ask = async (hop: Hop, redirects: number): Promise<Connection<Data> | Hop> => {
    const { target, tls } = hop;
    const conn = options.conn ?? await dial(target, { tls, proxy: proxyFor(target), limits }, signal);
    transport = transportOf(conn);
    if (signal.aborted) transport.close();
    const request = requestFor(hop);
    await writeHead(transport, request.bytes);
    const parser = new ResponseHeadParser(limits);
    const head = await readHead(transport, parser);
    const { rest } = parser;
    if (head.status !== 101) {
      const follow = limits.maxRedirects > 0 && options.conn === undefined && isRedirect(head);
      if (follow && redirects < limits.maxRedirects) return redirected(hop, head);
      const message = follow
        ? `Server redirects more than ${limits.maxRedirects} times`
        : `Server answered ${head.status}, not 101`;
      throw await refusal(message, head, { transport, rest, max: limits.maxErrorBodyBytes });
    }
    const offeredExtensions = extensions.map(({ name }) => name);
    const agreed = await checkUpgradeResponse(head, { key: request.key, protocols, offeredExtensions });
    signal.throwIfAborted();
    const extensionProcessors = confirm(agreed.extensions, extensions, head); // the connection takes over what it reserves
    return new Connection<Data>({
      role: "client",
      url: target.href,
      protocol: agreed.protocol,
      extensions: describeExtensions(extensionProcessors),
      extensionProcessors,
      fields: head.fields,
      remoteAddr: "remoteAddr" in conn ? conn.remoteAddr : undefined,
      localAddr: "localAddr" in conn ? conn.localAddr : undefined,
      data: options.data,
      transport,
      limits,
      rest,
      observer: options.observer,
    });
  };
  const open = async (): Promise<Connection<Data>> => {
    let hop = first;
    for (let redirects = 0;; redirects++) {
      try {
        const answer = await ask(hop, redirects);
        if (answer instanceof Connection) return answer;
        transport?.close();
        hop = answer;
      } catch (error) {
        if (redirects === 0) throw error;
        throw reworded(error, (message) => `${message} (after redirect ${redirects}, to ${hop.target.href})`);
      }
    }
  };

  const time = limits.handshakeTimeout;
  const late = () => new ConnectionError(`The handshake took more than ${time} ms`);
  const discard = (connection: Connection<Data>, reason: unknown) => connection.abort(reason);
  try {
    return await withDeadline(open(), { time, late, signal: options.signal, discard });
  } catch (error) {
    giveUp.abort(error);
    transport?.close();
    notifyRefused(options.observer, error, { remoteAddr: undefined, localAddr: undefined });
    throw error;
  }
}

/** A response that an extension refuses fails the handshake (RFC 6455 §4.1). */
export function confirm(
  answer: readonly ExtensionOffer[],
  extensions: readonly Extension[],
  head: Pick<ResponseHead, "status" | "fields">,
): ExtensionProcessor[] {
  try {
    return confirmExtensions(answer, extensions);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new HandshakeError(message, { status: head.status, headers: toHeaders(head.fields), cause });
  }
}
