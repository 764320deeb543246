/**
 * WebSockets inside `Deno.serve`: the platform's own WebSocket, with the API of a Sluice connection.
 *
 * It cannot do what `Deno.upgradeWebSocket` cannot do:
 *
 * - There is no backpressure for incoming messages: the platform goes on reading while your handler is busy. At
 *   `maxQueuedBytes` of unread messages the connection is closed with code 1013.
 * - There is no `ping()`, no `roundTripTime` and no `tap()`. Keepalive is the platform's, in whole seconds.
 * - There is no compression and no other extension.
 * - Messages are whole: `messages()` gives each one as a single chunk, and you cannot send a message from a stream.
 * - `maxMessageBytes` is checked after the whole message has arrived (1009). The platform itself limits a frame to 64 MiB, and
 *   limits neither the number of fragments nor their time.
 * - The platform is lenient: it accepts unmasked frames. After other violations, and if the peer sends anything after our close
 *   frame, it ends the connection without a close frame. It answers a close frame at once, before the replies to earlier
 *   messages.
 * - `abort()` starts the closing handshake and ignores its outcome, because the platform cannot drop the connection.
 * - After a refusal, `Deno.serve` keeps the connection open for the next request.
 *
 * If you can, use `serve`, or `serveNode` of `./node`, instead.
 *
 * @module
 */
import { HandshakeError } from "../errors.ts";
import { readUpgradeRequest, type UpgradeRequest } from "../handshake/server_handshake.ts";
import { chooseSubprotocol, subprotocolList } from "../handshake/subprotocol.ts";
import { resolveLimits } from "../limits.ts";
import { logError } from "../log_error.ts";
import { runHandler, type WebSocketHandler } from "../connection/readers/callbacks.ts";
import type { WebSocketConnectionWithData } from "../connection/websocket_connection.ts";
import { checkServing } from "../connection/check_handler.ts";
import { originCheck } from "./origin_check.ts";
import { kind } from "../option_kinds.ts";
import { PlatformConnection } from "./platform_connection.ts";
import { UPGRADE_REQUEST_OPTION_KINDS, type UpgradeRequestOptions } from "./upgrade_request_options.ts";

export type { UpgradeRequestOptions } from "./upgrade_request_options.ts";

/**
 * Responds to a request of `Deno.serve` with a WebSocket. The module's description lists what is missing.
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
/** Answers a request of `Deno.serve` with a WebSocket, whose `data` may be attached later, or never. */
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
  checkServing("upgradeRequest()", options, UPGRADE_REQUEST_OPTION_KINDS, handler);
  REQUEST.check(request, "the first argument of upgradeRequest()");
  const { remoteAddr, data, hub } = options;
  const protocols = subprotocolList(options.protocols);
  const limits = resolveLimits(options);
  const checkOrigin = originCheck(options.origins);
  let upgrade: UpgradeRequest;
  try {
    upgrade = readRequest(request);
    checkOrigin(upgrade);
  } catch (error) {
    if (error instanceof HandshakeError) return refusalOf(error);
    throw error;
  }
  if (UPGRADED.has(request)) throw new TypeError("Cannot upgrade the request: it was upgraded before");
  UPGRADED.add(request);
  const protocol = chooseSubprotocol(upgrade.protocols, protocols);
  const { socket, response } = Deno.upgradeWebSocket(request, {
    ...(protocol === "" ? {} : { protocol }),
    // The platform pings after half of it, and gives up after the rest; it counts in seconds.
    idleTimeout: limits.pingInterval === 0 ? 0 : Math.ceil((limits.pingInterval + limits.pongTimeout) / 1000),
  });
  for (const [name, value] of new Headers(options.headers)) response.headers.append(name, value);
  socket.onopen = () => {
    const connection = new PlatformConnection<Data>({ socket, upgrade, protocol, limits, remoteAddr, data, hub });
    void runHandler(connection, handler, (error) => logError(error, options));
  };
  return response;
}

const REQUEST = kind("a Request", (value) => value instanceof Request);

/** The requests that were upgraded: one has one answer. */
const UPGRADED = new WeakSet<Request>();

/** The rules of our own server, which `Deno.upgradeWebSocket` does not ask for: the version, the key, one of each field. */
function readRequest({ method, url, headers }: Request): UpgradeRequest {
  // The platform gives the target as it came: the URL parser would settle what is to be judged.
  const [scheme = "", rest = ""] = url.split("://", 2);
  const slash = rest.indexOf("/");
  const target = slash < 0 ? new URL(url).pathname : url.slice(scheme.length + "://".length + slash);
  return readUpgradeRequest({ method, target, version: "HTTP/1.1", fields: [...headers] }, {
    secure: scheme === "https",
  });
}

function refusalOf({ status, headers, message }: HandshakeError): Response {
  const response = new Response(`${message}\n`, { status, headers });
  response.headers.set("Connection", headers.has("Upgrade") ? "close, Upgrade" : "close");
  return response;
}
