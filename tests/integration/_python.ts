/**
 * Python's `websockets`, where Debian's package of it is installed.
 *
 * @module
 */
import { within } from "../_support/deadline.ts";

/** Debian's: another one that comes first in the path knows nothing of Debian's packages. */
export const PYTHON = "/usr/bin/python3";

const INSTALLED = (() => {
  try {
    return new Deno.Command(PYTHON, { args: ["-c", "import websockets"], stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
})();

/** What is missing where it is not installed. */
export const NO_PYTHON: string | undefined = INSTALLED ? undefined : "python3-websockets is not installed";

/** Starts a script of `peers`. */
export function python(script: string, ...args: string[]): Deno.ChildProcess {
  const path = new URL(`peers/${script}`, import.meta.url).pathname;
  return new Deno.Command(PYTHON, { args: [path, ...args], stdin: "null", stdout: "piped", stderr: "inherit" }).spawn();
}

/** Starts a script that serves. It says in JSON where it listens: on a port, or on some. */
export async function pythonServer<Ports>(
  script: string,
  ...args: string[]
): Promise<{ readonly ports: Ports } & AsyncDisposable> {
  const child = python(script, ...args);
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const stop = async () => {
    child.kill();
    await child.status;
    while (!(await lines.read()).done);
  };
  try {
    const { value = "" } = await within(lines.read(), 20_000, `What ${script} says`);
    return { ports: JSON.parse(value), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
