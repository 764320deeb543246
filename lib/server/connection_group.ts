/**
 * The connections of one server, whatever brings them: limits, handshakes, handlers, ordinary HTTP, and the end of it all.
 *
 * @module
 */
import { defer, type Deferred } from "../async.ts";
import { ConnectionError, HandshakeError } from "../errors.ts";
import { refusalResponse } from "../handshake/http_response.ts";
import { resolveServerLimits, type ServerLimits } from "../limits.ts";
import { checkOptions } from "../options.ts";
import { CloseCode, encodeClosePayload } from "../pipeline/frames/close_code.ts";
import type { Connection } from "../connection/connection.ts";
import { runHandler, type WebSocketHandler } from "../connection/readers/callbacks.ts";
import { tellRefusal } from "../connection/watch/observer.ts";
import type { Address, ByteConnection, BytePair } from "../transport/transport.ts";
import { logError } from "../log_error.ts";
import { acceptExchange, type Acceptor, createAcceptor, hostnameOf, http1 } from "./accept.ts";
import { type GroupOptions, SHUTDOWN_OPTION_KINDS, type ShutdownOptions } from "./server_options.ts";
import type { Exchange } from "./exchange.ts";
import { createHttpEngine } from "./http_engine.ts";

/** H24: refused before anything is read. */
const TOO_MANY = new HandshakeError("Too many connections", {
  status: 503,
  headers: [["Retry-After", "1"]],
  limit: "maxConnections",
});
const TOO_MANY_OF_YOURS = new HandshakeError("Too many connections from this address", {
  status: 429,
  headers: [["Retry-After", "1"]],
  limit: "maxConnectionsPerAddress",
});

/** A connection and the place that it takes. */
interface Placed<Data> {
  readonly connection: Connection<Data>;
  readonly place: Place;
}

/** One connection's place among those of its IP address. */
class Place {
  readonly #counts: Map<string, number>;
  readonly #max: number;
  #client: string | undefined;
  #left = false;

  constructor(counts: Map<string, number>, max: number) {
    this.#counts = counts;
    this.#max = max;
  }

