/**
 * The connections of one server over any transport: limits, handshakes, handlers, ordinary HTTP, and shutdown.
 *
 * @module
 */
import { defer, type Deferred } from "../async.ts";
import { Deadlines } from "../deadlines.ts";
import { ConnectionError, HandshakeError } from "../errors.ts";
import { refusalResponse } from "../handshake/http_response.ts";
import { resolveServerLimits, type ServerLimits } from "../limits.ts";
import { checkOptions } from "../options.ts";
import { CloseCode, encodeClosePayload } from "../pipeline/frames/close_code.ts";
import type { Connection } from "../connection/connection.ts";
import { type HandlerOwner, startHandler, type WebSocketHandler } from "../connection/readers/callbacks.ts";
import type { ConnectionOwner } from "../connection/driven_connection.ts";
import { notifyRefused } from "../connection/watch/observer.ts";
import type { Address, ByteConnection, BytePair } from "../transport/transport.ts";
import { logError } from "../log_error.ts";
import { once } from "../once.ts";
import { type Acceptor, createAcceptor } from "./acceptor.ts";
import { type GroupOptions, SHUTDOWN_OPTION_KINDS, type ShutdownOptions } from "./server_options.ts";
import { type Exchange, http1Exchange } from "./exchange.ts";
import { Handshake, type HandshakeOwner, hostnameOf } from "./handshake.ts";
import { createHttpEngine } from "./http_engine.ts";

/** Refused before anything is read. */
const tooMany = once(() =>
  new HandshakeError("Too many connections", {
    status: 503,
    headers: [["Retry-After", "1"]],
    limit: "maxConnections",
  })
);
const tooManyOfYours = once(() =>
  new HandshakeError("Too many connections from this address", {
    status: 429,
    headers: [["Retry-After", "1"]],
    limit: "maxConnectionsPerAddress",
  })
);

/**
 * One connection from the first byte of its handshake until its handler is done. It owns the handshake and then the connection,
 * so that nothing else stays in memory meanwhile.
 */
class Slot<Data> implements HandshakeOwner<Data>, HandlerOwner, ConnectionOwner {
  handshake: Handshake<Data> | undefined;
  connection: Connection<Data> | undefined;
  readonly #group: ConnectionGroup<Data>;
  /** The IP address that it is counted under. */
  client: string | undefined;

  constructor(group: ConnectionGroup<Data>) {
    this.handshake = this.connection = this.client = undefined;
    this.#group = group;
  }

  admit(remoteAddr: Address | undefined): void {
    this.#group.admit(this, hostnameOf(remoteAddr));
  }

  onOpen(connection: Connection<Data>): void {
    this.connection = connection;
    this.#group.run(this, connection);
  }

  onNone(error: unknown): void {
    // Refusals are not reported, unless the server's own code caused them.
    if (error instanceof HandshakeError && error.status === 500) this.#group.report(error.cause ?? error);
    this.onDone();
  }

  onClosing(): void {
    if (this.connection !== undefined) this.#group.closing(this.connection);
  }

  report(error: unknown): void {
    this.#group.report(error);
  }

  /** Called when everything is done, including the handler. */
  onDone(): void {
    this.#group.leave(this);
  }
}

/** Accepts connections, runs their handlers and closes them. */
export class ConnectionGroup<Data> {
  readonly #options: GroupOptions<Data>;
  readonly #handler: WebSocketHandler<Data>;
  readonly #acceptor: Acceptor<Data>;
  readonly #limits: ServerLimits;
  readonly #stopping = new AbortController();
  readonly #dropping = new AbortController();
  /** The open connections. */
  readonly #connections = new Set<Connection<Data>>();
  /** All work under way: handshakes, connections, handlers, refusals. */
  #busy = 0;
  /** The same without refusals, because a refused client does not count against the limit. */
  readonly #slots = new Set<Slot<Data>>();
  /** The number of connections and handshakes of each IP address, if that is limited. */
  readonly #perAddress = new Map<string, number>();
  #idle: Deferred<void> | undefined;
  /** Whether it was reported that `maxConnections` is reached. */
  #fullTold = false;

