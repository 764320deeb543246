/**
 * Adds WebSockets to your own `node:http` or `node:https` server, including those of Express and Fastify: it handles the
 * `upgrade` event, and the server keeps its ordinary requests.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { HandshakeError } from "../errors.ts";
import { hasToken } from "../handshake/http_fields.ts";
import { concatBytes } from "../pipeline/bytes/concat.ts";
import type { WebSocketHandler } from "../connection/readers/callbacks.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import { ConnectionGroup } from "../server/connection_group.ts";
import { GROUP_OPTION_KINDS, type GroupOptions, type ShutdownOptions } from "../server/server_options.ts";
import { headBytes, takeOver, type UpgradeEvent } from "./accept_node.ts";
import { isTaken, nodeConnection, type SocketFacts } from "../transport/node_connection.ts";
import { CALLBACK, like, type OptionKinds } from "../option_kinds.ts";
import { without } from "../options.ts";
import { atOnce } from "../log_error.ts";
import { takeServing } from "../connection/check_handler.ts";
import type { AnyUpgradeAnswer, ConnectionOf, DataOf, WithUpgrade } from "../server/upgrade_data.ts";

/** Options for a Node server's upgrades. There is no `http`, because ordinary requests stay with the server. */
export interface ServeNodeOptions<Data = unknown>
  extends Omit<GroupOptions<Data>, "http" | "signal" | "bodyTimeout" | "keepAliveTimeout"> {
  /**
   * Returns whether to handle a request. Other requests are passed on to other `upgrade` listeners. If every listener was added
   * by `serveNode` and none handles the request, it gets a 404. By default all requests are handled.
   */
  takes?(request: IncomingMessage): boolean;
}

/** The types of these options. */
export const SERVE_NODE_OPTION_KINDS: OptionKinds<ServeNodeOptions> = {
  ...without(GROUP_OPTION_KINDS, "http", "signal", "bodyTimeout", "keepAliveTimeout"),
  takes: CALLBACK,
};

const NODE_SERVER = like("a node:http or node:https server", { methods: ["on", "off", "listeners"] });

/** A listener for a server's upgrades. */
export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Uint8Array) => void;

/** The members of a `node:http` or `node:https` server that are used. */
export interface UpgradeServer {
  /** Adds a listener. */
  on(event: "upgrade", listener: UpgradeListener): unknown;
  /** Removes a listener. */
  off(event: "upgrade", listener: UpgradeListener): unknown;
  /** All listeners, in the order in which they are called. */
  // deno-lint-ignore ban-types -- Node's own type
  listeners(event: "upgrade"): Function[];
  /** Passes a socket to the server, which reads requests from it. */
  emit(event: "connection" | "secureConnection", socket: Duplex): boolean;
}

