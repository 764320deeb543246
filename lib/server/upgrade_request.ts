/**
 * `upgradeRequest`: one request of `Deno.serve` as a WebSocket. See `deno_serve.ts` for what the platform's WebSockets lack.
 *
 * @module
 */
import { HandshakeError } from "../errors.ts";
import type { RequestHead } from "../handshake/http_head.ts";
import { refusalResponse } from "../handshake/http_response.ts";
import { readUpgradeRequest, type UpgradeRequest } from "../handshake/server_handshake.ts";
import { chooseSubprotocol, subprotocolList } from "../handshake/subprotocol.ts";
import { resolveLimits } from "../limits.ts";
import { logError } from "../log_error.ts";
import { runHandler, type WebSocketHandler } from "../connection/readers/callbacks.ts";
import type { WebSocketConnectionWithData } from "../connection/websocket_connection.ts";
import { takeServing } from "../connection/check_handler.ts";
import { originCheck } from "./acceptor.ts";
import { noticeDroppedUpgrade } from "./dropped_upgrade.ts";
import { kind } from "../option_kinds.ts";
import type { Address } from "../transport/transport.ts";
import type { UpgradeInfo } from "./server_options.ts";
import { PlatformConnection } from "./platform_connection.ts";
import {
  UPGRADE_REQUEST_OPTION_KINDS,
  type UpgradeRequestLimits,
  type UpgradeRequestOptions,
} from "./upgrade_request_options.ts";

/**
 * Responds to a request of `Deno.serve` with a WebSocket. The description of `./deno-serve` lists what is missing.
 *
 * @example Beside other answers
 * ```ts
 * import { connect } from "@sluice/websocket";
 * import { upgradeRequest } from "@sluice/websocket/deno-serve";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
 *   if (request.headers.get("upgrade") !== "websocket") return new Response("Hello\n");
 *   return upgradeRequest(request, {}, async (socket) => {
 *     for await (const message of socket) await socket.send(message);
 *   });
 * });
 *
 * await using socket = await connect(`ws://127.0.0.1:${server.addr.port}`);
 * await socket.send("hello");
 * assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
 * ```
 *
 * @typeParam Data The type of `socket.data`.
 * @param request The request. Its body must not have been read.
 * @param options The limits, the subprotocols and the origins.
 * @param handler A function that handles the connection, or callbacks. It starts once the connection is open.
 * @returns The response to return to `Deno.serve`: 101, or a refusal of an invalid request (RFC 6455 §4.2.1).
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type, if there is no handler, if an origin in the list can never
 *    match, or if the request was upgraded before.
 */
export function upgradeRequest<Data>(
  request: Request,
  options: UpgradeRequestOptions<Data> & { data: Data },
  handler: WebSocketHandler<Data, WebSocketConnectionWithData<Data>>,
): Response;
/** Responds to a request of `Deno.serve` with a WebSocket. `data` may be attached later, or never. */
export function upgradeRequest<Data = unknown>(
  request: Request,
  options: UpgradeRequestOptions<Data>,
  handler: WebSocketHandler<Data>,
): Response;
export function upgradeRequest<Data>(
  request: Request,
  options: UpgradeRequestOptions<Data>,
  handler: WebSocketHandler<Data>,
): Response {
  options = takeServing("upgradeRequest()", options, UPGRADE_REQUEST_OPTION_KINDS, handler);
  REQUEST.check(request, "the first argument of upgradeRequest()");
  const acceptor = new PlatformAcceptor(options, handler);
  try {
    return acceptor.open(request, acceptor.read(request), options);
  } catch (error) {
    if (error instanceof HandshakeError) return refusalOf(error);
    throw error;
  }
}

const REQUEST = kind("a Request", (value) => value instanceof Request);

/** The requests that were upgraded, because each request gets one response. */
const UPGRADED = new WeakSet<Request>();

/** Upgrades requests of `Deno.serve`, with options that are compiled once. */
export class PlatformAcceptor<Data> {
  readonly #options: PlatformAcceptorOptions<Data>;
  readonly #handler: WebSocketHandler<Data>;
  readonly #protocols: readonly string[];
  readonly #limits: UpgradeRequestLimits;
  readonly #checkOrigin: (request: Pick<UpgradeRequest, "origin" | "host">) => void;

