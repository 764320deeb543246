/**
 * The slot of one worker: it starts the worker, watches it, replaces it after a crash, and stops it.
 *
 * @module
 */
import { reconnectDelay } from "../backoff.ts";
import { defer } from "../async.ts";
import type { ShutdownOptions } from "../server/server_options.ts";
import { isOurs, type Order, type Report, type WorkerStart } from "./orders.ts";

/** The options and callbacks of a slot. */
export interface SlotOptions {
  /** The worker's module. */
  readonly module: string | URL;
  /** The data that the worker starts with. */
  readonly start: WorkerStart;
  /** How many milliseconds a worker may take until it listens; 0 for no limit. */
  readonly startTimeout: number;
  /** The longest delay before a first restart, and before any restart, in milliseconds. */
  readonly restart: { readonly first: number; readonly most: number };
  /** Called with the reason when a worker is gone. */
  readonly onError: (error: unknown) => void;
}

/** The address that a worker listens on. */
export interface Listening {
  /** The address. */
  readonly addr: Deno.Addr;
  /** The URL for a client. */
  readonly url: string;
}

/** Milliseconds between two pings of a worker. */
const PING = 10_000;

/**
 * After this many unanswered pings a worker is considered gone. It hangs or has closed itself, and there is no event for either.
 */
const MISSED = 3;

/** The slot of one worker. */
export class WorkerSlot {
  readonly #options: SlotOptions;
  readonly #finished = defer<void>();
  #worker: Worker | undefined;
  #listening = false;
  #stopping = false;
  #failures = 0;
  #since = 0;
  #pings = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param options The options and callbacks. */
  constructor(options: SlotOptions) {
    this.#options = options;
  }

  /** Whether its worker listens. */
  get listening(): boolean {
    return this.#listening;
  }

  /**
   * Starts the first worker.
   *
   * @returns The address that it listens on.
   * @throws {Error} If the worker does not start. The slot then stays empty.
   */
  fill(): Promise<Listening> {
    const { promise, resolve, reject } = defer<Listening>();
    this.#fill(resolve, reject);
    return promise;
  }

  /**
   * Asks the worker to shut down, and waits for it.
   *
   * @param options The options of the shutdown.
   * @param patience A worker that has not stopped after this many milliseconds is terminated.
   * @returns Resolves when there is no worker.
   */
  async empty(options: ShutdownOptions, patience: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    if (!this.#listening) return this.end();
    this.#post({ sluice: "shutdown", options });
    this.#timer = setTimeout(() => this.end(), patience);
    await this.#finished.promise;
  }

  /** Terminates the worker at once. */
  end(): void {
    this.#stopping = true;
    this.#drop();
    this.#finished.resolve();
  }

  #fill(ready: (listening: Listening) => void, failed: (error: unknown) => void): void {
    const { module, start, startTimeout } = this.#options;
    const worker = this.#worker = new Worker(module, { type: "module", name: `worker ${start.index}` });
    const gone = (reason: string) => {
      if (this.#worker !== worker) return;
      const listened = this.#listening;
      this.#drop();
      const error = new Error(`Worker ${start.index} ${listened ? "is gone" : "did not start"}: ${reason}`);
      if (this.#stopping) this.#finished.resolve();
      else if (listened) this.#refill(error);
      else failed(error);
    };
    this.#timer = startTimeout === 0 ? undefined : setTimeout(
      () => gone(`its module did not call startWorker, or that took more than ${startTimeout} ms`),
      startTimeout,
    );
    worker.onerror = (event) => {
      event.preventDefault(); // otherwise the error would also end this process
      gone(event.filename ? `${event.message} (${event.filename}:${event.lineno})` : event.message);
    };
    worker.onmessage = ({ data }) => {
      if (!isOurs<Report>(data)) return;
      if (data.sluice === "ready") {
        try {
          this.#post({ sluice: "start", start });
        } catch (error) {
          gone(`its data cannot be passed to it: ${error}`); // thrown in an event listener, it would end this process
        }
      } else if (data.sluice === "failed") gone(data.reason);
      else if (data.sluice === "pong") this.#pings = 0;
      else if (data.sluice === "finished") gone("its server has stopped");
      else {
        clearTimeout(this.#timer);
        this.#listening = true;
        this.#since = performance.now();
        this.#watch(gone);
        ready(data);
      }
    };
  }

  #refill(error: unknown): void {
    const { restart, onError } = this.#options;
    // A crash after a long run counts as a first crash.
    if (performance.now() - this.#since > restart.most) this.#failures = 0;
    onError(error);
    this.#timer = setTimeout(
      () => this.#fill(() => {}, (error) => this.#refill(error)),
      reconnectDelay(this.#failures++, restart),
    );
  }

  #watch(gone: (reason: string) => void): void {
    this.#timer = setTimeout(() => {
      if (this.#pings === MISSED) return gone(`it has not answered for ${MISSED * PING} ms`);
      this.#pings++;
      this.#post({ sluice: "ping" });
      this.#watch(gone);
    }, PING);
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#listening = false;
    this.#pings = 0;
  }

  #post(order: Order): void {
    this.#worker?.postMessage(order);
  }
}
