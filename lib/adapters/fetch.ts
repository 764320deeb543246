/**
 * WebSockets inside an application that is a function from `Request` to `Response`: Hono, h3, Oak, Fresh, or your own. The application
 * decides about each handshake where it decides about everything else, in a route, and calls {@linkcode upgradeWebSocket} there.
 *
 * On a server of ours the connection is ours, with backpressure, ping and compression; {@linkcode fromFetch} makes what `serve`,
 * `serveNode` and `serveHttp2` take. In `Deno.serve` and `deno serve`, which call the application's `fetch` themselves, it is the
 * platform's, with all that the description of `./deno-serve` says.
 *
 * @example One route of an application
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { fromFetch, upgradeWebSocket } from "@sluice/websocket/fetch";
 * import { assertEquals } from "@std/assert";
 *
 * function fetch(request: Request): Response {
 *   if (new URL(request.url).pathname !== "/echo") return new Response("Hello\n");
 *   return upgradeWebSocket(request, {}, { message: (socket, data) => void socket.send(data) });
 * }
 *
 * const { handler, ...app } = fromFetch(fetch);
 * await using server = serve({ hostname: "127.0.0.1", port: 0, ...app }, handler);
 * // Or, with the platform's WebSockets: Deno.serve(fetch)
 *
 * await using socket = await connect(`${server.url}/echo`);
 * await socket.send("hello");
 * assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
 * ```
 *
 * @module
 */
import { HandshakeError } from "../errors.ts";
import { isApplicationField, toHeaders } from "../handshake/http_fields.ts";
import type { UpgradeRequest } from "../handshake/server_handshake.ts";
import { chooseSubprotocol, subprotocolList } from "../handshake/subprotocol.ts";
import { BaseConnection } from "../connection/base_connection.ts";
import { checkServing } from "../connection/check_handler.ts";
import { runHandler, type WebSocketHandler } from "../connection/readers/callbacks.ts";
import type { WebSocketConnection, WebSocketConnectionWithData } from "../connection/websocket_connection.ts";
import { CALLBACK, isObject, kind, type OptionKinds } from "../option_kinds.ts";
import { once } from "../once.ts";
import { bag, without } from "../options.ts";
import type { UpgradeAnswer, UpgradeInfo } from "../server/server_options.ts";
import { upgradeRequest } from "../server/upgrade_request.ts";
import { UPGRADE_REQUEST_OPTION_KINDS, type UpgradeRequestOptions } from "../server/upgrade_request_options.ts";

/** An application: from a request to its answer. `info` is what `serve` knows of the request. */
export type FetchApplication = (request: Request, info: UpgradeInfo) => Response | Promise<Response>;

/** What a server of ours takes so that an application decides about its handshakes. */
export interface FetchServing {
  /** The option `http` of `serve`: the application itself. Servers of `node:http` and `node:http2` answer ordinary requests themselves. */
  http(request: Request, info: UpgradeInfo): Response | Promise<Response>;
  /** The option `upgrade` of every server. */
  upgrade(request: UpgradeRequest, info: UpgradeInfo): Promise<UpgradeAnswer | Response>;
  /** The handler of the same server. */
  handler(socket: WebSocketConnection): Promise<void>;
}

/** How a request is upgraded. */
export interface FetchUpgradeOptions<Data = unknown>
  extends Pick<UpgradeRequestOptions<Data>, "protocols" | "headers" | "data"> {
  /**
   * What else counts for requests of `Deno.serve`, where there is no server of ours that was given it: the limits, `origins`, `hub`,
   * `remoteAddr` and `onError`.
   */
  platform?: Omit<UpgradeRequestOptions<Data>, "protocols" | "headers" | "data">;
}

/** What they take. */
const FETCH_UPGRADE_OPTION_KINDS: OptionKinds<FetchUpgradeOptions> = {
  protocols: UPGRADE_REQUEST_OPTION_KINDS.protocols,
  headers: UPGRADE_REQUEST_OPTION_KINDS.headers,
  data: UPGRADE_REQUEST_OPTION_KINDS.data,
  platform: bag(without(UPGRADE_REQUEST_OPTION_KINDS, "protocols", "headers", "data")),
};

/** What the application decided about a request of ours: the connection keeps it until its handler runs. */
class Decision {
  readonly request: UpgradeRequest;
  /** What runs the application's handler, once it has said yes. */
  accepted: ((socket: WebSocketConnection) => Promise<void>) | undefined = undefined;
  protocol: string | undefined = undefined;
  /** Whether the application has answered. */
  over = false;

  constructor(request: UpgradeRequest) {
    this.request = request;
  }
}

/** What applications decide about requests of ours. */
const DECISIONS = new WeakMap<Request, Decision>();

/** Only the platform can make an answer with 101, and Deno makes one for any `Request`. */
const OTHER_REQUEST =
  "Cannot open the connection: the application has upgraded another Request than it was given, or used the " +
  "platform's own call. Call upgradeWebSocket() with the request itself, not with a copy";
const noWebSocket = once(() => new HandshakeError("There is no WebSocket here", { status: 404 }));

