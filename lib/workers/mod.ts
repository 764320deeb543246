/**
 * One server on every core: workers that share a port, with a broker between their hubs and a common shutdown. A worker that
 * crashes is restarted.
 *
 * ```text
 *  serveWorkers(module) ──── one order, one shutdown ────▶ worker 0: startWorker → serve ─┐
 *                                                          worker 1: startWorker → serve ─┼─ one port
 *                                                          …                              ─┘
 * ```
 *
 * @module
 */
export { serveWorkers, type ServeWorkersOptions, type WorkersServer } from "./serve_workers.ts";
export { startWorker, type WorkerContext, type WorkerServer } from "./start_worker.ts";
export type { WorkerListenOptions } from "./orders.ts";
export type { BrokerOptions, LinkedBroker } from "../hub/linked_broker.ts";
export type { Broker, BrokerMessage, BrokerState } from "../hub/broker.ts";
export type { BrokerLimits } from "../limits.ts";
export type { ShutdownOptions } from "../server/server_options.ts";
