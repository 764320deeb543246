/**
 * Python's `websockets`, where Debian's package of it is installed.
 *
 * @module
 */

/** Debian's: another one that comes first in the path knows nothing of Debian's packages. */
export const PYTHON = "/usr/bin/python3";
const SCRIPT = new URL("./peers/websockets_echo.py", import.meta.url).pathname;

const INSTALLED = (() => {
  try {
    return new Deno.Command(PYTHON, { args: ["-c", "import websockets"], stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
})();

/** What is missing where it is not installed. */
export const NO_PYTHON: string | undefined = INSTALLED ? undefined : "python3-websockets is not installed";

/** Starts the script. */
export function python(role: "server" | "client", argument: unknown): Deno.ChildProcess {
  const args = [SCRIPT, role, JSON.stringify(argument)];
  return new Deno.Command(PYTHON, { args, stdin: "null", stdout: "piped", stderr: "inherit" }).spawn();
}
