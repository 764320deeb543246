/**
 * A server: a listener, an accept loop that survives errors, and a graceful shutdown.
 *
 * @module
 */
import { defer } from "../async.ts";
import type { WebSocketHandler } from "../connection/readers/callbacks.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import type { Address } from "../transport/transport.ts";
import { takeServing } from "../connection/check_handler.ts";
import { AcceptLoop, isSecure, listen, type Listener } from "./listen.ts";
import { ConnectionGroup } from "./connection_group.ts";
import { SERVE_OPTION_KINDS, type ServeOptions, type ShutdownOptions } from "./server_options.ts";
import type { AnyUpgradeAnswer, ConnectionOf, DataOf, WithUpgrade } from "./upgrade_data.ts";

export type { Listener, ListenOptions } from "./listen.ts";
export type { CertificateFor, TlsCertificate } from "./tls.ts";

/** A running server. */
export interface WebSocketServer<Data = unknown> extends AsyncDisposable {
  /** The address that the server listens on. */
  readonly addr: Address;
  /**
   * The URL for clients on this machine: `ws://127.0.0.1:8080`, `wss://…` with TLS, and `ws://localhost` for a Unix socket, whose
   * path clients pass as the option `path`.
   */
  readonly url: string;
  /** The open connections. Connections that are closing are not included. */
  readonly connections: ReadonlySet<WebSocketConnection<Data>>;
  /** Resolves when the server has stopped and every connection has ended. */
  readonly finished: Promise<void>;
  /**
   * Shuts the server down: refuses new handshakes with 503, closes open connections with code 1001, and drops the remaining ones
   * after `timeout`.
   *
   * @param options The close code, the reason and the timeout.
   * @returns Resolves when every connection has ended and every handler has finished.
   * @throws {RangeError} If a close frame may not carry the code, or if the reason is too long.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
  /** Keeps the process alive while the server runs. */
  ref(): void;
  /** Lets the process exit even though the server runs. */
  unref(): void;
}

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
 * @typeParam Data The type of `socket.data`.
 * @param options The address, the limits, and hooks such as `upgrade`.
 * @param handler A function that handles each connection, or callbacks.
 * @returns The server. It is already listening.
 * @throws {DOMException} `NotSupportedError` outside Deno, if there is no `listener`.
 * @throws {TypeError} If an option is unknown or has the wrong type, if there is no handler, if a certificate has no
 * key, if a port or a certificate is given with `path`, or if the listener belongs to another server.
 * @throws {RangeError} If a number is out of range.
 */
export function serve<Answer extends AnyUpgradeAnswer>(
  options: WithUpgrade<ServeOptions, Answer>,
  handler: WebSocketHandler<DataOf<Answer>, ConnectionOf<Answer>>,
): WebSocketServer<DataOf<Answer>>;
/** Serves WebSockets. `data` of a connection may be attached later, or never. */
export function serve<Data = unknown>(
  options: ServeOptions<Data>,
  handler: WebSocketHandler<Data>,
): WebSocketServer<Data>;
export function serve<Data>(options: ServeOptions<Data>, handler: WebSocketHandler<Data>): WebSocketServer<Data> {
  options = takeServing("serve()", options, SERVE_OPTION_KINDS, handler);
  return new Server(options, handler);
}

/** The listeners that belong to a server. */
const TAKEN = new WeakSet<Listener>();

class Server<Data> implements WebSocketServer<Data> {
  readonly #group: ConnectionGroup<Data>;
  readonly #listener: Listener;
  readonly #secure: boolean;
  readonly #finished = defer<void>();
  #shutdown: Promise<void> | undefined;
  readonly #accepting: AcceptLoop;

  constructor(options: ServeOptions<Data>, handler: WebSocketHandler<Data>) {
    const { listener } = options;
    if (listener !== undefined && TAKEN.has(listener)) {
      throw new TypeError("Cannot serve the listener: it belongs to another server");
    }
    this.#secure = options.secure ?? isSecure(options);
    this.#group = new ConnectionGroup({ ...options, secure: this.#secure }, handler);
    if (listener !== undefined) TAKEN.add(listener);
    this.#listener = listener ?? listen(options, (error) => this.#group.report(error));
    try {
      options.onListen?.(this.addr);
    } catch (error) {
      this.#listener.close(); // the caller gets no server that it could shut down
      throw error;
    }
    const stop = () => void this.shutdown();
    if (options.signal?.aborted) stop();
    else options.signal?.addEventListener("abort", stop, { once: true });
    void this.#finished.promise.then(() => options.signal?.removeEventListener("abort", stop));
    this.#accepting = new AcceptLoop(this.#listener, {
      take: (conn) => this.#group.take(conn),
      report: (error) => this.#group.report(error),
      onLost: () => void this.shutdown(), // this is a shutdown too
      stopping: this.#group.stopping,
    });
  }

  get addr(): Address {
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
    return this.#group.connections;
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
    return this.#shutdown ??= this.#stop(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  #stop(options: ShutdownOptions): Promise<void> {
    // The listener stays open while work is under way, so that new clients get 503 and not a refused connection.
    return this.#group.stop(options, () => this.#accepting.close()).then(async () => {
      this.#accepting.close();
      await this.#accepting.released();
      this.#finished.resolve();
    });
  }
}
