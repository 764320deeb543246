/**
 * Adds WebSockets to your own `node:http2` server: it handles the extended CONNECT streams, and the server keeps its ordinary
 * requests.
 *
 * @module
 */
import type {
  Http2SecureServer,
  Http2Server,
  Http2ServerRequest,
  IncomingHttpHeaders,
  ServerHttp2Stream,
} from "node:http2";
import { HandshakeError } from "../errors.ts";
import { resolveLimits } from "../limits.ts";
import { isTaken } from "../transport/node_connection.ts";
import { CALLBACK, like, type OptionKinds } from "../option_kinds.ts";
import { without } from "../options.ts";
import { atOnce } from "../log_error.ts";
import { takeServing } from "../connection/check_handler.ts";
import type { NodeUpgrades } from "../node/serve_node.ts";
import type { WebSocketHandler } from "../connection/readers/callbacks.ts";
import { ConnectionGroup } from "../server/connection_group.ts";
import { GROUP_OPTION_KINDS, type GroupOptions, type ShutdownOptions } from "../server/server_options.ts";
import type { AnyUpgradeAnswer, ConnectionOf, DataOf, WithUpgrade } from "../server/upgrade_data.ts";
import { http2Exchange, type StreamEvent } from "./http2_exchange.ts";

/**
 * Options for an HTTP/2 server's extended CONNECT streams. There is no `http`, because ordinary requests stay with the server.
 */
export interface ServeHttp2Options<Data = unknown>
  extends Omit<GroupOptions<Data>, "http" | "legacy" | "signal" | "bodyTimeout" | "keepAliveTimeout"> {
  /**
   * Returns whether to handle a WebSocket request, by its header fields: `:path`, `:authority` and the others. Other requests are
   * passed on to the server's other listeners; if there are none, they get a 404. By default all requests are handled.
   */
  takes?(headers: IncomingHttpHeaders): boolean;
}

/** The types of these options. */
export const SERVE_HTTP2_OPTION_KINDS: OptionKinds<ServeHttp2Options> = {
  ...without(GROUP_OPTION_KINDS, "http", "legacy", "signal", "bodyTimeout", "keepAliveTimeout"),
  takes: CALLBACK,
};

const HTTP2_SERVER = like("a node:http2 server", { methods: ["on", "off", "listeners", "updateSettings"] });

/** The listeners of this module. */
const OURS = new WeakSet<object>();
/** The servers with a listener that takes all WebSocket requests. */
const WHOLE = new WeakSet<object>();

/**
 * Serves WebSockets on an HTTP/2 server (RFC 8441), with TLS or without (h2c). It enables the setting `enableConnectProtocol` for
 * sessions that start afterwards. You may call it several times for one server, with `takes` to distinguish the requests.
 *
 * Your own listeners for `stream` and `connect` see these streams too, and must ignore those that are handled here. A listener
 * for `request` does not see them. With `allowHTTP1`, `serveNode` of `./node` handles the same server's upgrades.
 *
 * @example Many sockets over one connection, beside an application
 * ```ts
 * import { createServer } from "node:http2";
 * import { connectHttp2, serveHttp2 } from "@sluice/websocket/http2";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const server = createServer((_, response) => response.end("Hello\n"));
 * const upgrades = serveHttp2(server, { takes: (headers) => headers[":path"] === "/echo" }, {
 *   message: (socket, data) => void socket.send(data),
 * });
 * await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
 * const address = server.address();
 * assert(typeof address === "object" && address !== null);
 *
 * await using session = await connectHttp2(`http://127.0.0.1:${address.port}`);
 * for (const word of ["one", "two"]) {
 *   const socket = await session.connect("/echo");
 *   await socket.send(word);
 *   assertEquals((await socket[Symbol.asyncIterator]().next()).value, word);
 * }
 * assertEquals(upgrades.connections.size, 2);
 * await upgrades.shutdown();
 * await session.close();
 * await new Promise((closed) => server.close(closed));
 * ```
 *
 * @typeParam Data The application's data for each connection.
 * @param server A `node:http2` server, listening or not.
 * @param options The limits, the application's hooks, and which requests to handle.
 * @param handler A function that is called with each connection, or callbacks.
 * @returns The connections, and a method to shut down. Sessions stay open for other requests.
 * @throws {TypeError} If there is no handler, an option is unknown or has the wrong type, or an earlier call without `takes`
 *    takes all requests of this server.
 * @throws {RangeError} If a number is out of range.
 */
