/**
 * One server on every core: workers that listen on the same port.
 *
 * @module
 */
import { RANGE_KINDS } from "../backoff.ts";
import { opened } from "../descriptors.ts";
import {
  ANYTHING,
  CALLBACK,
  LONGEST_TIME,
  type OptionKinds,
  PORT,
  SIGNAL,
  TEXT,
  TIME,
  URL_OR_TEXT,
  whole,
} from "../option_kinds.ts";
import { bag, checkOptions, takeOptions } from "../options.ts";
import { SHUTDOWN_OPTION_KINDS, type ShutdownOptions } from "../server/server_options.ts";
import { defer } from "../async.ts";
import { CloseCode, encodeClosePayload } from "../pipeline/frames/close_code.ts";
import type { WorkerListenOptions } from "./orders.ts";
import { logError } from "../log_error.ts";
import { WorkerSlot } from "./worker_slot.ts";

/** Options for serving with workers. */
export interface ServeWorkersOptions {
  /** The number of workers. @default {navigator.hardwareConcurrency} */
  workers?: number;
  /** The port; 0 chooses a free one. @default {8000} */
  port?: number;
  /** The address to listen on. @default {"0.0.0.0"} */
  hostname?: string;
  /** The certificate chain in PEM, for TLS. */
  cert?: string;
  /** The private key in PEM, for TLS. */
  key?: string;
  /** Your data for every worker, passed by structured clone. */
  data?: unknown;
  /** How long a worker may take to listen, in milliseconds; `Infinity` or 0 for no limit. @default {30000} */
  startTimeout?: number;
  /**
   * The longest delay before a crashed worker is first restarted, and before any restart, in milliseconds. Each delay is random.
   * The longest delay doubles from one to the other while the worker keeps crashing.
   * @default {{ first: 200, most: 30000 }}
   */
  restart?: { readonly first?: number; readonly most?: number };
  /** Called when all workers listen. */
  onListen?(addr: Deno.Addr): void;
  /** Called when a worker crashes, hangs or cannot be restarted. By default the error is printed to the console. */
  onError?(error: unknown): void;
  /** Shuts all workers down when aborted. */
  signal?: AbortSignal;
}

/** The types of these options. */
export const SERVE_WORKERS_OPTION_KINDS: OptionKinds<ServeWorkersOptions> = {
  workers: whole({ least: 1, infinite: false }),
  port: PORT,
  hostname: TEXT,
  cert: TEXT,
  key: TEXT,
  data: ANYTHING,
  startTimeout: TIME,
  restart: bag(RANGE_KINDS),
  onListen: CALLBACK,
  onError: CALLBACK,
  signal: SIGNAL,
};

/** A server of several workers. */
export interface WorkersServer extends AsyncDisposable {
  /** The address that the workers listen on. */
  readonly addr: Deno.Addr;
  /** The URL for a client on this machine. */
  readonly url: string;
  /** How many workers listen: fewer than configured while one that crashed is being restarted. */
  readonly listening: number;
  /** Resolves when all workers have stopped. */
  readonly finished: Promise<void>;
  /**
   * Shuts down: every worker calls its server's own `shutdown`. A worker that has not ended five seconds after the time for that
   * is terminated.
   *
   * @param options The code, the reason and the time.
   * @returns Resolves when all workers have stopped.
   * @throws {RangeError} If the code must not be sent or the reason is too long.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/** The milliseconds that a worker has beyond the time of its shutdown. */
const MARGIN = 5_000;

/** The default time of a shutdown: the `closeTimeout` of a connection, which workers may have changed. */
const SHUTDOWN = 10_000;

/**
 * Serves with workers that share a port. The kernel distributes connections among them by address (on Linux; elsewhere one worker
 * may get them all). Deno needs `--unstable-net` for this, and `--allow-read` for the worker's module and everything it imports.
 *
 * A worker that crashes loses its own connections. It is restarted after a random delay, which grows if it keeps crashing.
 *
 * @example
 * ```ts ignore
 * import { serveWorkers } from "@sluice/websocket/workers";
 *
 * await using server = await serveWorkers(new URL("./worker.ts", import.meta.url), { port: 8080 });
 * Deno.addSignalListener("SIGTERM", () => void server.shutdown());
 * await server.finished;
 * ```
 *
 * @param module The worker's module, which calls `startWorker`.
 * @param options The address, and the number of workers.
 * @returns The server, when every worker listens.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 * @throws {Deno.errors.AddrInUse} If the port is in use.
 * @throws {Error} If a worker does not start. All others are then stopped.
 */
export async function serveWorkers(module: string | URL, options: ServeWorkersOptions = {}): Promise<WorkersServer> {
  URL_OR_TEXT.check(module, "the module of serveWorkers()");
  options = takeOptions("serveWorkers()", options, SERVE_WORKERS_OPTION_KINDS);
  const { workers = navigator.hardwareConcurrency, hostname = "0.0.0.0", cert, key, data } = options;
  const { startTimeout = 30_000, restart: { first = 200, most = 30_000 } = {}, signal } = options;
  const listen: WorkerListenOptions = {
    port: freePort(hostname, options.port ?? 8000),
    hostname,
    reusePort: true,
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  const channel = `sluice ${crypto.randomUUID()}`;
  const slots = Array.from({ length: workers }, (_, index) =>
    new WorkerSlot({
      module,
      start: { listen, index, workers, channel, data },
      startTimeout: startTimeout === Infinity ? 0 : startTimeout,
      restart: { first, most },
      onError: (error) => logError(error, options),
    }));
  try {
    const { addr, url } = (await Promise.all(slots.map((slot) => slot.fill())))[0]!;
    const server = new Workers(slots, addr, url);
    const stop = () => void server.shutdown();
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
    void server.finished.then(() => signal?.removeEventListener("abort", stop));
    options.onListen?.(addr);
    return server;
  } catch (error) {
    for (const slot of slots) slot.end();
    throw error;
  }
}

class Workers implements WorkersServer {
  readonly #slots: readonly WorkerSlot[];
  readonly #finished = defer<void>();
  #shutdown: Promise<void> | undefined;

  constructor(slots: readonly WorkerSlot[], readonly addr: Deno.Addr, readonly url: string) {
    this.#slots = slots;
  }

  get listening(): number {
    return this.#slots.filter(({ listening }) => listening).length;
  }

  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  shutdown(options: ShutdownOptions = {}): Promise<void> {
    checkOptions("shutdown()", options, SHUTDOWN_OPTION_KINDS);
    encodeClosePayload(options.code ?? CloseCode.GOING_AWAY, options.reason ?? ""); // throws here for an invalid code or reason
    return this.#shutdown ??= this.#stop(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #stop(options: ShutdownOptions): Promise<void> {
    const patience = Math.min((options.timeout ?? SHUTDOWN) + MARGIN, LONGEST_TIME);
    await Promise.all(this.#slots.map((slot) => slot.empty(options, patience)));
    this.#finished.resolve();
  }
}

/**
 * Returns the port, or a free one. Sockets that share a port may share it with another program, and the kernel would then give
 * that program some of the clients. A socket that does not share the port detects this.
 */
function freePort(hostname: string, port: number): number {
  using probe = opened(() => Deno.listen({ hostname, port }));
  return probe.addr.port;
}