/**
 * Makes what a server of ours takes so that an application decides about its handshakes: the application gets each as a `Request`. It
 * lets in what it calls {@linkcode upgradeWebSocket} for, unless its answer is an error in the end; the header fields of its answer go
 * out with the 101, such as cookies of a middleware. Any other error or redirection that it answers with refuses the handshake, and so
 * does an ordinary page, with 404.
 *
 * The server's own checks come first: the origin, the limits, the handshake's rules.
 *
 * @example In a server of node:http, whose ordinary requests stay its own
 * ```ts
 * import { createServer } from "node:http";
 * import { serveNode } from "@sluice/websocket/node";
 * import { fromFetch, upgradeWebSocket } from "@sluice/websocket/fetch";
 *
 * const { upgrade, handler } = fromFetch((request) =>
 *   upgradeWebSocket(request, {}, { message: (socket, data) => void socket.send(data) })
 * );
 * const server = createServer((_, response) => response.end("Hello\n"));
 * await using upgrades = serveNode(server, { upgrade }, handler);
 * ```
 *
 * @param fetch The application, such as `app.fetch` of Hono.
 * @returns The options and the handler.
 * @throws {TypeError} If it is no function.
 */
export function fromFetch(fetch: FetchApplication): FetchServing {
  CALLBACK.check(fetch, "the first argument of fromFetch()");
  return {
    http: fetch,
    async upgrade(asked, info) {
      const request = toRequest(asked, info);
      const decision = new Decision(asked);
      DECISIONS.set(request, decision);
      const response = await fetch(request, info);
      decision.over = true;
      const { accepted, protocol } = decision;
      if (response.status === 101) throw new TypeError(OTHER_REQUEST);
      if (!response.ok) return response;
      if (response.body !== null) void response.body.cancel().catch(() => {});
      if (accepted === undefined) throw noWebSocket();
      return {
        headers: [...response.headers].filter(([name]) => isApplicationField(name) && !name.startsWith("content-")),
        data: decision,
        ...(protocol === undefined ? {} : { protocol }),
      };
    },
    async handler(socket) {
      const decision = socket.data;
      if (!(decision instanceof Decision) || decision.accepted === undefined) {
        throw new TypeError("Cannot handle the connection: give the server `upgrade` of the same fromFetch() too");
      }
      await decision.accepted(socket);
    },
  };
}

/**
 * Answers a request with a WebSocket: one that an application was given by {@linkcode fromFetch}, or by `Deno.serve`.
 *
 * @typeParam Data What the application keeps with the connection.
 * @param request The request, as the application was given it.
 * @param options The subprotocols, header fields and data, and what counts in `Deno.serve` only.
 * @param handler A function that holds the connection, or callbacks. It runs once the connection is open.
 * @returns The answer, which the application returns.
 * @throws {TypeError} If an option is unknown or has the wrong type, there is no handler, the request was upgraded before, or it comes from
 *   neither.
 * @throws {RangeError} If a number is out of range.
 */
export function upgradeWebSocket<Data>(
  request: Request,
  options: FetchUpgradeOptions<Data> & { data: Data },
  handler: WebSocketHandler<Data, WebSocketConnectionWithData<Data>>,
): Response;
/** Answers a request with a WebSocket, whose `data` may be attached later, or never. */
export function upgradeWebSocket<Data = unknown>(
  request: Request,
  options: FetchUpgradeOptions<Data>,
  handler: WebSocketHandler<Data>,
): Response;
export function upgradeWebSocket<Data>(
  request: Request,
  options: FetchUpgradeOptions<Data>,
  handler: WebSocketHandler<Data>,
): Response {
  checkServing("upgradeWebSocket()", options, FETCH_UPGRADE_OPTION_KINDS, handler);
  REQUEST.check(request, "the first argument of upgradeWebSocket()");
  const { platform = {}, ...choice } = options;
  const decision = DECISIONS.get(request);
  if (decision === undefined) {
    if ("Deno" in globalThis) return upgradeRequest(request, { ...platform, ...choice }, handler);
    throw new TypeError(
      "Cannot upgrade the request: give your server what fromFetch() makes of the application's fetch",
    );
  }
  if (decision.accepted !== undefined) throw new TypeError("Cannot upgrade the request: it was upgraded before");
  if (decision.over) throw new TypeError("Cannot upgrade the request: it was answered before");
  const protocol = chooseSubprotocol(decision.request.protocols, subprotocolList(choice.protocols));
  if (protocol !== "") decision.protocol = protocol;
  decision.accepted = async (socket) => {
    if (!(socket instanceof BaseConnection)) throw new TypeError("Cannot handle the connection: it is not one of ours");
    socket.data = choice.data;
    await runHandler(socket, handler, (error) => socket.owner?.report(error));
  };
  // No `Response` can be made with 101 outside the platform.
  return new Response(null, choice.headers === undefined ? {} : { headers: choice.headers });
}

const REQUEST = kind("a Request", isObject);

/** A handshake as a `Request`: over HTTP/2 too it looks as frameworks know it. */
function toRequest({ url, fields }: UpgradeRequest, { signal }: UpgradeInfo): Request {
  const headers = toHeaders(fields);
  headers.set("Connection", "Upgrade");
  headers.set("Upgrade", "websocket");
  return new Request(url.replace(/^ws/, "http"), { headers, signal });
}
