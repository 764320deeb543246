/**
 * The server on several cores: `--workers`.
 *
 * @module
 */
import type { Broker } from "../hub/broker.ts";
import { serveWorkers, type WorkersServer } from "../workers/serve_workers.ts";
import { listen } from "./listen.ts";
import { createLog, errorFields, openLogSink } from "./log.ts";
import type { Options } from "./options.ts";
import { StartError } from "./command_line.ts";
import type { Sockets } from "./sockets.ts";

/** The place of a server among several. */
export interface WorkerPlace {
  /** Its number, from 0. */
  readonly index: number;
  /** The port that they share. */
  readonly port: number;
  /** What the console is shown: a request may reach another worker than the console's connections. */
  readonly shared: (sockets: Pick<Sockets, "resources" | "ping">) => Pick<Sockets, "resources" | "ping">;
}

/**
 * Starts the server in workers.
 *
 * @param options The options.
 * @returns The server, when every worker listens.
 * @throws {StartError} With exit code 1 if they do not come to that, with 2 for a mistake in the options.
 */
export async function startWorkers(options: Options): Promise<WorkersServer> {
  const { workers, hostname, logFile, logLevel, tlsClientCa } = options;
  if (tlsClientCa !== undefined) throw new StartError("Cannot use --workers with --tls-client-ca", 2);
  // What is wrong with the port or the certificate is told here, as it is without workers.
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
        createLog(sink, logLevel).error("worker", errorFields(error));
      },
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(reason, reason.includes("Cannot use --") ? 2 : 1);
  }
}

/** Milliseconds that other workers have for a ping. The console asks every second. */
const PATIENCE = 5_000;

/** What workers say to each other of pings: who has this connection, and what the ping took, `null` where there is none. */
type PingMessage = { readonly ask: string; readonly consoleId: string } | {
  readonly answer: string;
  readonly time: number | null;
};

/**
 * Pings that reach the console's connection in whichever worker it is.
 *
 * @param broker Between the workers. It is attached here.
 * @param others How many other workers there are.
 * @param sockets The WebSockets of this one.
 * @returns The WebSockets of all, for the console.
 */
export function sharePings(
  broker: Broker,
  others: number,
  sockets: Pick<Sockets, "resources" | "ping">,
): Pick<Sockets, "resources" | "ping"> {
  const waiting = new Map<string, (time: number | null) => void>();
  const tell = (message: PingMessage) => broker.publish({ topic: "ping", data: JSON.stringify(message) });
  broker.attach({
    receive({ data }) {
      const message: PingMessage = JSON.parse(String(data));
      if ("answer" in message) waiting.get(message.answer)?.(message.time);
      else {
        const { ask, consoleId } = message;
        void sockets.ping(consoleId).then((time) => tell({ answer: ask, time: time ?? null }));
      }
    },
  });
  broker.subscribe("ping");

  const pingElsewhere = (consoleId: string) =>
    new Promise<number | undefined>((resolve) => {
      const ask = crypto.randomUUID();
      let left = others;
      const end = (time?: number) => {
        clearTimeout(timer);
        waiting.delete(ask);
        resolve(time);
      };
      const timer = setTimeout(end, PATIENCE);
      waiting.set(ask, (time) => {
        if (time !== null) end(time);
        else if (--left === 0) end();
      });
      tell({ ask, consoleId });
    });
  return {
    resources: sockets.resources,
    ping: async (consoleId) => await sockets.ping(consoleId) ?? await pingElsewhere(consoleId),
  };
}
