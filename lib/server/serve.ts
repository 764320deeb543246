/**
 * A server: a listener, an accept loop that outlives its errors, and a shutdown that lets everybody finish.
 *
 * @module
 */
import { ConnectionError, HandshakeError } from "../errors.ts";
import type { RequestHead } from "../handshake/http_head.ts";
import { quote, toHeaders } from "../handshake/http_fields.ts";
import { readHost, splitTarget } from "../handshake/request_target.ts";
import { resolveServerLimits, type ServerLimits } from "../limits.ts";
import { CloseCode, encodeClosePayload } from "../pipeline/frames/close_code.ts";
import type { Connection } from "../pipeline/sockets/connection.ts";
import { runHandler, type WebSocketHandler } from "../pipeline/sockets/handler.ts";
import type { WebSocketConnection } from "../pipeline/sockets/websocket_connection.ts";
import { type AcceptOptions, type Acceptor, acceptWith, createAcceptor, refuse, type UpgradeInfo } from "./accept.ts";

/** How a server listens and what it does. */
export interface ServeOptions<Data = unknown> extends AcceptOptions<Data>, Partial<ServerLimits> {
  /** The port; 0 for one that is free. @default {8000} */
  port?: number;
  /** The address to listen on. @default {"0.0.0.0"} */
  hostname?: string;
  /** Listens on a Unix socket at this path instead. */
  path?: string;
  /** The certificate chain in PEM, for TLS. */
  cert?: string;
  /** The private key in PEM, for TLS. */
  key?: string;
  /** Lets several processes listen on the same port (Linux, `--unstable-net`). @default {false} */
  reusePort?: boolean;
  /** A listener of your own instead. The server closes it. */
  listener?: Deno.Listener;
  /** Answers ordinary requests, which have no body, on the same port. By default they are told 426 Upgrade Required. */
  http?(request: Request, info: UpgradeInfo): Response | Promise<Response>;
  /**
   * Is told what goes wrong on our side: what handlers and hooks throw, and what `accept` on the listener throws. By default it
   * is printed to the console.
   */
  onError?(error: unknown): void;
  /** Is called when the server listens. */
  onListen?(addr: Deno.Addr): void;
  /** Shuts the server down. */
  signal?: AbortSignal;
}

/** How a server stops. */
export interface ShutdownOptions {
  /** The close code that clients are given. @default {1001} */
  code?: number;
  /** The close reason. @default {""} */
  reason?: string;
  /** Milliseconds until what is left is dropped. @default {`closeTimeout`} */
  timeout?: number;
}

/** A server that runs. */
export interface WebSocketServer<Data = unknown> extends AsyncDisposable {
  /** The address it listens on. */
  readonly addr: Deno.Addr;
  /**
   * Where a client on this machine connects: `ws://127.0.0.1:8080`, `wss://…` with TLS, and `ws://localhost` for a Unix socket,
   * whose path goes with it as an option.
   */
  readonly url: string;
  /** Its open connections. */
  readonly connections: ReadonlySet<WebSocketConnection<Data>>;
  /** Resolves when it has stopped and every connection has ended. */
  readonly finished: Promise<void>;
  /**
   * Stops: handshakes are refused with 503, open connections are closed with 1001, and after a while dropped.
   *
   * @param options The code, the reason and the time.
   * @returns Resolves when every connection has ended and every handler is done.
   * @throws {RangeError} If the code may not be sent or the reason is too long.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
  /** Keeps the process alive. */
  ref(): void;
  /** Lets the process end though the server runs. */
  unref(): void;
}

/** After an error of `accept` (out of file descriptors, as a rule) the loop waits, longer each time. */
const ACCEPT_PAUSE = { first: 50, most: 1_000 };

/** H24: refused before anything is read. */
const TOO_MANY = new HandshakeError("Too many connections", { status: 503, headers: [["Retry-After", "1"]] });
const TOO_MANY_OF_YOURS = new HandshakeError("Too many connections from this address", {
  status: 429,
  headers: [["Retry-After", "1"]],
});

/**
 * Serves WebSockets.
 *
 * @example Echo
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0, hostname: "127.0.0.1" }, {
 *   message: (socket, data) => void socket.send(data),
 * });
 * await using socket = await connect(server.url);
 * await socket.send("hello");
 * for await (const message of socket) {
 *   assertEquals(message, "hello");
 *   break;
 * }
 * ```
 *
 * @typeParam Data What the application keeps with each connection.
 * @param options Where to listen, the limits and the application's decisions.
 * @param handler A function that holds each connection, or callbacks.
 * @returns The server, which listens already.
 */
