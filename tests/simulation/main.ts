/**
 * Simulates worlds, one seed each: `deno task simulate --seeds 10000 --from 1`.
 *
 * A violation is cut down to what matters, printed as a trace, and written to `found/`, where the suite runs it from then on.
 *
 * @module
 */
import { cpuUsage } from "node:process";
import { print, readOptions, readWhole, runProgram, UsageError } from "../_support/command_line.ts";
import { type Actor, ACTORS, draw } from "./draw.ts";
import { writeFound } from "./found.ts";
import { Violation } from "./invariants.ts";
import { isKnown } from "./known.ts";
import type { Plan } from "./plan.ts";
import { run } from "./run.ts";
import { shrink } from "./shrink.ts";
import { Stage } from "./stage.ts";
import { Trace } from "./trace.ts";

const USAGE = `Usage: deno task simulate [options]

  --seeds N      how many seeds (1000)
  --from S       the first seed, up to 64 bits (1)
  --only ACTOR   one actor alone: ${ACTORS.join(", ")}
  --trace        print what happens in the first seed's world
  --known        count worlds of known faults as violations too
  --quick        do not cut a violation down
  --help         show this and exit
`;

/** What to do. */
interface SimulateOptions {
  seeds: number;
  from: bigint;
  actor: Actor | undefined;
  trace: boolean;
  known: boolean;
  quick: boolean;
}

async function main(args: string[]): Promise<number> {
  return await simulate(readSimulateOptions(args));
}

function readSimulateOptions(args: string[]): SimulateOptions {
  const { seeds, from, only, trace, known, quick } = readOptions({
    args,
    options: {
      seeds: { type: "string", default: "1000" },
      from: { type: "string", default: "1" },
      only: { type: "string" },
      trace: { type: "boolean", default: false },
      known: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
    },
  });
  const actor = ACTORS.find((one) => one === only);
  if (only !== undefined && actor === undefined) throw new UsageError(`--only ${only} is not one of the actors`);
  if (!/^\d+$/.test(from)) throw new UsageError(`--from ${from} is not a whole number`);
  return { seeds: readWhole("seeds", seeds, 1), from: BigInt(from), actor, trace, known, quick };
}

/** What all worlds came to together. */
class Total {
  readonly #now = performance.now.bind(performance);
  readonly #begin = this.#now();
  readonly #cpu = cpuUsage();
  #shown = 0;
  #connections = 0;
  #messages = 0;
  #faults = 0;
  #time = 0;
  /** Worlds that met a fault that is known. */
  known = 0;

  add({ connections, messages, faults, time }: Awaited<ReturnType<typeof run>>): void {
    this.#connections += connections;
    this.#messages += messages;
    this.#faults += faults;
    this.#time += time;
  }

  /** Shows the line now and then on a terminal. */
  show(seeds: number): void {
    if (!Deno.stdout.isTerminal() || this.#now() - this.#shown < 1_000) return;
    this.#shown = this.#now();
    print(`\r${this.line(seeds)}\x1b[K`);
  }

  line(seeds: number): string {
    const { user, system } = cpuUsage(this.#cpu);
    const processor = (user + system) / 1e6;
    const seconds = (this.#now() - this.#begin) / 1000;
    return [
      `${seeds} seeds`,
      `${this.#connections} connections`,
      `${this.#messages} messages`,
      `${this.#faults} faults of the network`,
      ...(this.known > 0 ? [`${this.known} worlds of known faults`] : []),
      `${(this.#time / 3_600_000).toFixed(1)} simulated hours in ${seconds.toFixed(1)} s`,
      `${Math.round(this.#connections / processor)} connections a second of one core`,
    ].join(", ");
  }
}

async function simulate({ seeds, from, actor, trace, known, quick }: SimulateOptions): Promise<number> {
  using stage = new Stage();
  const total = new Total();
  for (let i = 0; i < seeds; i++) {
    const seed = from + BigInt(i);
    const plan = draw(seed, actor);
    const lines = new Trace(trace && i === 0);
    let violation: unknown;
    try {
      total.add(await run(plan, stage, lines));
    } catch (error) {
      violation = error;
    }
    if (lines.lines !== undefined) print(`${lines.lines.join("\n")}\n`);
    if (violation instanceof Violation && isKnown(violation) && !known) total.known++;
    else if (violation instanceof Violation) {
      print(`seed ${seed}: ${violation.message}\n`);
      if (!quick) await report(seed, plan, violation, stage);
      return 1;
    } else if (violation !== undefined) throw violation;
    total.show(i + 1);
  }
  print(`${total.line(seeds)}; none violates an invariant\n`);
  return 0;
}

/** Cuts a plan down, prints what is left of it, and writes it down. */
async function report(seed: bigint, plan: Plan, violation: Violation, stage: Stage): Promise<void> {
  const least = await shrink(plan, violation, (plan) => run(plan, stage));
  const trace = new Trace(true);
  await run(least.plan, stage, trace).catch(() => {});
  const lines = trace.lines ?? [];
  print(`\nCut down to:\n${lines.join("\n")}\n\n${least.violation.message}\n`);
  print(`Written to ${writeFound(`seed-${seed}`, least.violation, least.plan, lines)}\n`);
}

if (import.meta.main) Deno.exit(await runProgram({ name: "simulate", usage: USAGE, run: main }));
