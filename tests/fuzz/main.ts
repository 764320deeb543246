/**
 * Fuzzes for as long as one likes: `deno task fuzz --seconds 60`.
 *
 * Iteration `i` of a run draws from seed `seed + i`, so one that failed is repeated alone by that seed.
 *
 * @module
 */
import { print, readOptions, readPositive, readWhole, runProgram, UsageError } from "../_support/command_line.ts";
import { SEED, seeded } from "../_support/random.ts";
import { Divergence, type FuzzTarget } from "./_target.ts";
import { TARGETS } from "./_targets.ts";

const USAGE = `Usage: deno task fuzz [options]

  --seconds N    seconds for each target (10)
  --target NAME  one target alone: ${TARGETS.map(({ name }) => name).join(", ")}
  --seed S       the first iteration's seed (the clock's)
  --help         show this and exit
`;

/** What to do. */
interface FuzzOptions {
  seconds: number;
  targets: readonly FuzzTarget[];
  seed: number;
}

async function main(args: string[]): Promise<number> {
  const options = readFuzzOptions(args);
  for (const target of options.targets) if (!await fuzz(target, options)) return 1;
  return 0;
}

function readFuzzOptions(args: string[]): FuzzOptions {
  const { seconds, seed, target } = readOptions({
    args,
    options: {
      seconds: { type: "string", default: "10" },
      target: { type: "string" },
      seed: { type: "string", default: String(SEED) },
    },
  });
  const targets = TARGETS.filter(({ name }) => target === undefined || name === target);
  if (targets.length === 0) throw new UsageError(`--target ${target} is not one of the targets`);
  return { seconds: readPositive("seconds", seconds), targets, seed: readWhole("seed", seed) };
}

/** Runs one target until its time is up. Returns whether its invariant held. */
async function fuzz(target: FuzzTarget, { seconds, seed }: FuzzOptions): Promise<boolean> {
  const terminal = Deno.stdout.isTerminal();
  const start = performance.now();
  const taken = () => (performance.now() - start) / 1000;
  let shown = 0;
  let iteration = 0;
  const rate = () => `${target.name}: ${iteration} iterations, ${Math.round(iteration / taken())} a second`;
  for (; taken() < seconds; iteration++) {
    try {
      await target.run(seeded(seed + iteration));
    } catch (error) {
      const input = error instanceof Divergence ? error.input : "?";
      print(
        `${target.name}: diverges at iteration ${iteration} of --seed ${seed}; ` +
          `again by --target ${target.name} --seed ${seed + iteration}\n${input.replaceAll(/^/gm, "  ")}\n`,
      );
      print(`${error instanceof Error ? error.message : error}\n`);
      return false;
    }
    if (terminal && taken() - shown >= 1) {
      shown = taken();
      print(`\r${rate()}, ${Math.round(seconds - shown)} s left\x1b[K`);
    }
  }
  print(`${terminal ? "\r\x1b[K" : ""}${rate()}, none diverged (--seed ${seed})\n`);
  return true;
}

if (import.meta.main) Deno.exit(await runProgram({ name: "fuzz", usage: USAGE, run: main }));
