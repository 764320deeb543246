/**
 * The cluster on this machine: NATS, two servers and nginx, each a process that can be ended and started again.
 *
 * @module
 */

/** A program that can be started and stopped. Disposing of it stops it for good. */
export interface Program extends AsyncDisposable {
  /** Starts it. Resolves when it is ready. */
  start(): Promise<void>;
  /** Sends it a signal. Resolves when it has ended. */
  stop(signal: "SIGKILL" | "SIGTERM"): Promise<void>;
  /** Stops the process with SIGSTOP, or continues it. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
}

/** One of the two servers. */
export interface Server extends Program {
  /** The response of `/health`; `undefined` if there is none. */
  health(): Promise<Health | undefined>;
}

/** What a server answers on `/health`. */
export interface Health {
  /** Its name, followed by random characters, which differ after a restart. */
  readonly server: string;
  /** Whether it is closing its connections. */
  readonly draining: boolean;
  /** The state of its broker. */
  readonly broker: string;
  /** Its open connections. */
  readonly connections: number;
}

/** All programs of the cluster. */
export interface Cluster {
  /** NATS, or Redis. */
  readonly broker: Program;
  /** The servers, `a` and `b`. */
  readonly servers: readonly [a: Server, b: Server];
  /** nginx. */
  readonly proxy: Program;
  /** nginx' ports: one sends each client to its own server, the other to the server with the fewest connections. */
  readonly ports: { readonly sticky: number; readonly balanced: number };
}

/** The paths of Debian. */
const NGINX = "/usr/sbin/nginx";
const NATS = "/usr/sbin/nats-server";
const REDIS = "/usr/bin/redis-server";

/** What connects the servers: NATS, NATS with JetStream, or Redis. The last two keep their messages after a SIGKILL. */
export type BrokerKind = "nats" | "jetstream" | "redis";

/** The command that starts each. */
const BROKERS: Readonly<Record<BrokerKind, (port: number, folder: string) => [path: string, ...args: string[]]>> = {
  nats: (port, folder) => [NATS, "-a", "127.0.0.1", "-p", `${port}`, "-l", `${folder}/nats.log`],
  jetstream: (port, folder) => [...BROKERS.nats(port, folder), "-js", "-sd", `${folder}/nats`],
  redis: (port, folder) => [
    REDIS,
    ...["--bind", "127.0.0.1", "--port", `${port}`, "--dir", folder, "--logfile", `${folder}/redis.log`],
    ...["--save", "", "--appendonly", "yes", "--appendfsync", "always"],
  ],
};

/** Milliseconds that a program may take to start on a busy machine. */
const START = 30_000;

/** Returns the paths of programs that are not installed. */
export function missingPrograms(kind: BrokerKind = "nats"): string[] {
  return [NGINX, BROKERS[kind](0, "")[0]].filter((path) => {
    try {
      return !Deno.statSync(path).isFile;
    } catch {
      return true;
    }
  });
}

/**
 * Starts all of it on free ports of loopback, with its files in a temporary folder.
 *
 * @param stack Ends the processes, even if not all of them start, and removes the folder.
 * @param kind What connects the servers.
 * @param script The servers' program. It gets a name, a port and the address of the broker.
 */
export async function startCluster(
  stack: AsyncDisposableStack,
  kind: BrokerKind = "nats",
  script = "server.ts",
): Promise<Cluster> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-cluster-" });
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const [port = 0, a = 0, b = 0, sticky = 0, balanced = 0] = freePorts(5);

  const start = async <Kind extends Program>(program: Kind): Promise<Kind> => {
    await stack.use(program).start();
    return program;
  };
  const broker = await start(createProgram({
    name: kind === "redis" ? "Redis" : "NATS",
    command: BROKERS[kind](port, folder),
    works: () => listens(port),
  }));
  const servers = await Promise.all([
    start(createServer(script, "a", a, kind, port)),
    start(createServer(script, "b", b, kind, port)),
  ]);
  const config = await writeNginxConfig(folder, {
    SERVER_A: `127.0.0.1:${a}`,
    SERVER_B: `127.0.0.1:${b}`,
    STICKY: `127.0.0.1:${sticky}`,
    BALANCED: `127.0.0.1:${balanced}`,
  });
  const proxy = await start(createProgram({
    name: "nginx",
    command: [NGINX, "-p", folder, "-e", `${folder}/nginx.log`, "-c", config],
    works: () => listens(sticky),
  }));
  return { broker, servers, proxy, ports: { sticky, balanced } };
}

/** Waits until a condition is true, and checks it every 20 ms. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, time = 10_000): Promise<void> {
  const end = performance.now() + time;
  while (!await isSo()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${time} ms`);
    await sleep(20);
  }
}

/** Waits. */
export function sleep(time: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time));
}

interface ProgramOptions {
  readonly name: string;
  readonly command: readonly [path: string, ...args: string[]];
  readonly works: () => Promise<boolean>;
}

function createProgram({ name, command: [path, ...args], works }: ProgramOptions): Program {
  let child: Deno.ChildProcess | undefined;
  let over = false;
  const stop = async (signal: Deno.Signal) => {
    const ending = child;
    ending?.kill(signal);
    await ending?.status;
  };
  return {
    async start() {
      if (over) throw new Error(`${name} is over`);
      const started = child = new Deno.Command(path, { args, stdin: "null" }).spawn();
      void started.status.then(() => {
        if (child === started) child = undefined;
      });
      await until(`${name} works`, () => {
        if (child !== started) throw new Error(`${name} ended at once: ${path} ${args.join(" ")}`);
        return works();
      }, START);
    },
    stop,
    signal: (signal) => child?.kill(signal),
    [Symbol.asyncDispose]() {
      over = true;
      return stop("SIGKILL");
    },
  };
}

function createServer(script: string, name: string, port: number, kind: BrokerKind, broker: number): Server {
  const health = async (): Promise<Health | undefined> => {
    try {
      return await (await fetch(`http://127.0.0.1:${port}/health`, { signal: AbortSignal.timeout(1_000) })).json();
    } catch {
      return undefined;
    }
  };
  const where = kind === "redis" ? ["--redis", `redis://127.0.0.1:${broker}`] : ["--nats", `127.0.0.1:${broker}`];
  const options = ["--name", name, "--port", `${port}`, ...where];
  const permissions = ["--no-prompt", "--allow-net=127.0.0.1", "--allow-env", "--allow-read"];
  const { pathname } = new URL(script, import.meta.url);
  const program = createProgram({
    name: `Server ${name}`,
    command: [Deno.execPath(), "run", "--quiet", "--no-check", ...permissions, pathname, ...options],
    works: async () => (await health())?.broker === "up",
  });
  return { ...program, health };
}

async function writeNginxConfig(folder: string, settings: Record<string, string>): Promise<string> {
  let servers = await Deno.readTextFile(new URL("nginx.conf", import.meta.url));
  for (const [name, value] of Object.entries(settings)) servers = servers.replaceAll(`\${${name}}`, value);
  const path = `${folder}/nginx.conf`;
  const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const lines = [
    "daemon off;",
    "master_process off;", // one process, which can be ended
    `pid ${folder}/nginx.pid;`,
    "events { worker_connections 4096; }", // a client is two
    "http {",
    "access_log off;",
    ...folders.map((name) => `${name}_temp_path ${folder}/${name};`),
    servers,
    "}",
  ];
  await Deno.writeTextFile(path, lines.join("\n"));
  return path;
}

/** Ports that are free now. */
function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}

async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