export function serve<Data = unknown>(
  options: ServeOptions<Data>,
  handler: WebSocketHandler<Data>,
): WebSocketServer<Data> {
  return new Server(options, handler);
}

class Server<Data> implements WebSocketServer<Data> {
  readonly #options: ServeOptions<Data>;
  readonly #handler: WebSocketHandler<Data>;
  readonly #acceptor: Acceptor<Data>;
  readonly #limits: ServerLimits;
  readonly #listener: Deno.Listener;
  readonly #stopping = new AbortController();
  readonly #connections = new Set<Connection<Data>>();
  readonly #finished = Promise.withResolvers<void>();
  /** Everything that is not done: handshakes, connections, handlers, refusals. */
  #busy = 0;
  /** The same without the refusals: who is turned away takes nobody's place. */
  #served = 0;
  /** Connections and handshakes by IP address, where they are limited. */
  readonly #perAddress = new Map<string, number>();
  #idle: PromiseWithResolvers<void> | undefined;
  #shutdown: Promise<void> | undefined;
  #closed = false;

  constructor(options: ServeOptions<Data>, handler: WebSocketHandler<Data>) {
    this.#options = options;
    this.#handler = handler;
    this.#limits = resolveServerLimits(options);
    const { http } = options;
    this.#acceptor = {
      ...createAcceptor(options),
      ...(http === undefined ? {} : { http: (head, info) => http(webRequest(head, this.#secure), info) }),
    };
    this.#listener = options.listener ?? listen(options);
    const stop = () => void this.shutdown();
    if (options.signal?.aborted) stop();
    else options.signal?.addEventListener("abort", stop, { once: true });
    void this.#finished.promise.then(() => options.signal?.removeEventListener("abort", stop));
    options.onListen?.(this.addr);
    void this.#accept();
  }

  get addr(): Deno.Addr {
    return this.#listener.addr;
  }

  get url(): string {
    const { addr } = this;
    const scheme = this.#secure ? "wss" : "ws";
    if (!("hostname" in addr)) return `${scheme}://localhost`;
    const { hostname, port } = addr;
    if (hostname === "0.0.0.0" || hostname === "::") return `${scheme}://localhost:${port}`;
    return `${scheme}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
  }

  get connections(): ReadonlySet<WebSocketConnection<Data>> {
    return this.#connections;
  }

  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  ref(): void {
    this.#listener.ref();
  }

  unref(): void {
    this.#listener.unref();
  }

  shutdown(options: ShutdownOptions = {}): Promise<void> {
    encodeClosePayload(options.code ?? CloseCode.GOING_AWAY, options.reason); // throws before anything is done
    return this.#shutdown ??= this.#stop(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  get #secure(): boolean {
    return this.#options.secure ?? this.#options.cert !== undefined;
  }

  async #stop(options: ShutdownOptions): Promise<void> {
    const { closeTimeout } = this.#acceptor.limits;
    const { code = CloseCode.GOING_AWAY, reason = "", timeout = closeTimeout || Infinity } = options;
    this.#stopping.abort(new ConnectionError("The server is shutting down"));
    for (const connection of this.#connections) void connection.close(code, reason);
    const drop = () => {
      this.#close();
      for (const connection of this.#connections) connection.abort();
    };
    const timer = timeout === Infinity ? undefined : setTimeout(drop, timeout);
    // The listener stays until then, so that a client hears 503 and not that nobody is there.
    if (this.#busy > 0) await (this.#idle = Promise.withResolvers()).promise;
    clearTimeout(timer);
    this.#close();
    this.#finished.resolve();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
  }

  /** Accepts until the listener is closed. Nothing else that `accept` throws ends the loop (T8, T9). */
  async #accept(): Promise<void> {
    let pause = 0;
    while (!this.#closed) {
      try {
        const conn = await this.#listener.accept();
        pause = 0;
        void this.#take(conn);
      } catch (error) {
        if (this.#closed) return;
        if (error instanceof Deno.errors.BadResource) {
          // Somebody else closed the listener: that is a shutdown too.
          this.#closed = true;
          void this.shutdown();
        } else if (!isClientsFault(error)) {
          if (pause === 0) this.#report(error);
          pause = Math.min(Math.max(2 * pause, ACCEPT_PAUSE.first), ACCEPT_PAUSE.most);
          await sleep(pause, this.#stopping.signal);
        }
      }
    }
  }

  async #take(conn: Deno.Conn): Promise<void> {
    this.#busy++;
    try {
      const { maxConnections } = this.#limits;
      // Whom a refusal would take too long for is not told why.
      if (this.#busy > 2 * maxConnections) return conn.close();
      if (this.#served >= maxConnections) return await refuse(conn, TOO_MANY);
      const leave = this.#enter(conn.remoteAddr);
      if (leave === undefined) return await refuse(conn, TOO_MANY_OF_YOURS);
      await this.#serve(conn).finally(leave);
    } catch (error) {
      // Refusals are the client's business, but for those that are our mistake.
      if (error instanceof HandshakeError && error.status === 500) this.#report(error.cause ?? error);
    } finally {
      if (--this.#busy === 0) this.#idle?.resolve();
    }
  }

  async #serve(conn: Deno.Conn): Promise<void> {
    const connection = await acceptWith(this.#acceptor, conn, this.#stopping.signal);
    if (connection === undefined) return;
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
    // The signal may have come between the handshake's last step and here.
    if (this.#stopping.signal.aborted) void connection.close(CloseCode.GOING_AWAY);
    await runHandler(connection, this.#handler, (error) => this.#report(error));
  }

  /** Counts a connection in; returns what counts it out, or `undefined` where there are too many of its address. */
  #enter(addr: Deno.Addr): (() => void) | undefined {
    const { maxConnectionsPerAddress: max } = this.#limits;
    const hostname = max !== Infinity && "hostname" in addr ? addr.hostname : undefined;
    const count = hostname === undefined ? 0 : this.#perAddress.get(hostname) ?? 0;
    if (count >= max) return undefined;
    this.#served++;
    if (hostname !== undefined) this.#perAddress.set(hostname, count + 1);
    return () => {
      this.#served--;
      if (hostname === undefined) return;
      const left = this.#perAddress.get(hostname)! - 1;
      if (left === 0) this.#perAddress.delete(hostname);
      else this.#perAddress.set(hostname, left);
    };
  }

  #report(error: unknown): void {
    if (this.#options.onError !== undefined) this.#options.onError(error);
    // deno-lint-ignore no-console -- as `Deno.serve` does: a mistake that nobody asked to hear of must be heard
    else console.error(error);
  }
}

/** The client gave up before it was its turn (T9). */
function isClientsFault(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionAborted || error instanceof Deno.errors.ConnectionReset;
}

function sleep(time: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, time);
    signal.addEventListener("abort", wake);
  });
}

function listen(
  options: Pick<ServeOptions, "port" | "hostname" | "path" | "cert" | "key" | "reusePort">,
): Deno.Listener {
  const { port = 8000, hostname = "0.0.0.0", path, cert, key, reusePort = false } = options;
  if (path !== undefined) return Deno.listen({ transport: "unix", path });
  if (cert === undefined && key === undefined) return Deno.listen({ port, hostname, reusePort });
  if (cert === undefined || key === undefined) {
    throw new TypeError("Cannot serve over TLS: both cert and key are needed");
  }
  return Deno.listenTls({ port, hostname, reusePort, cert, key });
}

/** Methods that a web `Request` cannot have (Fetch, "forbidden method"). */
const FORBIDDEN_METHODS = new Set(["CONNECT", "TRACE", "TRACK"]);

/** A request without a body, as the web has it. */
function webRequest(head: RequestHead, secure: boolean): Request {
  // Refused here, or the constructor's TypeError would pass for a fault of ours (RFC 9110 §15.6.2).
  if (FORBIDDEN_METHODS.has(head.method.toUpperCase())) {
    throw new HandshakeError(`Method ${quote(head.method)} is not served`, { status: 501 });
  }
  const { authority = readHost(head.fields), path, query } = splitTarget(head.target);
  const url = `${secure ? "https" : "http"}://${authority}${path}${query === "" ? "" : `?${query}`}`;
  return new Request(url, { method: head.method, headers: toHeaders(head.fields) });
}
