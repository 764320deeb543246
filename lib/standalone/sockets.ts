/**
 * The server's WebSockets: `/echo`, which always exists, and the handlers of a folder. It authorizes requests, logs connections,
 * and sends the pings that the console requests, because a browser cannot send any.
 *
 * @module
 */
import { HandshakeError } from "../errors.ts";
import type { HandlerDirectory } from "../handlers/handler_directory.ts";
import type { UpgradeRequest } from "../handshake/server_handshake.ts";
import type { Observer } from "../connection/watch/observer.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import type { Address } from "../transport/transport.ts";
import type { UpgradeAnswer, UpgradeInfo } from "../server/server_options.ts";
import { BASIC_CHALLENGE } from "./basic_auth.ts";
import { errorFields, type Log } from "./log.ts";

/** What other modules provide. */
export interface SocketsOptions {
  /** The handlers, if there are any. */
  readonly directory: HandlerDirectory | undefined;
  /** Whether the request's credentials belong to a user. */
  readonly authenticate: ((headers: Headers) => Promise<boolean>) | undefined;
  /** Records events. */
  readonly log: Log;
  /** A connection's number, for the log. */
  readonly idOf: (info: object) => number;
}

/** The data of a connection. */
export interface SocketSession {
  /** The connection's number in the log. */
  readonly id: number;
  /** The identifier that the console chose for the connection. */
  readonly consoleId: string | null;
  /** Handles the connection. */
  run(socket: WebSocketConnection): void | Promise<void>;
}

/** The server's WebSockets. The members are functions that can be passed on without `this`. */
export interface Sockets {
  /** The names of the resources that are served. */
  readonly resources: () => readonly string[];
  /** The option of `serve`. */
  readonly upgrade: (request: UpgradeRequest, info: UpgradeInfo) => Promise<UpgradeAnswer<SocketSession> | Response>;
  /** The handler for `serve`. */
  readonly handler: (socket: WebSocketConnection<SocketSession>) => Promise<void>;
  /** The option of `serve`: logs refusals. */
  readonly observer: Observer;
  /** The option of `serve`: logs unexpected errors. */
  readonly onError: (error: unknown) => void;
  /**
   * Sends a ping (RFC 6455 §5.5.2) on a connection of the console.
   *
   * @param consoleId The identifier that the console chose for it.
   * @returns The round trip in milliseconds, or `undefined` if there is no such connection or it ended first.
   */
  readonly ping: (consoleId: string) => Promise<number | undefined>;
}

/** The query parameter with which the console identifies its connections. */
const CONSOLE_ID = "console";

/** The resource that always exists: the folder's, or the built-in one. */
const ECHO = "/echo";

/**
 * Makes the server's WebSockets.
 *
 * @param options What other modules provide.
 * @returns Functions for the options of `serve`, and for the console.
 */
export function createSockets({ directory, authenticate, log, idOf }: SocketsOptions): Sockets {
  const consoles = new Map<string, WebSocketConnection>();
  /** The connection whose handler threw an error. */
  const thrownOn = new WeakMap<object, number>();
  const blame = (error: unknown, id: number) => {
    if (typeof error === "object" && error !== null) thrownOn.set(error, id);
  };
  const resources = () => [...new Set([ECHO, ...directory?.resources ?? []])].toSorted();

  const decide = async (request: UpgradeRequest, info: UpgradeInfo, id: number) => {
    if (authenticate !== undefined && !(await authenticate(request.headers))) {
      throw new HandshakeError("Unknown user or wrong password", {
        status: 401,
        headers: [["WWW-Authenticate", BASIC_CHALLENGE]],
      });
    }
    if (!resources().includes(request.path)) throw new HandshakeError("There is no such resource", { status: 404 });
    const consoleId = new URLSearchParams(request.query).get(CONSOLE_ID);
    if (directory === undefined || !directory.resources.includes(request.path)) {
      return { ...answerEcho(request), data: { id, consoleId, run: echo } };
    }
    const answer = await directory.upgrade(request, info);
    if (answer instanceof Response) return answer;
    return {
      ...answer,
      data: { id, consoleId, run: async (socket: WebSocketConnection) => await answer.data?.run(socket) },
    };
  };

  const hold = async (socket: WebSocketConnection<SocketSession>, { id, consoleId, run }: SocketSession) => {
    if (consoleId !== null && !consoles.has(consoleId)) consoles.set(consoleId, socket);
    try {
      await run(socket);
    } catch (error) {
      blame(error, id);
      throw error;
    } finally {
      void socket.closed.then(() => {
        if (consoleId !== null && consoles.get(consoleId) === socket) consoles.delete(consoleId);
      });
    }
  };

  return {
    resources,
    async upgrade(request, info) {
      const id = idOf(info);
      try {
        return await decide(request, info, id);
      } catch (error) {
        blame(error, id);
        throw error;
      }
    },
    observer: {
      refused(error, info) {
        const { request } = info;
        const facts = {
          connection: idOf(info),
          remote: authority(info.remoteAddr),
          resource: request === undefined ? undefined : resourceOf(request),
          origin: request?.origin,
        };
        if (error instanceof HandshakeError) {
          log.info("refuse", { ...facts, status: error.status, limit: error.limit, reason: error.message });
        } else {
          // Health checks that only test the port do this all day.
          log.debug("leave", { ...facts, error: String(error) });
        }
      },
    },
    async handler(socket) {
      const session = socket.data;
      if (session === undefined) throw new TypeError("Cannot handle a connection that upgrade did not accept");
      const opened = performance.now();
      const { pathname, search } = new URL(socket.url);
      log.info("open", {
        connection: session.id,
        remote: authority(socket.remoteAddr),
        resource: pathname + search,
        origin: socket.headers.get("origin") ?? undefined,
        protocol: socket.protocol || undefined,
        extensions: socket.extensions || undefined,
      });
      void socket.closed.then(({ closeCode, reason, wasClean, error }) =>
        log.info("close", {
          connection: session.id,
          code: closeCode,
          reason: reason || undefined,
          clean: wasClean,
          error: error === undefined ? undefined : String(error),
          seconds: Number(((performance.now() - opened) / 1000).toFixed(3)),
        })
      );
      await hold(socket, session);
    },
    onError(error) {
      const id = typeof error === "object" && error !== null ? thrownOn.get(error) : undefined;
      log.error("fault", { connection: id, ...errorFields(error) });
    },
    async ping(consoleId) {
      try {
        return await consoles.get(consoleId)?.ping();
      } catch {
        return undefined; // it ended, or it uses a draft without pings
      }
    },
  };
}

function answerEcho({ protocols }: UpgradeRequest): UpgradeAnswer {
  // A browser fails a connection if none of its subprotocols was chosen.
  return protocols.includes("echo") ? { protocol: "echo" } : {};
}

/** The messages of one network read are sent back in one write. */
async function echo(socket: WebSocketConnection): Promise<void> {
  for await (const batch of socket.batches) {
    let room: Promise<void> | undefined;
    for (const message of batch) room = socket.send(message);
    await room;
  }
}

function resourceOf({ path, query }: UpgradeRequest): string {
  return query === "" ? path : `${path}?${query}`;
}

/** Returns an address as the log shows it. */
export function authority(address: Address | undefined): string | undefined {
  if (address === undefined || !("hostname" in address)) return undefined;
  const { hostname, port } = address;
  if (port === 0) return hostname; // a proxy reported only the address
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
