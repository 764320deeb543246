/**
 * The processes that are measured, each on a core of its own where there is one.
 *
 * @module
 */

/** How a process is started. */
export type Command = readonly [program: string, ...args: string[]];

/** A server that runs. */
export interface Running {
  readonly port: number;
  readonly pid: number;
}

/** The repository. */
export const ROOT: string = new URL("..", import.meta.url).pathname;

/** The core of what is measured. */
export const MEASURED_CORE = 0;
/** The core of what drives it, this process as a rule. */
export const DRIVING_CORE = 1;

/** Milliseconds that a server may take to say where it listens. */
const PATIENCE = 20_000;

/** Whether processes can be held on cores: `taskset` is there, and two cores are. */
export const pinned: boolean = navigator.hardwareConcurrency > 1 &&
  await new Deno.Command("taskset", { args: ["--version"], stdout: "null", stderr: "null" }).output()
    .then(({ success }) => success, () => false);

/** Keeps this process, in all its threads, on the driving core. */
export async function pinThisProcess(): Promise<void> {
  if (!pinned) return;
  const args = ["--all-tasks", "--cpu-list", "--pid", `${DRIVING_CORE}`, `${Deno.pid}`];
  const { success } = await new Deno.Command("taskset", { args, stdout: "null" }).output();
  if (!success) throw new Error("taskset failed");
}

/** Starts a process on these cores. */
export function spawn([program, ...args]: Command, ...cores: readonly number[]): Deno.ChildProcess {
  const [first, ...rest] = pinned ? ["taskset", "--cpu-list", `${cores}`, program, ...args] : [program, ...args];
  const child = new Deno.Command(first!, { args: rest, cwd: ROOT, stdin: "null", stdout: "piped", stderr: "inherit" })
    .spawn();
  running.add(child);
  child.status.finally(() => running.delete(child));
  return child;
}

const running = new Set<Deno.ChildProcess>();

/** Starts a server, waits until it says `listening on PORT`, lets `use` have it, and stops it. It is alone on `MEASURED_CORE` unless
 * `cores` says otherwise. */
export async function withServer<T>(
  command: Command,
  use: (server: Running) => T | Promise<T>,
  ...cores: readonly number[]
): Promise<T> {
  const child = spawn(command, ...cores.length === 0 ? [MEASURED_CORE] : cores);
  const late = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let said = "";
    while (!said.includes("\n")) {
      const { value, done } = await output.read();
      if (done) throw new Error(`${command.join(" ")} did not say where it listens, but: ${said}`);
      said += value;
    }
    clearTimeout(late);
    return await use({ port: Number(/listening on (\d+)/.exec(said)?.[1]), pid: child.pid });
  } catch (cause) {
    throw new Error(`Against ${command.join(" ")}`, { cause });
  } finally {
    clearTimeout(late);
    await output.cancel();
    if (running.has(child)) child.kill("SIGKILL");
    await child.status;
  }
}

/** Ends every process that was started and still runs. */
export function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}
