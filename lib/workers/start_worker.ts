/**
 * The worker's side of `serveWorkers`.
 *
 * @module
 */
import { CALLBACK, isObject, kind } from "../option_kinds.ts";
import { invalidState } from "../errors.ts";
import { broadcastBroker } from "../hub/broadcast_broker.ts";
import type { BrokerOptions, LinkedBroker } from "../hub/linked_broker.ts";
import type { ShutdownOptions } from "../server/server_options.ts";
import { isOurs, type Order, type Report, type WorkerListenOptions, type WorkerStart } from "./orders.ts";

/**
 * The context of a worker.
 *
 * @typeParam Data The application's data from `serveWorkers`.
 */
export interface WorkerContext<Data = unknown> {
  /** The worker's number, from 0. A worker that replaces a crashed one has the same number. */
  readonly index: number;
  /** The number of workers. */
  readonly workers: number;
  /** The `data` of `serveWorkers`, cloned. */
  readonly data: Data;
  /**
   * Makes a broker for a hub, which passes its messages to the hubs of the other workers. It is closed with the worker.
   *
   * @param options Limits and hooks.
   * @returns The broker.
   */
  broker(options?: BrokerOptions): LinkedBroker;
}

/** What a worker's server must have. The server that `serve` returns has it. */
export interface WorkerServer {
  /** The address that it listens on. */
  readonly addr: Deno.Addr;
  /** The URL for a client on this machine. */
  readonly url: string;
  /** Resolves when it has stopped. */
  readonly finished: Promise<void>;
  /** Shuts it down. */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

const SERVER = kind(
  "a server with addr, url, finished and shutdown(), as serve() makes one",
  (value) =>
    isObject(value) && "addr" in value && "finished" in value && "url" in value && typeof value.url === "string" &&
    "shutdown" in value && typeof value.shutdown === "function",
);

/** The members of a worker's global scope that are used. */
interface Scope {
  postMessage?(message: Report): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
}

/**
 * Starts a server in a worker of `serveWorkers`. The worker's module calls it once.
 *
 * @example A worker's module
 * ```ts ignore
 * import { serve } from "@sluice/websocket";
 * import { createHub } from "@sluice/websocket/hub";
 * import { startWorker } from "@sluice/websocket/workers";
 *
 * startWorker((listen, { broker }) => {
 *   const hub = createHub({ broker: broker() });
 *   return serve({ ...listen, maxMessageBytes: 65_536 }, {
 *     open: (socket) => void hub.subscribe(socket, "news"),
 *     message: (_, data) => void hub.publish("news", data),
 *   });
 * });
 * ```
 *
 * @example Workers on many machines, with one broker that is closed when the server has stopped
 * ```ts ignore
 * import { serve } from "@sluice/websocket";
 * import { createHub } from "@sluice/websocket/hub";
 * import { natsBroker } from "@sluice/websocket/hub/nats";
 * import { startWorker } from "@sluice/websocket/workers";
 *
 * startWorker((listen) => {
 *   const hub = createHub({ broker: natsBroker({ servers: "10.0.0.7:4222" }) });
 *   const server = serve({ ...listen, hub }, {
 *     open: (socket) => void socket.subscribe("news"),
 *   });
 *   return {
 *     addr: server.addr,
 *     url: server.url,
 *     // The worker ends after this, when the broker has received everything that was queued.
 *     finished: server.finished.then(() => hub.close()),
 *     shutdown: (options) => server.shutdown(options),
 *   };
 * });
 * ```
 *
 * @typeParam Data The application's data from `serveWorkers`. It is not checked.
 * @param start Starts the server, with the given options and its own.
 * @throws {DOMException} `InvalidStateError` if this is not a worker.
 * @throws {TypeError} If `start` is not a function.
 */
export function startWorker<Data = unknown>(
  start: (listen: WorkerListenOptions, context: WorkerContext<Data>) => WorkerServer | Promise<WorkerServer>,
): void {
  CALLBACK.check(start, "the argument of startWorker()");
  const scope: Scope = globalThis;
  if (scope.postMessage === undefined) {
    throw invalidState("Cannot start a worker here: serveWorkers runs the module that calls startWorker");
  }
  const report = (message: Report) => scope.postMessage?.(message);
  const brokers: LinkedBroker[] = [];
  let server: WorkerServer | undefined;

  const run = async ({ listen, index, workers, channel, data }: WorkerStart<Data>) => {
    const broker = (options?: BrokerOptions) => {
      const made = broadcastBroker(channel, options);
      brokers.push(made);
      return made;
    };
    try {
      const made = await start(listen, { index, workers, data, broker });
      SERVER.check(made, "the server of startWorker()");
      server = made;
    } catch (error) {
      return report({ sluice: "failed", reason: String(error) });
    }
    report({ sluice: "listening", addr: server.addr, url: server.url });
    await server.finished;
    await Promise.all(brokers.map((broker) => broker.close()));
    report({ sluice: "finished" });
  };

  scope.addEventListener("message", ({ data }) => {
    if (!isOurs<Order<Data>>(data)) return;
    if (data.sluice === "start") void run(data.start);
    else if (data.sluice === "shutdown") void server?.shutdown(data.options);
    else report({ sluice: "pong" });
  });
  report({ sluice: "ready" });
}
