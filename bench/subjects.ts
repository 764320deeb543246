/**
 * What is measured: the servers and clients, how each is started, and what drives it.
 *
 * @module
 */
import { type ClientLoad, runClient } from "./client_load.ts";
import { measureColdStart } from "./cold_start.ts";
import { driveConnect } from "./connect_load.ts";
import { driveEcho, type EchoLoad } from "./echo_load.ts";
import { driveFanOut, type FanOutLoad } from "./fan_out_load.ts";
import { letters, type Message, requestFrame } from "./frames.ts";
import { measureHeap } from "./heap_load.ts";
import type { HeapCount } from "./heap_snapshot.ts";
import { driveEchoLatency, driveFanOutLatency } from "./latency_load.ts";
import { measureMemory } from "./memory_load.ts";
import { type ClientName, CLIENTS, PAGES, type ServerName, SERVERS, STARTS } from "./names.ts";
import type { Peers } from "./peers/install.ts";
import { type Command, DRIVING_CORE, MEASURED_CORE, type Running, withServer } from "./server_process.ts";
import type { Measurement, Timing } from "./stopwatch.ts";
import { drivePages } from "./page_load.ts";
import { driveStorm } from "./storm_load.ts";

/** Measures once. */
export type Measure = (timing: Timing) => Promise<Measurement>;

/** What a row compares, by name. */
export type Subjects = Readonly<Record<string, Measure>>;

/** The kinds of work, each for the servers that are named. */
export interface Works {
  echo(load: EchoLoad, ...names: ServerName[]): Subjects;
  fanOut(load: FanOutLoad, ...names: ServerName[]): Subjects;
  connect(...names: ServerName[]): Subjects;
  /** So many handshakes at a time. */
  storm(atATime: number, ...names: ServerName[]): Subjects;
  /** Memory with so many connections, which stay idle for so many milliseconds. */
  memory(connections: number, idle: number, ...names: ServerName[]): Subjects;
  /** Latency at half of the peak rate. */
  echoLatency(load: EchoLoad, ...names: ServerName[]): Subjects;
  fanOutLatency(load: FanOutLoad, ...names: ServerName[]): Subjects;
  /** What is on the heap with so many idle connections, for each of them: bytes or objects. */
  heap(what: keyof HeapCount, idle: number, ...names: ServerName[]): Subjects;
  client(load: ClientLoad, ...names: ClientName[]): Subjects;
  /** The least servers, from the start of the process until they listen. */
  coldStart(): Subjects;
  /** A small page, over so many connections that stay open. */
  pages(connections: number): Subjects;
  /** How our server is started, with flags. */
  ours(...flags: string[]): Command;
}

/** These have both cores, and the load generator what they leave of its own. */
const WITH_WORKERS: ReadonlySet<ServerName> = new Set(["oneWorker", "twoWorkers"]);

const deno = (...args: string[]): Command => [Deno.execPath(), "run", "--no-prompt", ...args];
const denoServer = (...args: string[]): Command => deno("--allow-net=127.0.0.1", ...args);

/** Our server in workers. */
function denoWorkers(workers: number): Command {
  return denoServer("--unstable-net", "--allow-read", "bench/echo_server.ts", "--workers", `${workers}`);
}

/** The floor that answers a message without looking at it. */
function floor(message: Message): Command {
  const { payload, text, fragment } = message;
  const request = requestFrame({ ...message, fragment: undefined });
  return denoServer(
    "bench/peers/floor.ts",
    ...["--request", `${request.length}`, "--payload", `${payload.length}`],
    ...text ? ["--text"] : [],
    ...fragment === undefined ? [] : ["--fragment", `${fragment}`],
  );
}