  /**
   * Counts the client in, once it is known: `false` if there are too many of its address. A proxy may send the requests of several
   * clients over one connection: the last of them counts.
   */
  take(client: string | undefined): boolean {
    if (this.#max === Infinity || client === this.#client || this.#left) return true;
    const count = client === undefined ? 0 : this.#counts.get(client) ?? 0;
    if (count >= this.#max) return false;
    this.#giveBack();
    this.#client = client;
    if (client !== undefined) this.#counts.set(client, count + 1);
    return true;
  }

  /** Counts it out: `false` if it was before. */
  leave(): boolean {
    if (this.#left) return false;
    this.#left = true;
    this.#giveBack();
    return true;
  }

  #giveBack(): void {
    if (this.#client === undefined) return;
    const count = this.#counts.get(this.#client)! - 1;
    if (count === 0) this.#counts.delete(this.#client);
    else this.#counts.set(this.#client, count);
    this.#client = undefined;
  }
}

/** Takes connections in and sees them out. */
export class ConnectionGroup<Data> {
  readonly #options: GroupOptions<Data>;
  readonly #handler: WebSocketHandler<Data>;
  readonly #acceptor: Acceptor<Data>;
  readonly #limits: ServerLimits;
  readonly #stopping = new AbortController();
  readonly #dropping = new AbortController();
  /** The open ones. */
  readonly #connections = new Set<Connection<Data>>();
  /** Those that close, until they have ended. */
  readonly #leaving = new Set<Connection<Data>>();
  /** Everything that is not done: handshakes, connections, handlers, refusals. */
  #busy = 0;
  /** The same without the refusals: who is turned away takes nobody's place. */
  #served = 0;
  /** Connections and handshakes by IP address, where they are limited. */
  readonly #perAddress = new Map<string, number>();
  #idle: Deferred<void> | undefined;
  /** Whether it was told that `maxConnections` is reached. */
  #fullTold = false;

  /**
   * @param options The limits, the application's decisions and hooks.
   * @param handler A function that holds each connection, or callbacks.
   */
  constructor(options: GroupOptions<Data>, handler: WebSocketHandler<Data>) {
    this.#options = options;
    this.#handler = handler;
    this.#limits = resolveServerLimits(options);
    const { http } = options;
    const acceptor = createAcceptor(options);
    this.#acceptor = http === undefined ? acceptor : {
      ...acceptor,
      http: createHttpEngine(http, {
        report: this.#report,
        limits: this.#limits,
        stopping: this.#stopping.signal,
        dropping: this.#dropping.signal,
      }),
    };
  }

  /** The open connections, and none that closes. */
  get connections(): ReadonlySet<Connection<Data>> {
    return this.#connections;
  }

  /** Aborted when the server begins to stop. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /**
   * Takes a connection in. It never rejects.
   *
   * @param conn The connection.
   * @param first What was read of it already.
   */
  take(conn: ByteConnection | BytePair, first?: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.takeExchange(http1(this.#acceptor, conn, first));
  }

  /** Takes an exchange in, of any version of HTTP. It never rejects. */
  takeExchange(exchange: Exchange): Promise<void> {
    this.#busy++;
    // The connection is held from here, and not by the function that shook hands: nothing of that is kept for as long as it lasts.
    return this.#accept(exchange).then(this.#run).then(this.#done);
  }

  /** Shakes hands, or refuses. Gives the connection, where one came of it. */
  async #accept(exchange: Exchange): Promise<Placed<Data> | undefined> {
    const { maxConnections } = this.#limits;
    // Whom a refusal would take too long for is not told why.
    if (this.#busy > 2 * maxConnections) {
      this.#tellRefusal(exchange, TOO_MANY);
      return void exchange.drop();
    }
    if (this.#served >= maxConnections) return void await this.refuseExchange(exchange, TOO_MANY);
    const place = new Place(this.#perAddress, this.#limits.maxConnectionsPerAddress);
    this.#served++;
    const leave = () => {
      if (place.leave()) this.#served--;
    };
    const admit = (addr: Address | undefined) => {
      if (place.take(hostnameOf(addr))) return;
      leave(); // while it is refused it takes nobody's place
      throw TOO_MANY_OF_YOURS;
    };
    try {
      const signal = this.#stopping.signal;
      const connection = await acceptExchange(this.#acceptor, exchange, { signal, admit });
      if (connection !== undefined) return { connection, place };
    } catch (error) {
      // Refusals are the client's business, but for those that are our mistake.
      if (error instanceof HandshakeError && error.status === 500) this.report(error.cause ?? error);
    }
    leave();
  }

  /** Refuses a connection of which nothing was read. It never rejects. */
  refuse(conn: ByteConnection | BytePair, error: HandshakeError): Promise<void> {
    return this.refuseExchange(http1(this.#acceptor, conn), error);
  }

  /** Refuses an exchange of any version of HTTP, of which nothing was read. It never rejects. */
  refuseExchange(exchange: Exchange, error: HandshakeError): Promise<void> {
    this.#tellRefusal(exchange, error);
    return exchange.refuse(refusalResponse(error));
  }

  #tellRefusal({ remoteAddr, localAddr }: Exchange, error: HandshakeError): void {
    if (error === TOO_MANY && !this.#fullTold) {
      this.#fullTold = true;
      // deno-lint-ignore no-console -- the operator can mend it, and nothing else on the server's side shows it
      console.warn(`maxConnections ${this.#limits.maxConnections} is reached: more clients are refused with 503`);
    }
    tellRefusal(this.#options.observer, error, { remoteAddr, localAddr });
  }

  /** Runs the handler on a connection, to its end. */
  readonly #run = (placed: Placed<Data> | undefined): Promise<void> | undefined => {
    if (placed === undefined) return undefined;
    const { connection, place } = placed;
    if (connection.readyState === 1) this.#connections.add(connection);
    else if (connection.readyState === 2) this.#leaving.add(connection);
    connection.onclosing = () => {
      this.#connections.delete(connection);
      this.#leaving.add(connection);
    };
    // A promise for this alone would be 150 bytes. The hub may have been here before.
    const { onend } = connection;
    connection.onend = () => {
      onend?.();
      this.#leaving.delete(connection);
    };
    // The signal may have come between the handshake's last step and here.
    if (this.#stopping.signal.aborted) void connection.close(CloseCode.GOING_AWAY);
    return runHandler(connection, this.#handler, this.#report).then(() => {
      place.leave();
      this.#served--;
    });
  };

  readonly #done = (): void => {
    if (--this.#busy === 0) this.#idle?.resolve();
  };

  readonly #report = (error: unknown): void => this.report(error);

  /** Tells of a mistake on our side. */
  report(error: unknown): void {
    logError(error, this.#options);
  }

  /**
   * Refuses handshakes from now on, closes every connection, and waits for all that is under way.
   *
   * @param options The code, the reason and the time.
   * @param dropped Is called when the time is up, and what is left is dropped.
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
    this.#stopping.abort(new ConnectionError("The server is shutting down"));
    for (const connection of this.#connections) void connection.close(code, reason);
    if (this.#busy === 0) return;
    const idle = this.#idle = defer<void>();
    const drop = async () => {
      dropped();
      this.#dropping.abort();
      const left = [...this.#connections, ...this.#leaving];
      for (const connection of left) connection.abort();
      // A handler that hangs is not waited for (A3): its connection is gone.
      await Promise.all(left.map(({ closed }) => closed));
      idle.resolve();
    };
    const timer = timeout === Infinity ? undefined : setTimeout(() => void drop(), timeout);
    await idle.promise;
    clearTimeout(timer);
  }
}
