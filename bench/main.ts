// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * Sluice beside its peers, in one run: `deno task bench [--quick] [--only SUBSTRING] [--rounds N]`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { chart } from "./chart.ts";
import { about } from "./machine.ts";
import { installPeers } from "./peers/install.ts";
import { report } from "./report.ts";
import type { Result } from "./results.ts";
import { createRows, type Row } from "./rows.ts";
import { killAll, pinThisProcess, ROOT } from "./server_process.ts";
import type { Measurement, Timing } from "./stopwatch.ts";
import { createWorks } from "./subjects.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    rounds: { type: "string" },
    // Milliseconds of warm-up and of counting, to try a row out.
    duration: { type: "string" },
    idle: { type: "string" },
  },
});
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5));
const idle = Number(values.idle ?? (values.quick ? 1_000 : 10_000));
const timing: Timing = values.duration !== undefined
  ? { warmup: Number(values.duration), duration: Number(values.duration) }
  : values.quick
  ? { warmup: 200, duration: 300 }
  : { warmup: 1_500, duration: 2_000 };
if (!(rounds >= 1)) throw new RangeError(`--rounds must be at least 1, was ${values.rounds}`);

using peers = await installPeers();
await pinThisProcess();
for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, giveUp);
const rows = createRows(createWorks(peers), idle).filter(({ work }) =>
  work.toLowerCase().includes(values.only.toLowerCase())
);
if (rows.length === 0) throw new Error(`No row's name holds ${values.only}`);

const results: Result[] = [];
for (const row of rows) results.push(await measure(row));

const text = report(results, await about({ rounds, timing }));
console.log(text);
// Only a whole run is a result to keep.
const whole = !values.quick && values.only === "" && values.duration === undefined;
const folder = `${ROOT}bench/results${whole ? "" : "/partial"}`;
await Deno.mkdir(folder, { recursive: true });
const files = { [`${folder}/results.md`]: text, [`${folder}/chart.svg`]: chart(results) };
for (const [path, content] of Object.entries(files)) await Deno.writeTextFile(path, content);
await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", ...Object.keys(files)], cwd: ROOT }).output();
console.log(`Written: ${Object.keys(files).join(", ")}`);

function giveUp(): never {
  killAll();
  peers[Symbol.dispose]();
  Deno.exit(1);
}

/** Measures a row: one subject after the other, and then all of them again. */
async function measure(row: Row): Promise<Result> {
  const { subjects, ...rest } = row;
  const runs: Record<string, Measurement[]> = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const [name, run] of Object.entries(subjects)) {
      progress(`${rows.indexOf(row) + 1} of ${rows.length}, ${row.work}: round ${round} of ${rounds}, ${name}`);
      runs[name]!.push(await run(timing));
    }
  }
  progress("");
  return { ...rest, runs };
}

/** Replaces the last line, on a terminal only. */
function progress(line: string): void {
  if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${line}`));
}