/** Says how every subject is started and driven. */
export function createWorks(peers: Peers): Works {
  const ours = ["bench/echo_server.ts", "--api"];
  const commands: Record<Exclude<ServerName, "floor">, Command> = {
    builtin: denoServer("bench/peers/deno_builtin.ts"),
    ws: ["node", "bench/peers/ws_node.cjs", peers.modules],
    bun: [peers.bun, "run", "bench/peers/bun.ts"],
    callbacks: denoServer(...ours, "callbacks"),
    lent: denoServer(...ours, "callbacks", "--lend"),
    iterate: denoServer(...ours, "iterate"),
    streams: denoServer(...ours, "streams"),
    oneWorker: denoWorkers(1),
    twoWorkers: denoWorkers(2),
  };
  const clients: Record<ClientName, Command> = {
    builtin: deno("--allow-all", "bench/clients/deno_builtin.ts"),
    ws: ["node", "bench/clients/ws_node.cjs", peers.modules],
    sluice: deno("--allow-all", "bench/clients/sluice.ts"),
  };
  const servers = (
    names: readonly ServerName[],
    { message = letters(32), flags = [] }: { message?: Message; flags?: string[] },
    drive: (server: Running, timing: Timing) => Measurement | Promise<Measurement>,
  ): Subjects =>
    Object.fromEntries(names.map((name) => {
      const command: Command = name === "floor" ? floor(message) : [...commands[name], ...flags];
      const cores = WITH_WORKERS.has(name) ? [MEASURED_CORE, DRIVING_CORE] : [MEASURED_CORE];
      return [SERVERS[name], (timing) => withServer(command, (server) => drive(server, timing), ...cores)];
    }));
  return {
    echo: (load, ...names) =>
      servers(
        names,
        { message: load.message, flags: deflateFlags(load.message) },
        (server, timing) => driveEcho(load, server, timing),
      ),
    fanOut: (load, ...names) =>
      servers(names, { flags: ["--fanout"] }, (server, timing) => driveFanOut(load, server, timing)),
    connect: (...names) => servers(names, {}, driveConnect),
    storm: (atATime, ...names) => servers(names, {}, (server, timing) => driveStorm(atATime, server, timing)),
    memory: (connections, idle, ...names) => servers(names, {}, (server) => measureMemory(connections, server, idle)),
    echoLatency: (load, ...names) => servers(names, {}, (server, timing) => driveEchoLatency(load, server, timing)),
    fanOutLatency: (load, ...names) =>
      servers(names, { flags: ["--fanout"] }, (server, timing) => driveFanOutLatency(load, server, timing)),
    heap(what, idle, ...names) {
      // A port that is free now: the inspector says on the terminal only which one it took itself.
      const measure = (name: ServerName): Measure => async () => {
        const inspector = freePort();
        const [program, action, ...rest] = name === "floor" ? floor(letters(32)) : commands[name];
        const command: Command = [program, action!, `--inspect=127.0.0.1:${inspector}`, ...rest];
        return await withServer(
          command,
          async (server) => ({ value: (await measureHeap(idle, server, inspector))[what] }),
        );
      };
      return Object.fromEntries(names.map((name) => [SERVERS[name], measure(name)]));
    },
    ours: (...flags) => [...commands.callbacks, ...flags],
    coldStart: () => ({
      [STARTS.builtin]: () => measureColdStart(denoServer("bench/peers/deno_builtin.ts")),
      [STARTS.server]: () => measureColdStart(denoServer("bench/minimal/server.ts")),
      [STARTS.whole]: () => measureColdStart(denoServer("bench/minimal/whole.ts")),
    }),
    pages(connections) {
      const measure = (program: string): Measure => (timing) =>
        withServer(denoServer(program), (server) => drivePages(connections, server, timing));
      return { [PAGES.builtin]: measure("bench/peers/deno_pages.ts"), [PAGES.ours]: measure("bench/minimal/pages.ts") };
    },
    client: (load, ...names) =>
      Object.fromEntries(names.map((name) => {
        const run: Measure = (timing) =>
          withServer(floor(load.message), (server) => runClient(clients[name], load, server, timing), DRIVING_CORE);
        return [CLIENTS[name], run];
      })),
  };
}

function deflateFlags({ deflate }: Message): string[] {
  return deflate === undefined ? [] : deflate === "takeover" ? ["--deflate", "--takeover"] : ["--deflate"];
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
