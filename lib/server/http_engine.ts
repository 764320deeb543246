/**
 * Ordinary HTTP on the WebSockets' port: a connection whose first request is no handshake goes, with what was read of it, to the
 * platform's own HTTP engine. Loaded only by servers that have an `http` handler.
 *
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Duplex } from "node:stream";
import { type Transport, writeAll } from "../pipeline/sockets/transport.ts";
import type { UpgradeInfo } from "./accept.ts";

/** Milliseconds without a byte in either direction after which a connection is dropped. */
const IDLE_TIMEOUT = 60_000;

/** Milliseconds that a client which was answered may take to end its side. */
const LINGER_TIME = 2_000;

/** Answers one ordinary request. */
export type HttpHandler = (request: Request, info: UpgradeInfo) => Response | Promise<Response>;

/** A connection on its way to the engine. */
export interface HttpConnection {
  /** The transport, which belongs to the engine from here on. */
  readonly transport: Transport;
  /** What was read of it: the head of the request and what came behind it. */
  readonly first: Uint8Array;
  /** What is known of the peer. */
  readonly info: UpgradeInfo;
  /** Whether the peer's connection is encrypted. */
  readonly secure: boolean;
}

/** Serves ordinary requests. */
export interface HttpEngine {
  /** Answers a connection's request. Resolves when the connection has ended. */
  serve(connection: HttpConnection): Promise<void>;
}

/**
 * Makes an engine.
 *
 * @param handler Answers requests. What it throws is reported, and answered with 500.
 * @param options Who is told of what the handler throws, and what drops the connections that are left.
 * @returns The engine. It holds nothing open.
 */
export function createHttpEngine(
  handler: HttpHandler,
  { report, signal }: { report: (error: unknown) => void; signal: AbortSignal },
): HttpEngine {
  const connections = new WeakMap<Duplex, HttpConnection>();
  const server = createServer((incoming, outgoing) => {
    const connection = connections.get(incoming.socket);
    if (connection === undefined) return void outgoing.destroy();
    void answer(incoming, outgoing, { connection, handler, report });
  });
  return {
    serve(connection) {
      const socket = socketOf(connection, signal);
      connections.set(socket, connection);
      server.emit("connection", socket);
      return new Promise((resolve) => socket.once("close", resolve));
    },
  };
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { connection, handler, report }: {
    connection: HttpConnection;
    handler: HttpHandler;
    report: (error: unknown) => void;
  },
): Promise<void> {
  let response: Response;
  try {
    const request = webRequest(incoming, connection.secure);
    response = request instanceof Response ? request : await handler(request, connection.info);
  } catch (error) {
    report(error);
    response = new Response("Internal Server Error\n", { status: 500 });
  }
  try {
    await send(response, outgoing, incoming.method === "HEAD");
  } catch (error) {
    // Either way the answer cannot be completed: that the client left is its business, that the body failed is ours.
    if (!incoming.socket.destroyed) report(error);
    outgoing.destroy();
  }
}

/** Methods that a web `Request` cannot have (Fetch, "forbidden method"). */
const FORBIDDEN_METHODS = new Set(["CONNECT", "TRACE", "TRACK"]);

/** The request as the web has it, or the answer where it cannot have it. */
function webRequest(incoming: IncomingMessage, secure: boolean): Request | Response {
  const { method = "GET", url = "/", headers } = incoming;
  const base = `${secure ? "https" : "http"}://${headers.host ?? ""}`;
  const target = url.startsWith("/") ? base + url : url;
  if (!URL.canParse(target)) return new Response("Header Host is not a host\n", { status: 400 });
  // RFC 9110 §15.6.2; the constructor would throw, and that would pass for a mistake of ours.
  if (FORBIDDEN_METHODS.has(method.toUpperCase())) return new Response("Not served\n", { status: 501 });
  const fields = new Headers();
  for (let at = 0; at + 1 < incoming.rawHeaders.length; at += 2) {
    fields.append(incoming.rawHeaders[at]!, incoming.rawHeaders[at + 1]!);
  }
  if (method === "GET" || method === "HEAD") return new Request(target, { method, headers: fields });
  const body = ReadableStream.from<Uint8Array>(incoming);
  return new Request(target, { method, headers: fields, body });
}

async function send(response: Response, outgoing: ServerResponse, headOnly: boolean): Promise<void> {
  const { status, headers, body } = response;
  // One request for each connection: what waits for the next one would wait in a place without our limits.
  outgoing.shouldKeepAlive = false;
  outgoing.statusCode = status;
  for (const [name, value] of headers) {
    if (name !== "set-cookie") outgoing.setHeader(name, value);
  }
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) outgoing.setHeader("set-cookie", cookies);
  if (body === null || headOnly) {
    await body?.cancel();
    outgoing.end();
    return;
  }
  for await (const chunk of body) {
    if (outgoing.destroyed) throw new Error("The client left");
    if (!outgoing.write(chunk)) await once(outgoing, "drain");
  }
  outgoing.end();
}

/** Waits for an event, or for the end of everything. */
function once(outgoing: ServerResponse, event: string): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      outgoing.off(event, done);
      outgoing.off("close", done);
      resolve();
    };
    outgoing.on(event, done);
    outgoing.on("close", done);
  });
}

/** A transport as the engine's kind of socket, with what was read of it in front. */
function socketOf({ transport, first, info }: HttpConnection, signal: AbortSignal): Duplex {
  let pending: Uint8Array | undefined = first;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let patience = IDLE_TIMEOUT;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => socket.destroy(), patience);
  };
  const stop = () => void socket.destroy();
  const socket = new Duplex({
    read() {
      if (pending !== undefined) {
        const bytes = pending;
        pending = undefined;
        this.push(bytes);
        return;
      }
      transport.read().then((bytes) => {
        alive();
        this.push(bytes);
      }, (error) => this.destroy(error));
    },
    write(chunk: Uint8Array, _encoding, done) {
      writeAll(transport, new Uint8Array(chunk)).then(() => {
        alive();
        done();
      }, done);
    },
    final(done) {
      patience = LINGER_TIME;
      alive();
      transport.closeWrite().then(() => done(), done);
    },
    destroy(error, done) {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      transport.close();
      done(error);
    },
  });
  // What goes wrong on the way is the client's business, and the response notices it.
  socket.on("error", () => {});
  const { remoteAddr } = info;
  const address = remoteAddr !== undefined && "hostname" in remoteAddr ? remoteAddr : undefined;
  // What the engine asks of a socket besides.
  Object.assign(socket, {
    remoteAddress: address?.hostname,
    remotePort: address?.port,
    setTimeout: () => socket,
    setNoDelay: () => socket,
    setKeepAlive: () => socket,
  });
  signal.addEventListener("abort", stop);
  alive();
  return socket;
}
