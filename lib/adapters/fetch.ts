/**
 * WebSockets inside an application that is a function from `Request` to `Response`: Hono, h3, Oak, Fresh, or your own. The
 * application decides about each handshake in a route, and calls {@linkcode upgradeWebSocket} there.
 *
 * On a Sluice server the connection has backpressure, ping and compression; {@linkcode fromFetch} makes the options and the
 * handler for `serve`, `serveNode` and `serveHttp2`. In `Deno.serve` and `deno serve`, which call the application's `fetch`
 * themselves, the platform's WebSocket carries the connection; the description of `./deno-serve` lists what it lacks.
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
import { takeServing } from "../connection/check_handler.ts";
import { runHandler, type WebSocketHandler } from "../connection/readers/callbacks.ts";
import type { WebSocketConnection, WebSocketConnectionWithData } from "../connection/websocket_connection.ts";
import { CALLBACK, isObject, kind } from "../option_kinds.ts";
import { once } from "../once.ts";
import { pick } from "../options.ts";
import type { UpgradeAnswer, UpgradeInfo } from "../server/server_options.ts";
import { upgradeRequest } from "../server/upgrade_request.ts";
import { CHOICE_KINDS, FETCH_UPGRADE_OPTION_KINDS, type FetchUpgradeOptions, PLATFORM_KINDS } from "./fetch_options.ts";

export type { FetchUpgradeOptions } from "./fetch_options.ts";

/** An application, which returns a response for a request. `info` is the information of `serve` about the request. */
export type FetchApplication = (request: Request, info: UpgradeInfo) => Response | Promise<Response>;

/** The options and the handler for a Sluice server, in which an application accepts or refuses each handshake. */
export interface FetchServing {
  /**
   * The option `http` of `serve`, which calls the application. Servers of `node:http` and `node:http2` answer ordinary requests
   * themselves.
   */
  http(request: Request, info: UpgradeInfo): Response | Promise<Response>;
  /** The option `upgrade` of every server. */
  upgrade(request: UpgradeRequest, info: UpgradeInfo): Promise<UpgradeAnswer | Response>;
  /** The handler of the same server. */
  handler(socket: WebSocketConnection): Promise<void>;
}

/** The application's decision about a request of a Sluice server. The connection keeps it until its handler runs. */
class Decision {
  readonly request: UpgradeRequest;
  /** Runs the application's handler, once the application has accepted. */
  accepted: ((socket: WebSocketConnection) => Promise<void>) | undefined = undefined;
  protocol: string | undefined = undefined;
  /** Whether the application has responded. */
  over = false;

  constructor(request: UpgradeRequest) {
    this.request = request;
  }
}

/** The decisions of applications about requests of Sluice servers. */
const DECISIONS = new WeakMap<Request, Decision>();

/** Only the platform can create a response with 101, and Deno creates one for any `Request`. */
const OTHER_REQUEST =
  "Cannot open the connection: the application has upgraded another Request than it was given, or used the " +
  "platform's own call. Call upgradeWebSocket() with the request itself, not with a copy";
const noWebSocket = once(() => new HandshakeError("There is no WebSocket here", { status: 404 }));

/**
 * Makes the options and the handler for a Sluice server whose handshakes an application decides. The application gets each
 * handshake as a `Request`, and accepts it by calling {@linkcode upgradeWebSocket}, unless its final response is an error. The
 * header fields of its response, such as cookies of a middleware, are sent with the 101. Any other error or redirect refuses the
 * handshake; so does an ordinary page, with 404.
 *
 * The server first checks the origin, the limits and the rules of the handshake.
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
 * @throws {TypeError} If it is not a function.
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
 * Responds with a WebSocket to a request that an application got from {@linkcode fromFetch} or from `Deno.serve`.
 *
 * @typeParam Data The type of `socket.data`.
 * @param request The application's request.
 * @param options The subprotocols, header fields and data, and options for `Deno.serve`.
 * @param handler A function that handles the connection, or callbacks. It starts once the connection is open.
 *   @returns The response, which the application has to return.
 * @throws {TypeError} If an option is unknown or has the wrong type, there is no handler, the request was upgraded before, or it
 *   comes from neither of them.
 * @throws {RangeError} If a number is out of range.
 */
export function upgradeWebSocket<Data>(
  request: Request,
  options: FetchUpgradeOptions<Data> & { data: Data },
  handler: WebSocketHandler<Data, WebSocketConnectionWithData<Data>>,
): Response;
/** Responds with a WebSocket. `data` may be attached later, or never. */
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
  options = takeServing("upgradeWebSocket()", options, FETCH_UPGRADE_OPTION_KINDS, handler);
  REQUEST.check(request, "the first argument of upgradeWebSocket()");
  const choice = pick<Omit<FetchUpgradeOptions<Data>, "platform">>(options, CHOICE_KINDS);
  const decision = DECISIONS.get(request);
  if (decision === undefined) {
    if ("Deno" in globalThis) {
      return upgradeRequest(request, { ...pick(options.platform ?? {}, PLATFORM_KINDS), ...choice }, handler);
    }
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
  // A `Response` with 101 can be created only by the platform.
  return new Response(null, choice.headers === undefined ? {} : { headers: choice.headers });
}

const REQUEST = kind("a Request", isObject);

/** Converts a handshake to a `Request`. Over HTTP/2 too, it looks like a handshake of HTTP/1.1, which frameworks expect. */
function toRequest({ url, fields }: UpgradeRequest, { signal }: UpgradeInfo): Request {
  const headers = toHeaders(fields);
  headers.set("Connection", "Upgrade");
  headers.set("Upgrade", "websocket");
  return new Request(url.replace(/^ws/, "http"), { headers, signal });
}
