/**
 * What goes between `serveWorkers` and its workers. The modules of applications may post messages of their own beside it.
 *
 * @module
 */
import type { ShutdownOptions } from "../server/server_options.ts";

/** What a worker starts with. */
export interface WorkerStart<Data = unknown> {
  /** Where it listens. */
  readonly listen: WorkerListenOptions;
  /** Its number, from 0. */
  readonly index: number;
  /** How many there are. */
  readonly workers: number;
  /** The name of the channel between them. */
  readonly channel: string;
  /** What the application gave to `serveWorkers`. */
  readonly data: Data;
}

/** Where a worker listens: options for `serve`. */
export interface WorkerListenOptions {
  /** The port, the same for every worker. */
  port: number;
  /** The address. */
  hostname: string;
  /** They share the port. */
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

/** What a worker tells: it has loaded, it listens, it could not, it is alive, its server has stopped. */
export type Report =
  | { readonly sluice: "ready" }
  | { readonly sluice: "listening"; readonly addr: Deno.Addr; readonly url: string }
  | { readonly sluice: "failed"; readonly reason: string }
  | { readonly sluice: "pong" }
  | { readonly sluice: "finished" };

/** Whether a message is one of ours. What is behind the mark is then ours too. */
export function isOurs<Message extends { readonly sluice: string }>(data: unknown): data is Message {
  return typeof data === "object" && data !== null && "sluice" in data && typeof data.sluice === "string";
}
