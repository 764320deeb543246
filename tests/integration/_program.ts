/**
 * Programs of Debian's that listen on ports: started as child processes for a test, and ended with it.
 *
 * @module
 */
import { within } from "../_support/deadline.ts";
import { until } from "../_support/wait.ts";

/** How a program is started. */
export interface ProgramOptions {
  /** What it is called. */
  readonly name: string;
  /** Where it is. */
  readonly path: string;
  /** The ports of 127.0.0.1 on which it shall listen. */
  readonly ports: readonly number[];
  /** Writes its files into a folder that goes when it goes; gives its arguments. It has to stay in the foreground. */
  prepare(folder: string): Promise<Command> | Command;
}

/** What is run. */
export interface Command {
  readonly args: string[];
  readonly env?: Record<string, string>;
}

/** Starts a program and waits until it listens. To dispose of it ends it. */
export async function startProgram({ name, path, ports, prepare }: ProgramOptions): Promise<AsyncDisposable> {
  const folder = await Deno.makeTempDir({ prefix: `${name}-` });
  const { args, env = {} } = await prepare(folder);
  const child = new Deno.Command(path, { args, env, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
  const said = new Response(child.stderr).text();
  let ended = false;
  const status = child.status.then(() => ended = true);
  const stop = async () => {
    if (!ended) child.kill("SIGTERM");
    await within(status, 10_000, `The end of ${name}`);
    await said;
    await Deno.remove(folder, { recursive: true });
  };
  try {
    for (const port of ports) await listens(port, () => ended);
  } catch (error) {
    await stop();
    throw new Error(`${name} did not start: ${await said}`, { cause: error });
  }
  return { [Symbol.asyncDispose]: stop };
}

/** Ports of the loopback interface that are free now. */
export function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}

/** Waits until a server listens. */
export async function listens(port: number, ended: () => boolean): Promise<void> {
  const connects = async (): Promise<boolean> => {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused) || ended()) throw error;
      return false;
    }
  };
  await until(connects, `A listener on port ${port}`, 10_000);
}
