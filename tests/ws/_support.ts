/**
 * Statements of ws' own documentation, in our words: each is a test that is played with every pairing of our classes and those of
 * `npm:ws`, so that it is known to be true of `ws` itself.
 *
 * @module
 */
import { type EventEmitter, once } from "node:events";
import { createServer, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { assert } from "@std/assert";
import * as sluice from "../../lib/ws/mod.ts";
import type { ClientOptions } from "../../lib/ws/options.ts";
import type { ServerOptions } from "../../lib/ws/websocket_server.ts";
import { soon } from "../_support/wait.ts";

/** What both give. */
export type Api = typeof sluice;

// deno-lint-ignore no-explicit-any -- a package that is named at run time has no types, and these are what it is to stand for
const load = (specifier: string): Promise<any> => import(specifier);
/** Its exports. */
export const theirs: Api = await load("npm:ws@^8.18.0");

/** Who is on which end, and whether the server has its own port. */
const PAIRINGS: readonly { name: string; server: Api; client: Api; port: boolean }[] = [
  { name: "our server on a port of its own, our client", server: sluice, client: sluice, port: true },
  { name: "our server in node:http, the client of ws", server: sluice, client: theirs, port: false },
  { name: "the server of ws, our client", server: theirs, client: sluice, port: true },
  { name: "ws itself", server: theirs, client: theirs, port: true },
];

type OpenServer = InstanceType<Api["WebSocketServer"]>;
type Socket = InstanceType<Api["WebSocket"]>;

/** A pairing in a test. Everything that it opens is gone when the test is over. */
export class Play implements AsyncDisposable {
  /** The server's classes. */
  readonly server: Api;
  /** The client's classes. */
  readonly client: Api;
  /** The port of the server that was opened last. */
  port = 0;
  readonly #ownPort: boolean;
  readonly #servers: OpenServer[] = [];
  readonly #http: Server[] = [];
  readonly #sockets = new Set<Socket>();

  constructor({ server, client, port }: (typeof PAIRINGS)[number]) {
    this.server = server;
    this.client = client;
    this.#ownPort = port;
  }

  /** A server that listens. */
  async serve(options: ServerOptions = {}): Promise<OpenServer> {
    if (!this.#ownPort) return await this.serveHttp((server) => ({ ...options, server }));
    return await this.servePort(options);
  }

  /** A server on a port of its own, in every pairing. */
  async servePort(options: ServerOptions = {}, Server = this.server.WebSocketServer): Promise<OpenServer> {
    const server = this.manage(new Server({ host: "127.0.0.1", port: 0, ...options }));
    await next(server, "listening");
    const address = server.address();
    assert(typeof address === "object" && address !== null);
    this.port = address.port;
    return server;
  }

  /** A server of `node:http` that listens, with one of WebSockets. */
  async serveHttp(options: (server: Server) => ServerOptions): Promise<OpenServer> {
    const http = createServer();
    this.#http.push(http);
    const server = this.manage(new this.server.WebSocketServer(options(http)));
    await new Promise<void>((listening) => http.listen(0, "127.0.0.1", () => listening()));
    const address = http.address();
    assert(typeof address === "object" && address !== null);
    this.port = address.port;
    return server;
  }

  /** The same in mode `noServer`: `upgrade` gets what the HTTP server emits. */
  async serveNone(
    options: ServerOptions,
    upgrade: (
      server: OpenServer,
      ...event: Parameters<OpenServer["handleUpgrade"]> extends [infer R, infer S, infer H, ...unknown[]] ? [R, S, H]
        : never
    ) => void,
  ): Promise<OpenServer> {
    let http: Server | undefined;
    const server = await this.serveHttp((given) => {
      http = given;
      return { ...options, noServer: true };
    });
    http?.on("upgrade", (request, socket: Duplex, head) => upgrade(server, request, socket, head));
    return server;
  }

  /** Closes a server at the end, and what is connected to it. */
  manage(server: OpenServer): OpenServer {
    this.#servers.push(server);
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
    });
    return server;
  }

  /** A client of the server that was opened last. */
  connect(path = "/", protocols?: string | string[] | ClientOptions, options?: ClientOptions): Socket {
    const socket = new this.client.WebSocket(`ws://127.0.0.1:${this.port}${path}`, protocols, options);
    this.#sockets.add(socket);
    return socket;
  }

  /** Both ends of one connection, open. */
  async pair(
    { server: serverOptions = {}, client: clientOptions = {} }: { server?: ServerOptions; client?: ClientOptions } = {},
  ): Promise<{ server: OpenServer; there: Socket; here: Socket }> {
    const server = await this.serve(serverOptions);
    const connected = next(server, "connection");
    const here = this.connect("/", [], clientOptions);
    await next(here, "open");
    const [there] = await connected as [Socket];
    return { server, there, here };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) await ended(socket);
    for (const server of this.#servers) {
      for (const socket of server.clients ?? []) await ended(socket);
      await soon(new Promise((closed) => server.close(closed)), "The end of the server");
    }
    for (const http of this.#http) {
      if (http.listening) await soon(new Promise((closed) => http.close(closed)), "The end of node:http");
    }
  }
}

/** Ends a socket, unless it has ended. */
export async function ended(socket: Socket): Promise<void> {
  if (socket.readyState === 3) return;
  const closed = new Promise<void>((closed) => socket.on("close", () => closed()));
  socket.on("error", () => {});
  socket.terminate();
  await soon(closed, "The end of a socket");
}

/** Our server on a port of its own, and our client. */
export function ours(): Play {
  return new Play(PAIRINGS[0]!);
}

/** The arguments of the next event of a name. */
export async function next(emitter: EventEmitter, event: string): Promise<unknown[]> {
  return await soon(once(emitter, event), `The event ${event}`);
}

/** A statement that holds: a test for each of our classes, and for `ws` itself. */
export function statement(section: string, says: string, play: (play: Play) => Promise<void> | void): void {
  Deno.test(`${section}: ${says}`, async () => {
    for (const pairing of PAIRINGS) {
      await using running = new Play(pairing);
      try {
        await play(running);
      } catch (error) {
        throw new Error(`With ${pairing.name}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    }
  });
}

/** A statement that holds of one pairing only: what differs is a row of its own. */
export function ourStatement(section: string, says: string, play: (play: Play) => Promise<void> | void): void {
  Deno.test(`${section}: ${says}`, async () => {
    for (const pairing of PAIRINGS.slice(0, 2)) {
      await using running = new Play(pairing);
      await play(running);
    }
  });
}

/** A statement that does not hold here. It is a row of the table, and `why` says what there is in its place. */
export function differs(_section: string, _says: string, _why: string): void {}
