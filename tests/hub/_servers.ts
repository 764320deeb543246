/**
 * The real NATS and Redis of Debian, on loopback and a free port, for tests.
 *
 * @module
 */
import { until } from "../_support/wait.ts";

/** How each is started. */
const COMMANDS: Record<string, (port: number) => [program: string, ...args: string[]]> = {
  nats: (port) => ["nats-server", "-a", "127.0.0.1", "-p", `${port}`],
  redis: (port) => ["redis-server", "--bind", "127.0.0.1", "--port", `${port}`, "--save", "", "--appendonly", "no"],
};

/** A server that can be killed and started again on its port. */
export interface Server extends AsyncDisposable {
  /** Its port on 127.0.0.1. */
  readonly port: number;
  /** Starts it. Resolves when it takes connections. */
  start(): Promise<void>;
  /** Ends it with no farewell. */
  kill(): Promise<void>;
  /** Sends it a signal. */
  signal(signal: Deno.Signal): void;
}

/** Whether the program is there. */
export function installed(kind: string): boolean {
  try {
    new Deno.Command(COMMANDS[kind]!(0)[0], { args: ["--version"], stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether something listens on a port of this machine. */
export async function listens(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** Starts a server on a port that was free just now, with more of its own options. */
export async function startServer(kind: string, ...more: readonly string[]): Promise<Server> {
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = probe.addr;
  probe.close();
  const [program, ...given] = COMMANDS[kind]!(port);
  const args = [...given, ...more];
  let child: Deno.ChildProcess | undefined;
  const server: Server = {
    port,
    async start() {
      child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
      await until(() => listens(port), `The start of ${program}`, 10_000);
    },
    async kill() {
      child?.kill("SIGKILL");
      await child?.status;
      child = undefined;
    },
    signal: (signal) => child?.kill(signal),
    [Symbol.asyncDispose]: () => server.kill(),
  };
  await server.start();
  return server;
}
