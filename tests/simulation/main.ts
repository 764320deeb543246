/**
 * Simulates worlds, one seed each: `deno task simulate --seeds 10000 --from 1`.
 *
 * @module
 */
import { cpuUsage } from "node:process";
import { print, readOptions, readWhole, runProgram, UsageError } from "../_support/command_line.ts";
import { type Actor, ACTORS, draw } from "./draw.ts";
import { isKnown } from "./known.ts";
import { Violation } from "./invariants.ts";
import { run } from "./run.ts";
import { Stage } from "./stage.ts";
import { Trace } from "./trace.ts";

const USAGE = `Usage: deno task simulate [options]

  --seeds N      how many seeds (1000)
  --from S       the first seed (1)
  --only ACTOR   one actor alone: ${ACTORS.join(", ")}
  --trace        print what happens in the first seed's world
  --help         show this and exit
`;

async function main(args: string[]): Promise<number> {
  const { help, seeds, from, only, trace } = readOptions({
    args,
    options: {
      seeds: { type: "string", default: "1000" },
      from: { type: "string", default: "1" },
      only: { type: "string" },
      trace: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (help) {
    print(USAGE);
    return 0;
  }
  const actor = ACTORS.find((one) => one === only);
  if (only !== undefined && actor === undefined) throw new UsageError(`--only ${only} is none of the actors`);
  if (!/^\d+$/.test(from)) throw new UsageError(`--from ${from} is not a whole number`);
  return await simulate({ seeds: readWhole("seeds", seeds, 1), from: BigInt(from), actor, trace });
}

async function simulate(
  options: { seeds: number; from: bigint; actor: Actor | undefined; trace: boolean },
): Promise<number> {
  const { seeds, from, actor } = options;
  const begin = performance.now();
  const cpu = cpuUsage();
  const now = performance.now.bind(performance);
  const total = { connections: 0, messages: 0, faults: 0, time: 0, known: 0 };
  using stage = new Stage();
  let shown = 0;
  const line = (done: number) => {
    const seconds = (now() - begin) / 1000;
    const busy = cpuUsage(cpu);
    const processor = (busy.user + busy.system) / 1e6;
    return `${done} seeds, ${total.connections} connections, ${total.messages} messages, ${total.faults} faults, ` +
      (total.known > 0 ? `${total.known} worlds of known faults, ` : "") +
      `${(total.time / 3_600_000).toFixed(1)} simulated hours in ${seconds.toFixed(1)} s, ${
        processor.toFixed(1)
      } s of processor: ${Math.round(total.connections / processor)} connections a second of it`;
  };
  for (let i = 0; i < seeds; i++) {
    const seed = from + BigInt(i);
    const trace = new Trace(options.trace && i === 0);
    try {
      const outcome = await run(draw(seed, actor), stage, trace);
      total.connections += outcome.connections;
      total.messages += outcome.messages;
      total.faults += outcome.faults;
      total.time += outcome.time;
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      if (isKnown(error)) {
        total.known++;
        continue;
      }
      if (trace.lines !== undefined) print(`${trace.lines.join("\n")}\n`);
      print(`seed ${seed}: ${error.message}\n`);
      return 1;
    }
    if (trace.lines !== undefined) print(`${trace.lines.join("\n")}\n`);
    if (Deno.stdout.isTerminal() && now() - shown > 1000) {
      shown = now();
      print(`\r${line(i + 1)}\x1b[K`);
    }
  }
  print(`${line(seeds)}; none violates an invariant\n`);
  return 0;
}

if (import.meta.main) Deno.exit(await runProgram("simulate", () => main(Deno.args)));
