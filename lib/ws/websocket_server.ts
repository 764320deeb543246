/**
 * The `WebSocketServer` of npm's `ws`.
 *
 * @module
 */
import { EventEmitter } from "node:events";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Connection } from "../connection/connection.ts";
import { HandshakeError } from "../errors.ts";
import { hasToken } from "../handshake/http_fields.ts";
import { isKey } from "../handshake/accept_key.ts";
import { logError } from "../log_error.ts";
import { takeOver } from "../node/accept_node.ts";
import { acceptWith } from "../server/accept.ts";
import { type Acceptor, createAcceptor } from "../server/acceptor.ts";
import { isTaken } from "../transport/node_connection.ts";
import { decide, type Judge, type VerifyClient, type WebSocketRequest } from "./decision.ts";
import { acceptOptionsOf, type OwnServerOptions, type SocketOptions } from "./options.ts";
import { attachTo, openHttp, openListener, OWN_LISTENER, type Port, type PortOwner } from "./port.ts";
import type { ClosedSocket } from "./stand_ins.ts";
import { openSocket, WebSocket } from "./websocket.ts";

/** The options of a server. The limits of Sluice, `origins`, `proxies` and `observer` are accepted too. */
export interface ServerOptions extends SocketOptions, OwnServerOptions {
  /** The port to listen on; 0 picks a free one. Exactly one of `port`, `server` and `noServer` is required. */
  port?: number;
  /** The address to listen on. By default all addresses. */
  host?: string;
  /** The maximum number of connections that may wait for their turn. It has no effect in Deno. */
  backlog?: number;
  /** A `node:http` or `node:https` server whose upgrades this server handles. */
  server?: Server;
  /** Whether only the application calls `handleUpgrade`. */
  noServer?: boolean;
  /** The path of accepted requests. Others are refused with 400. */
  path?: string;
  /** Whether to keep the set `clients`. @default {true} */
  clientTracking?: boolean;
  /** Decides whether a client may connect. If you pass it, the default check of origins does not apply. */
  verifyClient?: VerifyClient | null;
  /** Chooses one of the requested subprotocols; `false` for none. By default the first one. */
  handleProtocols?: ((protocols: Set<string>, request: WebSocketRequest) => string | false) | null;
  /** The class of the sockets: `WebSocket`, or one that extends it. */
  WebSocket?: typeof WebSocket;
}

/** The events of a `WebSocketServer`, each with its arguments. */
export interface WebSocketServerEvents {
  /** The server listens. */
  listening: [];
  /** A connection is open. */
  connection: [socket: WebSocket, request: WebSocketRequest];
  /** The response to a handshake is about to be sent. Lines that you add to the list are sent with it. */
  headers: [headers: string[], request: WebSocketRequest];
  /** A handshake failed before any hook was called. */
  wsClientError: [error: Error, socket: Duplex | ClosedSocket, request: WebSocketRequest | undefined];
  /** The server cannot listen. */
  error: [error: Error];
  /** The server has stopped. */
  close: [];
}

/** Gets the socket of a request that was passed to `handleUpgrade`. */
export type UpgradeCallback = (socket: WebSocket, request: WebSocketRequest) => void;

/**
 * The `WebSocketServer` of npm's `ws`. With `port` in Deno, it listens itself, which is many times faster than with `node:http`.
 *
 * @example Replace the import
 * ```ts
 * import { WebSocketServer } from "@sluice/websocket/ws";
 * import { connect } from "@sluice/websocket";
 * import { assert, assertEquals } from "@std/assert";
 * import { once } from "node:events";
 *
 * const server = new WebSocketServer({ port: 0, host: "127.0.0.1", clientTracking: true });
 * server.on("connection", (socket, request) => {
 *   socket.send(`You asked for ${request.url}`);
 * });
 * await once(server, "listening");
 * const address = server.address();
 * assert(typeof address === "object" && address !== null);
 *
 * const socket = await connect(`ws://127.0.0.1:${address.port}/news`);
 * assertEquals((await socket[Symbol.asyncIterator]().next()).value, "You asked for /news");
 * await socket.close();
 * await new Promise((closed) => server.close(closed));
 * ```
 */
export class WebSocketServer extends EventEmitter<WebSocketServerEvents> {
  /** The options. */
  readonly options: ServerOptions;
  /** The open sockets, unless `clientTracking` is off. */
  readonly clients: Set<WebSocket> | undefined;
  readonly #acceptor: Acceptor<unknown>;
  readonly #port: Port | undefined;
  #state: "running" | "closing" | "closed" = "running";