export function serveHttp2<Answer extends AnyUpgradeAnswer>(
  server: Http2Server | Http2SecureServer,
  options: WithUpgrade<ServeHttp2Options, Answer>,
  handler: WebSocketHandler<DataOf<Answer>, ConnectionOf<Answer>>,
): NodeUpgrades<DataOf<Answer>>;
/** Serves WebSockets on an HTTP/2 server. The `data` of each connection may be set later, or never. */
export function serveHttp2<Data = unknown>(
  server: Http2Server | Http2SecureServer,
  options: ServeHttp2Options<Data>,
  handler: WebSocketHandler<Data>,
): NodeUpgrades<Data>;
export function serveHttp2<Data>(
  server: Http2Server | Http2SecureServer,
  options: ServeHttp2Options<Data>,
  handler: WebSocketHandler<Data>,
): NodeUpgrades<Data> {
  HTTP2_SERVER.check(server, "the first argument of serveHttp2()");
  options = takeServing("serveHttp2()", options, SERVE_HTTP2_OPTION_KINDS, handler);
  const { takes } = options;
  if (WHOLE.has(server)) {
    throw new TypeError("Cannot serve the server: an earlier call without `takes` takes all its requests");
  }
  const group = new ConnectionGroup<Data>(options, handler);
  const limits = resolveLimits(options);
  let stopped: Promise<void> | undefined;

  /** Handles a stream, if it is a WebSocket request for this listener. */
  const take = (event: StreamEvent, headers: IncomingHttpHeaders) => {
    if (isTaken(event.stream) || headers[":protocol"] !== "websocket") return;
    try {
      if (atOnce(takes?.(headers), "takes()", (error) => group.report(error)) === false) return;
    } catch (cause) {
      group.report(cause); // An error thrown in an event listener would end the process.
      return refuse(event, new HandshakeError("takes() failed", { status: 500, cause }));
    }
    group.takeExchange(http2Exchange(event, limits));
  };

  /** Refuses a stream that no listener takes. Otherwise it would stay open until its client closes it. */
  const refuse = (event: StreamEvent, error: HandshakeError) => {
    void group.refuseExchange(http2Exchange(event, limits), error);
  };
  const isLast = (event: string, listener: object) => {
    const listeners = server.listeners(event);
    return listeners.at(-1) === listener && listeners.every((other) => OURS.has(other));
  };

  const onStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) => {
    take({ stream, rawHeaders }, headers);
    if (!isTaken(stream) && isLast("stream", onStream)) refuse({ stream, rawHeaders }, nobodys(headers));
  };

  // A server with a listener for `request` responds to every CONNECT with 405, unless there is a listener for `connect`.
  const onConnect = (request: Http2ServerRequest) => {
    // The HTTP/1.1 event of the same name has a socket, which a server without listeners closes.
    if (request.httpVersionMajor < 2) return isLast("connect", onConnect) ? request.socket.destroy() : undefined;
    const { stream, headers, rawHeaders } = request;
    take({ stream, rawHeaders }, headers);
    if (!isTaken(stream) && isLast("connect", onConnect)) refuse({ stream, rawHeaders }, nobodys(headers));
  };

  const stop = async (options: ShutdownOptions) => {
    await group.stop(options, () => {});
    server.off("stream", onStream);
    server.off("connect", onConnect);
    if (takes === undefined) WHOLE.delete(server);
  };
  const shutdown = (options: ShutdownOptions = {}) => stopped ??= stop(options);

  if (takes === undefined) WHOLE.add(server);
  server.updateSettings({ enableConnectProtocol: true });
  for (const listener of [onStream, onConnect]) OURS.add(listener);
  server.on("stream", onStream);
  server.on("connect", onConnect);
  return { connections: group.connections, shutdown, [Symbol.asyncDispose]: () => shutdown() };
}

/** The response to a request that no listener takes. */
function nobodys(headers: IncomingHttpHeaders): HandshakeError {
  const protocol = headers[":protocol"];
  if (protocol === "websocket") return new HandshakeError("There is no WebSocket here", { status: 404 });
  // RFC 9220 §3 names the status that RFC 8441 does not.
  if (protocol !== undefined) return new HandshakeError("This protocol is not supported", { status: 501 });
  if (headers[":method"] === "CONNECT") return new HandshakeError("This server is not a proxy", { status: 405 });
  return new HandshakeError("There is nothing here", { status: 404 });
}
