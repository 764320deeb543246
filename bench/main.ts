// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * Sluice beside its peers, in one run: `deno task bench [--quick] [--only SUBSTRING] [--rounds N]`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { chart } from "./chart.ts";
import { createCurves, type Curve } from "./curves.ts";
import type { Growth } from "./growth.ts";
import { curvesChart } from "./curves_chart.ts";
import { about } from "./machine.ts";
import { TOO_MUCH, watchOthers } from "./others.ts";
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
  : { warmup: 1_200, duration: 1_800 };
if (!(rounds >= 1)) throw new RangeError(`--rounds must be at least 1, was ${values.rounds}`);

using peers = await installPeers();
await pinThisProcess();
for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, giveUp);
const chosen = ({ work }: { readonly work: string }) => work.toLowerCase().includes(values.only.toLowerCase());
const works = createWorks(peers);
const rows = createRows(works, idle, values.quick ? 2_000 : 60_000).filter(chosen);
const curves = createCurves(works.ours).filter(chosen);
const steps = rows.length + curves.length;
if (steps === 0) throw new Error(`No row's name holds ${values.only}`);

const machine = await about({ rounds, timing });
const results: Result[] = [];
for (const row of rows) results.push(await measure(row));
const grown: Growth[] = [];
for (const curve of curves) grown.push(await grow(curve));
progress("");

const text = report({ results, curves: grown, about: machine });
console.log(text);
// Only a whole run is a result to keep.
const whole = !values.quick && values.only === "" && values.duration === undefined;
const folder = `${ROOT}bench/results${whole ? "" : "/partial"}`;
await Deno.mkdir(folder, { recursive: true });
const files = {
  [`${folder}/results.md`]: text,
  [`${folder}/chart.svg`]: chart(results),
  [`${folder}/curves.svg`]: curvesChart(grown),
};
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
  const { subjects, rounds: most = Infinity, ...rest } = row;
  const runs: Record<string, Measurement[]> = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  const othersTook = watchOthers();
  for (let round = 1; round <= Math.min(rounds, most); round++) {
    for (const [name, run] of Object.entries(subjects)) {
      progress(`${rows.indexOf(row) + 1} of ${steps}, ${row.work}: round ${round} of ${rounds}, ${name}`);
      runs[name]!.push(await run(timing));
    }
  }
  return { ...rest, runs, others: warn(row.work, othersTook()) };
}

/** Measures a curve, once. */
async function grow({ work, unit, sizes, measure }: Curve): Promise<Growth> {
  const costs: number[] = [];
  const othersTook = watchOthers();
  for (const size of sizes) {
    progress(`${rows.length + grown.length + 1} of ${steps}, ${work}: ${size}`);
    costs.push(await measure(size, timing));
  }
  warn(work, othersTook());
  return { work, unit, sizes, costs };
}

/** Says that the machine was not quiet. */
function warn(work: string, others: number): number {
  progress("");
  if (others > TOO_MUCH) {
    console.error(
      `Other processes took ${Math.round(others * 100)} % of a core during "${work}": its numbers are worth little`,
    );
  }
  return others;
}

/** Replaces the last line, on a terminal only. */
function progress(line: string): void {
  if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${line}`));
}
