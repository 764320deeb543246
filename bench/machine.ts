/**
 * What was measured, where and how, in words.
 *
 * @module
 */
import { VERSIONS } from "./peers/install.ts";
import { DRIVING_CORE, MEASURED_CORE, pinned } from "./server_process.ts";
import type { Timing } from "./stopwatch.ts";

/** The lines that stand above the results. */
export async function about({ rounds, timing }: { rounds: number; timing: Timing }): Promise<string[]> {
  const { stdout } = await new Deno.Command("node", { args: ["--version"] }).output();
  const node = new TextDecoder().decode(stdout).trim().slice(1);
  const model = /^model name\s*: (.*)$/m.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1] ?? Deno.build.arch;
  const cores = navigator.hardwareConcurrency;
  return [
    `Deno ${Deno.version.deno}, Node ${node}, ws ${VERSIONS.ws}, Bun ${VERSIONS.bun}`,
    `${model}, ${cores} ${cores === 1 ? "core" : "cores"}, Linux ${Deno.osRelease()}, ${today()}`,
    pinned
      ? `what is measured runs on core ${MEASURED_CORE} alone, with workers on both, what drives it on core ${DRIVING_CORE} (\`taskset\`)`
      : "nothing is held on a core of its own: `taskset` or a second core is missing",
    `load before the run: ${Deno.loadavg().map((load) => load.toFixed(2)).join(", ")}`,
    `${rounds} ${
      rounds === 1 ? "round" : "rounds"
    } of ${timing.warmup} ms of warm-up and ${timing.duration} ms of counting`,
  ];
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}
