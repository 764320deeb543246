/**
 * The server on several cores (`--workers`).
 *
 * @module
 */
import { serveWorkers, type WorkersServer } from "../workers/serve_workers.ts";
import { listen } from "./listen.ts";
import { createLog, errorFields, openLogSink } from "./log.ts";
import type { Options } from "./options.ts";
import { StartError } from "./command_line.ts";
import type { CommonShare, OwnShare } from "./share.ts";

/** The place of a server among several. */
export interface WorkerPlace {
  /** Its number, from 0. */
  readonly index: number;
  /** The port that the servers share. */
  readonly port: number;
  /** Returns the combined view for ordinary requests, because a request may reach another worker than the one it concerns. */
  readonly shared: (own: OwnShare) => CommonShare;
}

/**
 * Starts the server with workers.
 *
 * @param options The options.
 * @returns The server, when every worker listens.
 * @throws {StartError} With exit code 1 if the workers cannot start, with 2 for an invalid option.
 */
export async function startWorkers(options: Options): Promise<WorkersServer> {
  const { workers, hostname, logFile, logFormat, logLevel, tlsClientCa } = options;
  if (tlsClientCa !== undefined) throw new StartError("Cannot use --workers with --tls-client-ca", 2);
  // Reports an invalid port or certificate here, as without workers.
  const probe = await listen(options);
  const port = "port" in probe.addr ? probe.addr.port : options.port;
  probe.close();
  try {
    return await serveWorkers(new URL("worker.ts", import.meta.url), {
      workers,
      hostname,
      port,
      data: options,
      onError(error) {
        using sink = openLogSink(logFile); // rarely used, so it is not kept open
        createLog(sink, logLevel, logFormat).error("worker", errorFields(error));
      },
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(reason, reason.includes("Cannot use --") ? 2 : 1);
  }
}
