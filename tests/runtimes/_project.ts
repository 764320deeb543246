/**
 * A project as a user has it: an empty folder into which npm installed our tarball, and programs in it.
 *
 * @module
 */
import { assert } from "@std/assert";
import { within } from "../_support/deadline.ts";
import { pack } from "./pack.ts";

/** A folder with our package. */
export interface Project {
  /** Where it is. */
  readonly folder: string;
  /** Installs packages of the registry; `false` where they cannot be had. */
  install(...packages: string[]): Promise<boolean>;
  /** Runs a command in the folder, and returns what it printed. It fails if the command does. */
  run(command: string, ...args: string[]): Promise<string>;
  /** Removes it. */
  remove(): Promise<void>;
}

/** Packs our package and installs it into an empty folder, without any network. */
export async function createProject(): Promise<Project> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-project-" });
  const tarball = await within(pack(folder), 120_000, "The package");
  await Deno.writeTextFile(`${folder}/package.json`, `{ "type": "module" }`);
  const install = (args: string[]) =>
    output("npm", ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", ...args], {
      cwd: folder,
      ms: 300_000,
    });
  await install(["--offline", tarball]);
  for (const { name } of Deno.readDirSync(new URL("programs", import.meta.url))) {
    await Deno.copyFile(new URL(`programs/${name}`, import.meta.url), `${folder}/${name}`);
  }
  return {
    folder,
    install: (...packages) => install(packages).then(() => true, () => false),
    run: (command, ...args) => output(command, args, { cwd: folder }),
    remove: () => Deno.remove(folder, { recursive: true }),
  };
}

async function output(command: string, args: string[], options: { cwd: string; ms?: number }): Promise<string> {
  const { cwd, ms = 60_000 } = options;
  const what = `${command} ${args.join(" ")}`;
  const child = new Deno.Command(command, { args, cwd, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  const ended = child.output();
  const text = new TextDecoder();
  try {
    const { success, stdout, stderr } = await within(ended, ms, what);
    assert(success, `${what} failed:\n${text.decode(stdout)}${text.decode(stderr)}`);
    return text.decode(stdout);
  } catch (error) {
    try {
      child.kill("SIGKILL");
    } catch { /* it has ended */ }
    await ended;
    throw error;
  }
}
