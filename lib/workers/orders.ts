/**
 * The messages between `serveWorkers` and its workers. An application's modules may also post messages of their own.
 *
 * @module
 */
import type { ShutdownOptions } from "../server/server_options.ts";

/** The data that a worker starts with. */
export interface WorkerStart<Data = unknown> {
  /** The address to listen on. */
  readonly listen: WorkerListenOptions;
  /** The worker's number, from 0. */
  readonly index: number;
  /** The number of workers. */
  readonly workers: number;
  /** The name of the channel between them. */
  readonly channel: string;
  /** The application's data from `serveWorkers`. */
  readonly data: Data;
}

/** The address that a worker listens on: options for `serve`. */
export interface WorkerListenOptions {
  /** The port, the same for every worker. */
  port: number;
  /** The address to listen on. */
  hostname: string;
  /** The workers share the port. */
  reusePort: true;
  /** The certificate chain in PEM, for TLS. */
  cert?: string;
  /** The private key in PEM, for TLS. */
  key?: string;
}

/** The messages to a worker. */
export type Order<Data = unknown> =
  | { readonly sluice: "start"; readonly start: WorkerStart<Data> }
  | { readonly sluice: "shutdown"; readonly options: ShutdownOptions }
  | { readonly sluice: "ping" };

/** The messages from a worker: it has loaded, it listens, it could not listen, it is alive, its server has stopped. */
export type Report =
  | { readonly sluice: "ready" }
  | { readonly sluice: "listening"; readonly addr: Deno.Addr; readonly url: string }
  | { readonly sluice: "failed"; readonly reason: string }
  | { readonly sluice: "pong" }
  | { readonly sluice: "finished" };

/** Whether a message belongs to this module. If it has the mark, so does the rest of it. */
export function isOurs<Message extends { readonly sluice: string }>(data: unknown): data is Message {
  return typeof data === "object" && data !== null && "sluice" in data && typeof data.sluice === "string";
}
