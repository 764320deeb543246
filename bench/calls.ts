// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * How many calls, functions, files and promises a unit of work takes: `deno task bench:calls [KIND] [--list]`. Calls come from V8's
 * precise coverage, as the difference between a run of many units and a run of few, so what happens once is not counted. Among the
 * promises are those of the connection in memory itself: one for each read and each write.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { ROOT } from "./server_process.ts";

/** The kinds of work: a way to read, and what happens. */
const KINDS = [
  "callbacks",
  "callbacks:long",
  "callbacks:accept",
  "callbacks:close",
  "iterate",
  "readable",
  "batches",
  "messages",
] as const;

const FEW = 10;
const MANY = 110;

/** The part of V8's coverage that is read here. */
interface Coverage {
  readonly url: string;
  readonly functions: readonly {
    readonly functionName: string;
    readonly ranges: readonly { readonly startOffset: number; readonly count: number }[];
  }[];
}

interface Run {
  /** Calls by function: its file, its name and where it begins. */
  readonly calls: ReadonlyMap<string, number>;
  readonly promises: number;
}

const { values, positionals } = parseArgs({
  options: { list: { type: "boolean", default: false } },
  allowPositionals: true,
});
for (const kind of positionals.length > 0 ? positionals : KINDS) await report(kind);

async function report(kind: string): Promise<void> {
  const [few, many] = [await run(kind, FEW), await run(kind, MANY)];
  const each = (more: number, less: number) => (more - less) / (MANY - FEW);
  const rows = [...many.calls]
    .map(([key, count]) => ({ key, count: each(count, few.calls.get(key) ?? 0) }))
    .filter(({ count }) => Math.abs(count) >= 0.1) // a module that one of the runs happens to report is no call
    .sort((a, b) => b.count - a.count);
  const calls = rows.reduce((sum, { count }) => sum + count, 0);
  const files = new Set(rows.map(({ key }) => key.slice(0, key.indexOf(" "))));
  const promises = each(many.promises, few.promises);
  // V8 makes a function of the field declarations of each class.
  const made = rows.filter(({ key }) => key.includes("<instance_members_initializer>")).length;
  console.log(
    `${kind}: ${calls.toFixed(0)} calls, ${rows.length} functions${made > 0 ? ` (${made} declare fields)` : ""}, ` +
      `${files.size} files, ${promises.toFixed(1)} promises`,
  );
  if (values.list) { for (const { key, count } of rows) console.log(`${count.toFixed(2).padStart(9)}  ${key}`); }
}

async function run(kind: string, units: number): Promise<Run> {
  const folder = await Deno.makeTempDir();
  try {
    const { stdout, success } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-check",
        "--allow-all",
        `--coverage=${folder}`,
        "bench/calls_subject.ts",
        kind,
        `${units}`,
      ],
      cwd: ROOT,
      stderr: "null",
    }).output();
    if (!success) throw new Error(`bench/calls_subject.ts ${kind} failed`);
    const calls = new Map<string, number>();
    const lib = `file://${ROOT}lib/`;
    for (const { name } of Deno.readDirSync(folder)) {
      const { url, functions }: Coverage = JSON.parse(await Deno.readTextFile(`${folder}/${name}`));
      if (!url.startsWith(lib)) continue;
      for (const { functionName, ranges } of functions) {
        const { startOffset, count } = ranges[0]!;
        const key = `${url.slice(lib.length)} ${functionName || "(anonymous)"} ${startOffset}`;
        calls.set(key, (calls.get(key) ?? 0) + count);
      }
    }
    return { calls, promises: Number(new TextDecoder().decode(stdout)) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