  /**
   * @param options The limits and the application's hooks.
   * @param handler A function that handles each connection, or callbacks.
   */
  constructor(options: GroupOptions<Data>, handler: WebSocketHandler<Data>) {
    this.#options = options;
    this.#handler = handler;
    this.#limits = resolveServerLimits(options);
    const { http } = options;
    const stopping = this.#stopping.signal;
    const deadlines = new Deadlines();
    const engine = {
      report: (error: unknown) => this.report(error),
      limits: this.#limits,
      deadlines,
      stopping,
      dropping: this.#dropping.signal,
    };
    this.#acceptor = createAcceptor(options, {
      stopping,
      deadlines,
      http: http === undefined ? undefined : createHttpEngine(http, engine),
    });
  }

  /** The open connections, without those that are closing. */
  get connections(): ReadonlySet<Connection<Data>> {
    return this.#connections;
  }

  /** Aborted when the server begins to stop. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /**
   * Accepts a connection.
   *
   * @param conn The connection.
   * @param first Bytes that were already read from it.
   */
  take(conn: ByteConnection | BytePair, first?: Uint8Array<ArrayBuffer>): void {
    this.takeExchange(http1Exchange(conn, this.#acceptor.http1, first));
  }

  /** Accepts an exchange of any HTTP version. */
  takeExchange(exchange: Exchange): void {
    const { maxConnections } = this.#limits;
    // Above this number clients are dropped without a response, because even refusals take resources.
    if (++this.#busy > 2 * maxConnections) {
      this.#notifyRefused(exchange, tooMany());
      exchange.drop();
      this.#done();
    } else if (this.#slots.size >= maxConnections) {
      void this.refuseExchange(exchange, tooMany()).then(this.#done);
    } else {
      const slot = new Slot(this);
      this.#slots.add(slot);
      new Handshake(this.#acceptor, exchange, slot);
    }
  }

  /**
   * Counts a connection under its client's address, once that is known, and refuses it if the address has too many. A proxy may
   * send requests of several clients over one connection; then the last client counts.
   */
  admit(slot: Slot<Data>, client: string | undefined): void {
    const max = this.#limits.maxConnectionsPerAddress;
    if (max === Infinity || client === slot.client) return;
    const count = client === undefined ? 0 : this.#perAddress.get(client) ?? 0;
    if (count >= max) {
      this.#vacate(slot); // a connection that is being refused is not counted
      throw tooManyOfYours();
    }
    this.#giveBack(slot);
    slot.client = client;
    if (client !== undefined) this.#perAddress.set(client, count + 1);
  }

  #giveBack(slot: Slot<Data>): void {
    const { client } = slot;
    if (client === undefined) return;
    slot.client = undefined;
    const count = this.#perAddress.get(client)! - 1;
    if (count === 0) this.#perAddress.delete(client);
    else this.#perAddress.set(client, count);
  }

  #vacate(slot: Slot<Data>): void {
    if (this.#slots.delete(slot)) this.#giveBack(slot);
  }

  /** Refuses a connection before anything is read from it. It never rejects. */
  refuse(conn: ByteConnection | BytePair, error: HandshakeError): Promise<void> {
    return this.refuseExchange(http1Exchange(conn, this.#acceptor.http1), error);
  }

  /** Refuses an exchange of any HTTP version before anything is read from it. It never rejects. */
  refuseExchange(exchange: Exchange, error: HandshakeError): Promise<void> {
    this.#notifyRefused(exchange, error);
    return exchange.refuse(refusalResponse(error));
  }

  #notifyRefused({ remoteAddr, localAddr }: Exchange, error: HandshakeError): void {
    if (error === tooMany() && !this.#fullTold) {
      this.#fullTold = true;
      // deno-lint-ignore no-console -- the operator can fix it, and the server shows it nowhere else
      console.warn(`maxConnections ${this.#limits.maxConnections} is reached: more clients are refused with 503`);
    }
    notifyRefused(this.#options.observer, error, { remoteAddr, localAddr });
  }

  /** Runs the handler of a connection until it is done. */
  run(slot: Slot<Data>, connection: Connection<Data>): void {
    if (connection.readyState === 1) this.#connections.add(connection);
    connection.owner = slot;
    // The signal may have come between the handshake's last step and here.
    if (this.#stopping.signal.aborted) void connection.close(CloseCode.GOING_AWAY);
    startHandler(connection, this.#handler, slot);
  }

  /** Removes a connection that is no longer open. */
  closing(connection: Connection<Data>): void {
    this.#connections.delete(connection);
  }

  /** Frees the slot of a connection. */
  leave(slot: Slot<Data>): void {
    this.#vacate(slot);
    this.#done();
  }

  /** Resolves when no work is under way. */
  async idle(): Promise<void> {
    if (this.#busy > 0) await (this.#idle ??= defer()).promise;
  }

  readonly #done = (): void => {
    if (--this.#busy > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  };

  /** Reports an error of the server's own code. */
  report(error: unknown): void {
    logError(error, this.#options);
  }

  /**
   * Refuses further handshakes, closes every connection, and waits for the work under way.
   *
   * @param options The code, the reason and the time.
   * @param dropped Called when the time is up and the remaining connections are dropped.
   * @throws {RangeError} If the code or the reason may not be sent.
   */
  stop(options: ShutdownOptions, dropped: () => void): Promise<void> {
    checkOptions("shutdown()", options, SHUTDOWN_OPTION_KINDS);
    const { closeTimeout } = this.#acceptor.limits;
    const { code = CloseCode.GOING_AWAY, reason = "", timeout = closeTimeout || Infinity } = options;
    encodeClosePayload(code, reason); // throws at the call, before anything is done
    return this.#stop({ code, reason, timeout }, dropped);
  }

  async #stop({ code, reason, timeout }: Required<ShutdownOptions>, dropped: () => void): Promise<void> {
    const why = new ConnectionError("The server is shutting down");
    this.#stopping.abort(why);
    for (const { handshake } of this.#slots) handshake?.stop(why);
    for (const connection of this.#connections) void connection.close(code, reason);
    if (this.#busy === 0) return;
    const idle = this.#idle ??= defer<void>();
    const drop = async () => {
      dropped();
      this.#dropping.abort();
      const left = [...this.#slots].flatMap(({ connection }) => connection ?? []);
      for (const connection of left) connection.abort();
      // It does not wait for a handler that hangs, because its connection has ended.
      await Promise.all(left.map(({ closed }) => closed));
      idle.resolve();
    };
    const timer = timeout === Infinity ? undefined : setTimeout(() => void drop(), timeout);
    await idle.promise;
    clearTimeout(timer);
  }
}