  /**
   * Creates a server.
   *
   * @param options The options.
   * @param callback Called when the server listens.
   * @throws {TypeError} Unless exactly one of `port`, `server` and `noServer` is given, or if one of its options has the wrong type.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(options: ServerOptions, callback?: () => void) {
    super();
    const { port, host, backlog, server, noServer = false, clientTracking = true } = options;
    const own = port !== undefined && port !== null;
    if (Number(own) + Number(Boolean(server)) + Number(Boolean(noServer)) !== 1) {
      throw new TypeError('One and only one of the "port", "server", or "noServer" options must be specified');
    }
    this.options = options;
    this.clients = clientTracking ? new Set() : undefined;
    const accepting = acceptOptionsOf(options, Boolean(options.verifyClient));
    this.#acceptor = createAcceptor(accepting);
    if (callback !== undefined && own) this.once("listening", callback);
    const owner: PortOwner = {
      onListening: () => void this.emit("listening"),
      onError: (error) => void this.emit("error", error),
      onClose: () => this.#emitClose(),
    };
    const http = {
      ...owner,
      onUpgrade: (request: IncomingMessage, socket: Duplex, head: Uint8Array) =>
        this.handleUpgrade(request, socket, head, this.#emitConnection),
    };
    if (server) this.#port = attachTo(server, http);
    else if (own && !OWN_LISTENER) this.#port = openHttp({ port, host, backlog }, http);
    else if (own) {
      this.#port = openListener({ port, host }, accepting, {
        ...owner,
        decide: (upgrade, message) => decide(this.#judge(message), upgrade, message, message),
        onConnection: (connection, message) => this.#open(connection, message, this.#emitConnection),
        onRefused: (error, socket, message) => void this.emit("wsClientError", error, socket, message),
        onFault: options.onError,
      });
    }
  }

  /**
   * Returns the address of the server.
   *
   * @returns The address, the path of a Unix socket, or `null` while it does not listen.
   * @throws {Error} With `noServer`.
   */
  address(): AddressInfo | string | null {
    if (this.options.noServer) throw new Error('The server is operating in "noServer" mode');
    return this.#port?.address() ?? null;
  }

  /**
   * Accepts no more clients. Existing connections continue, and the event `close` is emitted when all of them have ended. A
   * server that you passed stays open.
   *
   * @param callback Called with the event, with an error if the server was already closed.
   */
  close(callback?: (error?: Error) => void): void {
    if (this.#state === "closed") {
      if (callback) this.once("close", () => callback(new Error("The server is not running")));
      queueMicrotask(() => this.#emitClose());
      return;
    }
    if (callback) this.once("close", () => callback());
    if (this.#state === "closing") return;
    this.#state = "closing";
    const own = !this.options.noServer && !this.options.server;
    this.#port?.close();
    if (!own && !this.clients?.size) queueMicrotask(() => this.#emitClose());
  }

  /**
   * Returns whether a request is for this server, by default by its path. A subclass may override it.
   *
   * @param request The request.
   */
  shouldHandle(request: Pick<WebSocketRequest, "url">): boolean {
    const { path } = this.options;
    return !path || (request.url ?? "").replace(/\?.*/s, "") === path;
  }

  /**
   * Makes a socket from an `upgrade` event.
   *
   * @param request The request.
   * @param socket Its connection. It then belongs to the new socket.
   * @param head The bytes after the request.
   * @param callback Gets the socket, if the handshake succeeds.
   * @throws {Error} If the connection already belongs to a socket.
   */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array, callback: UpgradeCallback): void {
    if (isTaken(socket)) {
      throw new Error(
        "server.handleUpgrade() was called more than once with the same socket, possibly due to a misconfiguration",
      );
    }
    const wrong = this.listenerCount("wsClientError") > 0 ? faultOf(request) : undefined;
    if (wrong !== undefined) {
      this.emit("wsClientError", new Error(wrong), socket, request);
      return;
    }
    void this.#accept(request, takeOver({ request, socket, head }), callback);
  }

  async #accept(
    request: IncomingMessage,
    { conn, first }: ReturnType<typeof takeOver>,
    callback: UpgradeCallback,
  ): Promise<void> {
    const acceptor: Acceptor<unknown> = {
      ...this.#acceptor,
      options: {
        ...this.#acceptor.options,
        upgrade: (upgrade) => decide(this.#judge(request), upgrade, request, undefined),
      },
    };
    let connection: Connection;
    try {
      connection = await acceptWith(acceptor, conn, first);
    } catch (error) {
      // Refusals are not reported, unless the server's own code caused them.
      if (error instanceof HandshakeError && error.status === 500) logError(error.cause ?? error, this.options);
      return;
    }
    this.#open(connection, request, callback);
  }

  #judge(request: WebSocketRequest): Judge {
    const { verifyClient, handleProtocols } = this.options;
    return {
      stopping: this.#state !== "running",
      shouldHandle: (request) => this.shouldHandle(request),
      verifyClient,
      handleProtocols,
      showHeaders: this.listenerCount("headers") > 0 ? (lines) => void this.emit("headers", lines, request) : undefined,
    };
  }

  #open(connection: Connection, request: WebSocketRequest, callback: UpgradeCallback): void {
    const socket = new (this.options.WebSocket ?? WebSocket)(null, undefined, this.options);
    const { clients } = this;
    if (clients !== undefined) {
      clients.add(socket);
      socket.on("close", () => {
        clients.delete(socket);
        const own = !this.options.noServer && !this.options.server;
        if (!own && this.#state === "closing" && clients.size === 0) queueMicrotask(() => this.#emitClose());
      });
    }
    openSocket(socket, connection);
    try {
      callback(socket, request);
    } catch (error) {
      logError(error, this.options);
      connection.fail(error);
    }
  }

  readonly #emitConnection: UpgradeCallback = (socket, request) => void this.emit("connection", socket, request);

  #emitClose(): void {
    this.#state = "closed";
    this.emit("close");
  }
}

/** Returns the error of `ws` for a request. The handshake checks the rest. */
function faultOf({ method, headers }: IncomingMessage): string | undefined {
  const { upgrade = "", "sec-websocket-key": key = "", "sec-websocket-version": version } = headers;
  if (method !== "GET") return "Invalid HTTP method";
  if (!hasToken([["upgrade", upgrade]], "upgrade", "websocket")) return "Invalid Upgrade header";
  if (!isKey(key)) return "Missing or invalid Sec-WebSocket-Key header";
  if (version !== "13") return "Missing or invalid Sec-WebSocket-Version header";
  return undefined;
}
