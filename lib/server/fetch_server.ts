/**
 * A server as an object with a `fetch` method, for `deno serve` and other platforms that call `fetch`.
 *
 * @module
 */
import { HandshakeError } from "../errors.ts";
import { hasToken } from "../handshake/http_fields.ts";
import type { UpgradeRequest } from "../handshake/server_handshake.ts";
import { takeServing } from "../connection/check_handler.ts";
import type { WebSocketHandler } from "../connection/readers/callbacks.ts";
import { isObject, kind, type OptionKinds } from "../option_kinds.ts";
import { checkOptions, without } from "../options.ts";
import { logError } from "../log_error.ts";
import { once } from "../once.ts";
import type { Address } from "../transport/transport.ts";
import { GROUP_OPTION_KINDS, type GroupOptions, UPGRADE_ANSWER_KINDS, type UpgradeInfo } from "./server_options.ts";
import type { AnyUpgradeAnswer, ConnectionOf, DataOf, WithUpgrade } from "./upgrade_data.ts";
import { PlatformAcceptor, platformInfo, refusalOf } from "./upgrade_request.ts";
import { UPGRADE_REQUEST_OPTION_KINDS, type UpgradeRequestOptions } from "./upgrade_request_options.ts";

/** The options of `fetchServer`. `http` and `upgrade` work as in `serve`. */
export interface FetchServerOptions<Data = unknown>
  extends
    Omit<UpgradeRequestOptions<Data>, "data" | "headers" | "remoteAddr">,
    Pick<GroupOptions<Data>, "http" | "upgrade"> {}

/** What they take. */
export const FETCH_SERVER_OPTION_KINDS: OptionKinds<FetchServerOptions> = {
  ...without(UPGRADE_REQUEST_OPTION_KINDS, "data", "headers", "remoteAddr"),
  http: GROUP_OPTION_KINDS.http,
  upgrade: GROUP_OPTION_KINDS.upgrade,
};

/** The default export of a module for `deno serve`. */
export interface FetchServer {
  /**
   * Answers a request. It never rejects.
   *
   * @param request The platform's request.
   * @param info The platform's information about it.
   */
  fetch(request: Request, info?: { readonly remoteAddr?: Address }): Promise<Response>;
}

/**
 * Makes the default export of a module that `deno serve` starts. The platform listens, and its WebSockets carry the connections;
 * the description of `./deno-serve` lists what they lack. `upgrade` and `http` are the same functions as in `serve`. Limits that
 * cannot be enforced on the platform's WebSockets are not among the options.
 *
 * @example A module for `deno serve server.ts`
 * ```ts
 * import { connect } from "@sluice/websocket";
 * import { fetchServer } from "@sluice/websocket/deno-serve";
 * import { assertEquals } from "@std/assert";
 *
 * const server = fetchServer({
 *   http: () => new Response("Hello\n"),
 *   upgrade: ({ path }) => path === "/echo" ? {} : new Response("Not here\n", { status: 404 }),
 * }, {
 *   message: (socket, data) => void socket.send(data),
 * });
 * // export default server;
 *
 * await using running = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, server.fetch);
 * await using socket = await connect(`ws://127.0.0.1:${running.addr.port}/echo`);
 * await socket.send("hello");
 * assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
 * ```
 *
 * @typeParam Answer What `upgrade` returns.
 * @param options The limits, `upgrade` to accept or refuse connections, and `http` to answer ordinary requests.
 * @param handler A function that holds each connection, or callbacks.
 * @returns The object with `fetch`, which needs no `this`.
 * @throws {TypeError} If an option is unknown or has the wrong type, or the handler is missing.
 * @throws {RangeError} If a number is out of range.
 */
export function fetchServer<Answer extends AnyUpgradeAnswer>(
  options: WithUpgrade<FetchServerOptions, Answer>,
  handler: WebSocketHandler<DataOf<Answer>, ConnectionOf<Answer>>,
): FetchServer;
/** Makes such an object. `data` of its connections may be attached later, or never. */
export function fetchServer<Data = unknown>(
  options: FetchServerOptions<Data>,
  handler: WebSocketHandler<Data>,
): FetchServer;
export function fetchServer<Data>(options: FetchServerOptions<Data>, handler: WebSocketHandler<Data>): FetchServer {
  options = takeServing("fetchServer()", options, FETCH_SERVER_OPTION_KINDS, handler);
  const { http, upgrade } = options;
  const acceptor = new PlatformAcceptor(options, handler);

  const answer = async (request: Request, info: UpgradeInfo): Promise<Response> => {
    const upgrading = hasToken([["upgrade", request.headers.get("upgrade") ?? ""]], "upgrade", "websocket");
    if (http !== undefined && !upgrading) return await called(() => http(request, info));
    const read: UpgradeRequest = acceptor.read(request);
    const decided = await upgrade?.(read, info) ?? {};
    if (decided instanceof Response) return decided;
    checkOptions("The answer of upgrade", decided, UPGRADE_ANSWER_KINDS);
    return acceptor.open(request, read, { ...decided, remoteAddr: info.remoteAddr });
  };

  return {
    async fetch(request, facts) {
      try {
        REQUEST.check(request, "the first argument of fetch()");
        return await answer(request, platformInfo(request, facts?.remoteAddr));
      } catch (error) {
        if (error instanceof HandshakeError && error.status !== 500) return refusalOf(error);
        logError(error instanceof HandshakeError ? error.cause ?? error : error, options);
        return refusalOf(ourMistake());
      }
    },
  };
}

/** Any error that `http` throws is a mistake of the server, even a `HandshakeError`, which refuses only in `upgrade`. */
async function called(page: () => Response | Promise<Response>): Promise<Response> {
  try {
    return await page();
  } catch (cause) {
    throw new HandshakeError("The page failed", { status: 500, cause });
  }
}

const REQUEST = kind("a Request", isObject);
const ourMistake = once(() => new HandshakeError("The server failed", { status: 500 }));
