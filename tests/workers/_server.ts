/**
 * A server of two workers, as a process of its own: sockets that share a port need `--unstable-net`. It prints where it listens and
 * that it has stopped.
 *
 * @module
 */
import { serveWorkers } from "../../lib/workers/mod.ts";

const server = await serveWorkers(new URL("_server_worker.ts", import.meta.url), {
  workers: 2,
  hostname: "127.0.0.1",
  port: 0,
  restart: { first: 1, most: 1 },
  onError: (error) => print(`error ${error}`),
});
print(`url ${server.url}`);
Deno.addSignalListener("SIGTERM", () => void server.shutdown());
await server.finished;
print("stopped");
Deno.exit(0);

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