/** The WebSockets of a Node server. */
export interface NodeUpgrades<Data = unknown> extends AsyncDisposable {
  /** The open connections. */
  readonly connections: ReadonlySet<WebSocketConnection<Data>>;
  /**
   * Shuts down: handshakes are refused with 503, and open connections are closed with 1001 and dropped after a while. The server
   * itself keeps running. Its own `close()` waits for connections, so call this first.
   *
   * @param options The code, the reason and the time.
   * @returns Resolves when every connection has ended and every handler has returned.
   * @throws {RangeError} If the code must not be sent or the reason is too long.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/** The listeners of this module. */
const OURS = new WeakSet<object>();
/** The servers with a listener that takes all requests. */
const WHOLE = new WeakSet<UpgradeServer>();

const NOT_FOUND = new HandshakeError("There is no WebSocket here", { status: 404 });

/**
 * Serves WebSockets on a Node server. You may call it several times for one server, with `takes` to distinguish the requests.
 *
 * Node emits an `upgrade` event for any request with an `Upgrade` field. A request for something else than a WebSocket, such as
 * `h2c`, is passed on to the event's other listeners. If there are none, it goes back to the server, and the application responds
 * to it.
 *
 * @example Beside an application
 * ```ts
 * import { createServer } from "node:http";
 * import { connect } from "@sluice/websocket";
 * import { serveNode } from "@sluice/websocket/node";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const server = createServer((_, response) => response.end("Hello\n"));
 * const upgrades = serveNode(server, { takes: ({ url }) => url === "/echo" }, {
 *   message: (socket, data) => void socket.send(data),
 * });
 * await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
 * const address = server.address();
 * assert(typeof address === "object" && address !== null);
 *
 * const socket = await connect(`ws://127.0.0.1:${address.port}/echo`);
 * await socket.send("hello");
 * assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
 * await socket.close();
 * await upgrades.shutdown();
 * await new Promise((closed) => server.close(closed));
 * ```
 *
 * @typeParam Data The application's data for each connection.
 * @param server A `node:http` or `node:https` server, listening or not.
 * @param options The limits, the application's hooks, and which requests to handle.
 * @param handler A function that is called with each connection, or callbacks.
 * @returns The connections, and a method to shut down.
 * @throws {TypeError} If there is no handler, an option is unknown or has the wrong type, or an earlier call without `takes`
 *    takes all requests of this server.
 * @throws {RangeError} If a number is out of range.
 */
export function serveNode<Answer extends AnyUpgradeAnswer>(
  server: UpgradeServer,
  options: WithUpgrade<ServeNodeOptions, Answer>,
  handler: WebSocketHandler<DataOf<Answer>, ConnectionOf<Answer>>,
): NodeUpgrades<DataOf<Answer>>;
/** Serves WebSockets on a Node server. The `data` of each connection may be set later, or never. */
export function serveNode<Data = unknown>(
  server: UpgradeServer,
  options: ServeNodeOptions<Data>,
  handler: WebSocketHandler<Data>,
): NodeUpgrades<Data>;
export function serveNode<Data>(
  server: UpgradeServer,
  options: ServeNodeOptions<Data>,
  handler: WebSocketHandler<Data>,
): NodeUpgrades<Data> {
  NODE_SERVER.check(server, "the first argument of serveNode()");
  options = takeServing("serveNode()", options, SERVE_NODE_OPTION_KINDS, handler);
  const { takes } = options;
  if (WHOLE.has(server)) {
    throw new TypeError("Cannot serve the server: an earlier call without `takes` takes all its requests");
  }
  const group = new ConnectionGroup<Data>(options, handler);
  let stopped: Promise<void> | undefined;

  const isLast = () => {
    const listeners = server.listeners("upgrade");
    return listeners.at(-1) === listener && listeners.every((other) => OURS.has(other));
  };
  const listener: UpgradeListener = (request, socket, head) => {
    if (isTaken(socket)) return;
    if (!asksForWebSocket(request)) return isLast() ? giveBack(server, { request, socket, head }) : undefined;
    let ours = true;
    try {
      ours = atOnce(takes?.(request), "takes()", (error) => group.report(error)) ?? true;
    } catch (error) {
      group.report(error); // An error thrown in an event listener would end the process.
      const refusal = new HandshakeError("takes() failed", { status: 500, cause: error });
      return void group.refuse(nodeConnection(socket), refusal);
    }
    if (ours) {
      const { conn, first } = takeOver({ request, socket, head });
      group.take(conn, first);
    } else if (isLast()) {
      // A socket that no listener takes would stay open until its client closes it.
      void group.refuse(nodeConnection(socket), NOT_FOUND);
    }
  };

  const shutdown = (options: ShutdownOptions = {}) =>
    stopped ??= group.stop(options, () => {}).then(() => {
      server.off("upgrade", listener);
      if (takes === undefined) WHOLE.delete(server);
    });

  OURS.add(listener);
  if (takes === undefined) WHOLE.add(server);
  server.on("upgrade", listener);
  return { connections: group.connections, shutdown, [Symbol.asyncDispose]: () => shutdown() };
}

/** The same rule as everywhere: `websocket` is one of the protocols that the request would upgrade to. */
function asksForWebSocket({ headers }: IncomingMessage): boolean {
  return hasToken([["upgrade", headers.upgrade ?? ""]], "upgrade", "websocket");
}

/** The fields of an upgrade that does not happen (RFC 9110 §7.8), and the connection-specific ones. */
const UPGRADE_FIELDS = new Set(["connection", "upgrade", "http2-settings"]);

/** Passes a request back to its server as an ordinary one, the last on its connection. */
function giveBack(
  server: UpgradeServer,
  { request, socket, head }: UpgradeEvent & { socket: Duplex & SocketFacts },
): void {
  const fields = request.rawHeaders.filter((_, at, raw) => !UPGRADE_FIELDS.has(raw[at - at % 2]!.toLowerCase()));
  // If the server's parser has read the beginning of the body, it is here.
  const body: Uint8Array<ArrayBuffer> | null = request.read();
  const behind = concatBytes([body ?? new Uint8Array(0), head.slice()]);
  socket.unshift(headBytes(request, [...fields, "Connection", "close"], behind));
  server.emit(socket.encrypted === true ? "secureConnection" : "connection", socket);
}
