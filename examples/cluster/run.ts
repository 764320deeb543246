// deno-lint-ignore-file no-console -- an example prints
// Starts the cluster on loopback, lets clients talk through nginx while a server and the broker are killed and started again, and
// shows in a table what became of every message. Exits with 0 if all is as README.md promises, within 40 seconds.
//
//   deno run -A examples/cluster/run.ts [--clients 16] [--quick]
//   deno run -A examples/cluster/run.ts --stay     no clients and no kills: a chat page, until Ctrl+C

import { parseArgs } from "node:util";
import { type Client, createClient } from "./clients.ts";
import { account, type Row, table } from "./ledger.ts";
import { play, type Times } from "./play.ts";
import { type Cluster, missingPrograms, startCluster, until } from "./programs.ts";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "16" },
    quick: { type: "boolean", default: false },
    stay: { type: "boolean", default: false },
  },
});

/** Milliseconds between two messages of a client. */
const PACE = 100;
const TIMES: Times = values.quick ? { away: 300, quiet: 800 } : { away: 2_000, quiet: 1_500 };
/** Milliseconds after which the run has failed. */
const LIMIT = 35_000;

const count = Number(values.clients);
// With fewer, all might be on one server.
if (!(Number.isInteger(count) && count >= 4)) {
  throw new RangeError(`--clients must be 4 or more, was ${values.clients}`);
}
const missing = missingPrograms();
if (missing.length > 0) {
  console.log(`Not installed: ${missing.join(", ")}. Debian: apt-get install nginx-light nats-server`);
  Deno.exit(1);
}
Deno.exit(await main());

async function main(): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const end = Promise.withResolvers<number>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => end.resolve(values.stay ? 0 : 130));
  }
  const late = () => end.reject(new Error(`It took more than ${LIMIT} ms`));
  const timer = values.stay ? undefined : setTimeout(late, LIMIT);
  try {
    return await Promise.race([end.promise, values.stay ? stay(stack) : show(stack)]);
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
    return 1;
  } finally {
    clearTimeout(timer);
  }
}

/** Serves the chat page until Ctrl+C. */
async function stay(stack: AsyncDisposableStack): Promise<never> {
  const { ports } = await startCluster(stack);
  console.log(`A chat on http://127.0.0.1:${ports.sticky}/ (sticky) and http://127.0.0.1:${ports.balanced}/ (not)`);
  return await new Promise<never>(() => {});
}

/** Kills the parts of the cluster, and prints what happened to the messages. */
async function show(stack: AsyncDisposableStack): Promise<number> {
  const cluster = await startCluster(stack);
  const clients = createClients(cluster);
  stack.defer(() => void clients.forEach(({ connection }) => connection.close()));
  await until("All clients are connected", () => clients.every(({ back }) => back));

  const talk = setInterval(() => clients.forEach((client) => client.say()), PACE);
  stack.defer(() => clearInterval(talk));
  const phases = await play(cluster, clients, TIMES);
  clearInterval(talk);
  await until(
    "All messages are handed over",
    () => clients.every(({ said }) => said.every(({ server }) => server !== undefined)),
  );
  await calm(() => clients.reduce((sum, { heard }) => sum + heard.size, 0));

  const rows = account(phases, clients);
  console.log(`\n${table(rows)}\n`);
  const faults = complaints(rows);
  console.log(
    faults.join("\n") || "Nothing was lost but what was in flight, or between the servers while NATS was away.",
  );
  return faults.length === 0 ? 0 : 1;
}

/** Creates the clients. Half of them connect to their own server, the others to the server with the fewest connections. */
function createClients({ ports }: Cluster): Client[] {
  return Array.from(
    { length: count },
    (_, i) =>
      createClient(`client${i}`, `ws://127.0.0.1:${i % 2 === 0 ? ports.sticky : ports.balanced}/lobby?history=1000`),
  );
}

/** Waits until a number has not changed for half a second. */
async function calm(read: () => number): Promise<void> {
  let [value, since] = [read(), performance.now()];
  await until("All is calm", () => {
    if (read() !== value) [value, since] = [read(), performance.now()];
    return performance.now() - since > 500;
  });
}

/** Returns what is not as README.md promises. */
function complaints(rows: readonly Row[]): string[] {
  const [quiet, killed, reloaded, drained, , broker] = rows;
  return [
    ...rows.flatMap(({ title, unexplained, duplicates }) => [
      unexplained > 0 ? `${title}: ${unexplained} deliveries were lost that must not be` : "",
      duplicates > 0 ? `${title}: ${duplicates} messages came twice` : "",
    ]),
    quiet?.reconnects === 0 && broker?.reconnects === 0
      ? ""
      : "Clients were disconnected though their server was there",
    (killed?.reconnects ?? 0) > 0 && (drained?.reconnects ?? 0) > 0 ? "" : "No client had to move",
    reloaded?.reconnects === count ? "" : "Not every client came back when it reloaded",
  ].filter((line) => line !== "");
}
