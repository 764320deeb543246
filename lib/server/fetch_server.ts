/**
 * A whole server as an object with `fetch`, for `deno serve` and for platforms that call `fetch` themselves.
 *
 * @module
 */
import { HandshakeError } from "../errors.ts";
import { hasToken } from "../handshake/http_fields.ts";
import type { UpgradeRequest } from "../handshake/server_handshake.ts";
import { checkServing } from "../connection/check_handler.ts";
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

/** How such a server answers. `http` and `upgrade` are those of `serve`. */
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

/** What `deno serve` takes as a module's default export. */
export interface FetchServer {
  /**
   * Answers a request. It never rejects.
   *
   * @param request The request, as the platform gives it.
   * @param info What else the platform knows of it.
   */
  fetch(request: Request, info?: { readonly remoteAddr?: Address }): Promise<Response>;
}

/**
 * Makes the default export of a module that `deno serve` starts: the platform listens, and its WebSockets carry the connections. The
 * description of `./deno-serve` says what these lack. `upgrade` and `http` are those of `serve`, so that the same functions serve both;
 * limits that the platform does not let us keep are not among the options.
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
 * @param options The limits, the application's decisions, and what answers ordinary requests.
 * @param handler A function that holds each connection, or callbacks.
 * @returns The object with `fetch`, which needs no `this`.
 * @throws {TypeError} If an option is unknown or of another kind, or there is no handler.
 * @throws {RangeError} If a number is out of range.
 */
export function fetchServer<Answer extends AnyUpgradeAnswer>(
  options: WithUpgrade<FetchServerOptions, Answer>,
  handler: WebSocketHandler<DataOf<Answer>, ConnectionOf<Answer>>,
): FetchServer;
/** Makes such an object for connections whose `data` may be attached later, or never. */
export function fetchServer<Data = unknown>(
  options: FetchServerOptions<Data>,
  handler: WebSocketHandler<Data>,
): FetchServer;
export function fetchServer<Data>(options: FetchServerOptions<Data>, handler: WebSocketHandler<Data>): FetchServer {
  checkServing("fetchServer()", options, FETCH_SERVER_OPTION_KINDS, handler);
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

/** Whatever a page throws is our mistake, a `HandshakeError` too: only `upgrade` refuses with one. */
async function called(page: () => Response | Promise<Response>): Promise<Response> {
  try {
    return await page();
  } catch (cause) {
    throw new HandshakeError("The page failed", { status: 500, cause });
  }
}

const REQUEST = kind("a Request", isObject);
const ourMistake = once(() => new HandshakeError("The server failed", { status: 500 }));