  /**
   * @param options Options whose types were checked.
   * @param handler Handles each connection.
   */
  constructor(options: PlatformAcceptorOptions<Data>, handler: WebSocketHandler<Data>) {
    this.#options = options;
    this.#handler = handler;
    this.#protocols = subprotocolList(options.protocols);
    this.#limits = resolveLimits(options);
    this.#checkOrigin = originCheck(options.origins);
  }

  /**
   * Reads and checks a request by the rules of `serve`. `Deno.upgradeWebSocket` does not check the version, the key, repeated
   * fields or the origin.
   *
   * @throws {HandshakeError} If it is refused.
   */
  read({ method, url, headers }: Request): UpgradeRequest {
    // The platform gives the raw target. It is checked before the URL parser would normalize it.
    const [scheme = "", rest = ""] = url.split("://", 2);
    const slash = rest.indexOf("/");
    const target = slash < 0 ? new URL(url).pathname : url.slice(scheme.length + "://".length + slash);
    const head: RequestHead = { method, target, version: "HTTP/1.1", fields: [...headers] };
    noticeDroppedUpgrade(head);
    const upgrade = readUpgradeRequest(head, {
      secure: scheme === "https",
    });
    this.#checkOrigin(upgrade);
    return upgrade;
  }

  /**
   * Upgrades a request.
   *
   * @param request The request.
   * @param upgrade The checked request.
   * @param choice The subprotocol, header fields and data to use.
   * @returns The response for `Deno.serve`.
   * @throws {TypeError} If it was upgraded before.
   */
  open(request: Request, upgrade: UpgradeRequest, choice: PlatformChoice<Data>): Response {
    if (UPGRADED.has(request)) throw new TypeError("Cannot upgrade the request: it was upgraded before");
    UPGRADED.add(request);
    const limits = this.#limits;
    const { hub } = this.#options;
    const { remoteAddr, data } = choice;
    const protocol = choice.protocol ?? chooseSubprotocol(upgrade.protocols, this.#protocols);
    const { socket, response } = Deno.upgradeWebSocket(request, {
      ...(protocol === "" ? {} : { protocol }),
      // The platform pings after half of this time and gives up after the rest. It counts in seconds.
      idleTimeout: limits.pingInterval === 0 ? 0 : Math.ceil((limits.pingInterval + limits.pongTimeout) / 1000),
    });
    for (const [name, value] of new Headers(choice.headers)) response.headers.append(name, value);
    socket.onopen = () => {
      const connection = new PlatformConnection<Data>({
        socket,
        name: "the WebSocket of Deno.serve",
        role: "server",
        url: upgrade.url,
        headers: upgrade.headers,
        protocol,
        limits,
        remoteAddr,
        data,
        hub,
      });
      void runHandler(connection, this.#handler, (error) => logError(error, this.#options));
    };
    return response;
  }
}

/** Options that apply to all requests. */
export type PlatformAcceptorOptions<Data> = Omit<UpgradeRequestOptions<Data>, "data" | "headers" | "remoteAddr">;

/** The result of `upgrade` for one request. */
export interface PlatformChoice<Data> extends Pick<UpgradeRequestOptions<Data>, "data" | "headers"> {
  /** The peer's address, if it is known. */
  readonly remoteAddr?: Address | undefined;
  /** The subprotocol, one of those requested. By default the first of `protocols` that the client requested too. */
  readonly protocol?: string | undefined;
}

/** Information about a request of the platform, in the form that the hooks of `serve` get. */
export function platformInfo(request: Request, remoteAddr: Address | undefined): UpgradeInfo {
  return {
    remoteAddr,
    localAddr: undefined,
    extensions: [],
    get signal() {
      return request.signal; // reading it makes Deno print a warning
    },
  };
}

/** Makes the response that refuses a request. */
export function refusalOf(error: HandshakeError): Response {
  const { status, headers, body } = refusalResponse(error);
  headers.set("Connection", headers.has("Upgrade") ? "close, Upgrade" : "close");
  return new Response(body, { status, headers });
}
