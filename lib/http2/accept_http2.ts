/**
 * Accepts one `stream` event of a `node:http2` server as a WebSocket connection.
 *
 * @module
 */
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import { isObject, kind, type OptionKinds } from "../option_kinds.ts";
import { takeOptions, without } from "../options.ts";
import { acceptExchange } from "../server/accept.ts";
import { createAcceptor } from "../server/acceptor.ts";
import { ACCEPT_OPTION_KINDS, type AcceptOptions } from "../server/server_options.ts";
import type { AnyUpgradeAnswer, ConnectionOf, WithUpgrade } from "../server/upgrade_data.ts";
import { http2Exchange, type StreamEvent } from "./http2_exchange.ts";

/** Options for accepting a stream. The drafts before RFC 6455 do not exist over HTTP/2. */
export type AcceptHttp2Options<Data = unknown> = Omit<AcceptOptions<Data>, "legacy">;

/** The types of these options. */
export const ACCEPT_HTTP2_OPTION_KINDS: OptionKinds<AcceptHttp2Options> = without(ACCEPT_OPTION_KINDS, "legacy");

const STREAM_EVENT = kind(
  "the arguments of a stream event: an object with stream and rawHeaders",
  (value) =>
    isObject(value) && "stream" in value && isObject(value.stream) && "rawHeaders" in value &&
    Array.isArray(value.rawHeaders),
);

/**
 * Accepts one extended CONNECT request (RFC 8441) as a WebSocket connection, if you handle the event yourself. The server must
 * have the setting `enableConnectProtocol`.
 *
 * @example One connection of an HTTP/2 server by hand
 * ```ts
 * import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
 * import { acceptHttp2, connectHttp2 } from "@sluice/websocket/http2";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const server = createServer({ settings: { enableConnectProtocol: true } });
 * server.on("stream", async (stream: ServerHttp2Stream, _: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) => {
 *   const connection = await acceptHttp2({ stream, rawHeaders });
 *   await connection.send("hello");
 *   await connection.close();
 * });
 * await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
 * const address = server.address();
 * assert(typeof address === "object" && address !== null);
 *
 * const session = await connectHttp2(`http://127.0.0.1:${address.port}`);
 * const socket = await session.connect("/");
 * for await (const message of socket) assertEquals(message, "hello");
 * await session.close();
 * await new Promise((closed) => server.close(closed));
 * ```
 *
 * @typeParam Data The application's data for the connection.
 * @param event The event's arguments. The connection owns the stream from now on.
 * @param options The limits, the subprotocols, the origins and the application's hooks.
 * @returns The open connection.
 * @throws {TypeError} If the event is not of that kind, or the stream already belongs to a connection that `serveHttp2` or this
 *    function made.
 * @throws {HandshakeError} If the request was refused. The client has got the response, and the stream is closed.
 * @throws {ConnectionError} If the peer went away.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function acceptHttp2<Answer extends AnyUpgradeAnswer>(
  event: StreamEvent,
  options: WithUpgrade<AcceptHttp2Options, Answer>,
): Promise<ConnectionOf<Answer>>;
/** Accepts one extended CONNECT request as a WebSocket connection. Its `data` may be set later, or never. */
export function acceptHttp2<Data = unknown>(
  event: StreamEvent,
  options?: AcceptHttp2Options<Data>,
): Promise<WebSocketConnection<Data>>;
export async function acceptHttp2<Data>(
  event: StreamEvent,
  options: AcceptHttp2Options<Data> = {},
): Promise<WebSocketConnection<Data>> {
  options = takeOptions("acceptHttp2()", options, ACCEPT_HTTP2_OPTION_KINDS);
  STREAM_EVENT.check(event, "the first argument of acceptHttp2()");
  const acceptor = createAcceptor(options);
  return await acceptExchange(acceptor, http2Exchange(event, acceptor.limits));
}
