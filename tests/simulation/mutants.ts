/**
 * Breaks the library on purpose, one line at a time, and looks whether the simulation alone notices: `deno task mutants` runs each
 * mutant against the first seeds and writes the table into `README.md`.
 *
 * @module
 */
import { type Mutant, MUTANTS, mutate } from "./mutant_list.ts";
import { print, readOptions, readWhole, runProgram } from "../_support/command_line.ts";

const USAGE = `Usage: deno task mutants [options]

  --seeds N      how many seeds a mutant has at most (1500)
  --only WORDS   the mutants whose description contains these words; the table is not written then
  --help         show this and exit
`;

const ROOT = new URL("../../", import.meta.url);
const README = new URL("README.md", import.meta.url);
const BEGIN = "<!-- mutants: begin -->";
const END = "<!-- mutants: end -->";
/** Milliseconds after which a mutant that hangs the whole process is found as well. */
const MOST_TIME = 300_000;

/** Runs the simulation in a copy of the tree, and says what it finds. */
async function hunt(folder: string, seeds: number): Promise<string | undefined> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-check",
      "--no-lock",
      "--allow-read=.",
      "tests/simulation/main.ts",
      "--quick",
      "--seeds",
      String(seeds),
    ],
    cwd: folder,
    env: { NO_COLOR: "1" },
    signal: AbortSignal.timeout(MOST_TIME),
  }).output();
  if (code === 0) return undefined;
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  const [, seed, invariant] = /^seed (\d+): ([\w-]+):/m.exec(said) ?? [];
  return seed === undefined ? `by a crash: ${said.trim().split("\n")[0]}` : `by seed ${seed}: \`${invariant}\``;
}

/** Copies what a simulation needs. */
async function copy(to: string): Promise<void> {
  const parts = ["deno.json", "lib", "links", "mod.ts", "tests/_support", "tests/simulation"];
  const { success } = await new Deno.Command("cp", { args: ["-r", "--parents", ...parts, to], cwd: ROOT }).output();
  if (!success) throw new Error("The tree could not be copied");
}

function table(rows: readonly (readonly [Mutant, string | undefined])[]): string {
  const lines = rows.map(([{ file, what }, found]) => `| \`${file}\` | ${what} | ${found ?? "not found"} |`);
  return ["| file | what is wrong | found |", "| --- | --- | --- |", ...lines].join("\n");
}

async function main(args: string[]): Promise<number> {
  const options = { seeds: { type: "string", default: "1500" }, only: { type: "string" } } as const;
  const { seeds, only } = readOptions({ args, options });
  const folder = Deno.makeTempDirSync();
  const rows: [Mutant, string | undefined][] = [];
  try {
    await copy(folder);
    for (const mutant of MUTANTS.filter(({ what }) => only === undefined || what.includes(only))) {
      const path = `${folder}/lib/${mutant.file}`;
      const source = Deno.readTextFileSync(path);
      Deno.writeTextFileSync(path, mutate(source, mutant));
      const found = await hunt(folder, readWhole("seeds", seeds, 1));
      Deno.writeTextFileSync(path, source);
      rows.push([mutant, found]);
      print(`${mutant.file}: ${mutant.what}: ${found ?? "not found"}\n`);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
  print(`${rows.filter(([, found]) => found !== undefined).length} of ${rows.length} found\n`);
  if (only !== undefined) return 0;
  const page = Deno.readTextFileSync(README);
  const [before] = page.split(BEGIN);
  const [, after] = page.split(END);
  Deno.writeTextFileSync(README, `${before}${BEGIN}\n\n${table(rows)}\n\n${END}${after}`);
  return 0;
}

if (import.meta.main) Deno.exit(await runProgram({ name: "mutants", usage: USAGE, run: main }));
