/**
 * WebSockets on a `node:http` or `node:https` server of your own, Express and Fastify included: the `upgrade` event is ours,
 * ordinary requests stay with the server.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { HandshakeError } from "../errors.ts";
import type { WebSocketHandler } from "../pipeline/sockets/handler.ts";
import type { WebSocketConnection } from "../pipeline/sockets/websocket_connection.ts";
import { ConnectionGroup, type GroupOptions, type ShutdownOptions } from "../server/connection_group.ts";
import { takeOver } from "./accept_node.ts";
import { nodeConnection } from "./node_connection.ts";

/** What is done with a Node server's upgrades. `http` is missing: ordinary requests are the server's. */
export interface ServeNodeOptions<Data = unknown>
  extends Omit<GroupOptions<Data>, "http" | "signal" | "bodyTimeout" | "keepAliveTimeout"> {
  /**
   * Which requests are taken. Others are left to the event's other listeners; where all of them are of this kind and none takes
   * the request, it is refused with 404. By default all.
   */
  takes?(request: IncomingMessage): boolean;
}

/** Listens for a server's upgrades. */
export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Uint8Array) => void;

/** What is needed of a `node:http` or `node:https` server. */
export interface UpgradeServer {
  /** Adds a listener. */
  on(event: "upgrade", listener: UpgradeListener): unknown;
  /** Removes a listener. */
  off(event: "upgrade", listener: UpgradeListener): unknown;
  /** All listeners, in the order in which they are called. */
  // deno-lint-ignore ban-types -- Node's own type
  listeners(event: "upgrade"): Function[];
}

/** The WebSockets of a Node server. */
export interface NodeUpgrades<Data = unknown> extends AsyncDisposable {
  /** The open connections. */
  readonly connections: ReadonlySet<WebSocketConnection<Data>>;
  /**
   * Stops: handshakes are refused with 503, open connections are closed with 1001, and after a while dropped. The server itself
   * goes on, and its own `close()` waits for connections, so this comes first.
   *
   * @param options The code, the reason and the time.
   * @returns Resolves when every connection has ended and every handler is done.
   * @throws {RangeError} If the code may not be sent or the reason is too long.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/** Our listeners, and the sockets that one of them took. */
const OURS = new WeakSet<object>();
const TAKEN = new WeakSet<Duplex>();

const NOT_FOUND = new HandshakeError("There is no WebSocket here", { status: 404 });

/**
 * Serves WebSockets on a Node server. It may be called several times for one server, with `takes` to tell the requests apart.
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
 * @typeParam Data What the application keeps with each connection.
 * @param server A `node:http` or `node:https` server, listening or not.
 * @param options The limits, the application's decisions, and which requests are taken.
 * @param handler A function that holds each connection, or callbacks.
 * @returns The connections, and how to stop.
 */
export function serveNode<Data = unknown>(
  server: UpgradeServer,
  options: ServeNodeOptions<Data>,
  handler: WebSocketHandler<Data>,
): NodeUpgrades<Data> {
  const { takes, ...rest } = options;
  const group = new ConnectionGroup<Data>(rest, handler);
  let stopped: Promise<void> | undefined;

  const listener: UpgradeListener = (request, socket, head) => {
    if (TAKEN.has(socket)) return;
    let ours = true;
    try {
      ours = takes?.(request) ?? true;
    } catch (error) {
      group.report(error); // What is thrown at an emitter would end the process.
      TAKEN.add(socket);
      const refusal = new HandshakeError("The choice failed", { status: 500, cause: error });
      return void group.refuse(nodeConnection(socket), refusal);
    }
    const listeners = server.listeners("upgrade");
    const nobodys = listeners.at(-1) === listener && listeners.every((other) => OURS.has(other));
    if (!ours && !nobodys) return;
    TAKEN.add(socket);
    // A socket that nobody takes would stay open for as long as its client likes.
    if (!ours) return void group.refuse(nodeConnection(socket), NOT_FOUND);
    const { conn, first } = takeOver({ request, socket, head });
    void group.take(conn, first);
  };

  const shutdown = (options: ShutdownOptions = {}) =>
    stopped ??= group.stop(options, () => {}).then(() => void server.off("upgrade", listener));

  OURS.add(listener);
  server.on("upgrade", listener);
  return { connections: group.connections, shutdown, [Symbol.asyncDispose]: () => shutdown() };
}
