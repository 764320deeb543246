/**
 * One of several servers that share a port, as started by `--workers`.
 *
 * @module
 */
import { startWorker } from "../workers/start_worker.ts";
import { start } from "./main.ts";
import type { Options } from "./options.ts";
import { shareAmongWorkers } from "./share.ts";

startWorker<Options>(({ port }, { index, workers, data, broker }) =>
  start(data, { index, port, shared: (own) => shareAmongWorkers(broker(), workers - 1, own) })
);
