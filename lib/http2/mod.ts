/**
 * WebSockets over HTTP/2 (RFC 8441) for both roles, on `node:http2`, in Deno and in Node. Each socket is a stream, and many share
 * one TCP connection. A connection has the same API, limits and extensions as over HTTP/1.1. If its messages are not read, the
 * stream's window stops its peer, but no other socket of the session.
 *
 * @example Browsers of either version on one port
 * ```ts ignore
 * import { createSecureServer } from "node:http2";
 * import { serveHttp2 } from "@sluice/websocket/http2";
 * import { serveNode } from "@sluice/websocket/node";
 *
 * const server = createSecureServer({ cert, key, allowHTTP1: true }, (_, response) => response.end("Hello\n"));
 * serveHttp2(server, {}, { message: (socket, data) => void socket.send(data) });
 * serveNode(server, {}, { message: (socket, data) => void socket.send(data) });
 * server.listen(8443);
 * ```
 *
 * @example A client
 * ```ts ignore
 * import { connectHttp2 } from "@sluice/websocket/http2";
 *
 * await using session = await connectHttp2("https://example.com");
 * const [news, chat] = await Promise.all([session.connect("/news"), session.connect("/chat")]);
 * ```
 *
 * @module
 */
export { acceptHttp2, type AcceptHttp2Options } from "./accept_http2.ts";
export { connectHttp2, type ConnectHttp2Options } from "./connect_http2.ts";
export type { AnyUpgradeAnswer, ConnectionOf, DataIn, DataOf, WithUpgrade } from "../server/upgrade_data.ts";
export type { StreamEvent } from "./http2_exchange.ts";
export type { ConnectStreamOptions, Http2WebSocketSession } from "./http2_session.ts";
export { serveHttp2, type ServeHttp2Options } from "./serve_http2.ts";
