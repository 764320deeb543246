/**
 * The server on several cores: `--workers`.
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
  /** The port that they share. */
  readonly port: number;
  /** What ordinary requests are answered with: one may reach another worker than what it is about. */
  readonly shared: (own: OwnShare) => CommonShare;
}

/**
 * Starts the server in workers.
 *
 * @param options The options.
 * @returns The server, when every worker listens.
 * @throws {StartError} With exit code 1 if they do not come to that, with 2 for a mistake in the options.
 */
export async function startWorkers(options: Options): Promise<WorkersServer> {
  const { workers, hostname, logFile, logFormat, logLevel, tlsClientCa } = options;
  if (tlsClientCa !== undefined) throw new StartError("Cannot use --workers with --tls-client-ca", 2);
  // A wrong port or certificate is reported here, as it is without workers.
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
        using sink = openLogSink(logFile); // seldom, so it is not held open
        createLog(sink, logLevel, logFormat).error("worker", errorFields(error));
      },
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(reason, reason.includes("Cannot use --") ? 2 : 1);
  }
}
