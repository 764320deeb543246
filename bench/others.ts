/**
 * What other processes take of the processor: ratios of a machine that others use are worth little.
 *
 * @module
 */
import { cpuTicks, TICKS_PER_SECOND } from "./stopwatch.ts";

/** The part of a core above which a row is doubtful. */
export const TOO_MUCH = 0.05;

/**
 * Begins to watch.
 *
 * @returns What all processes but this one and those that it started, and that have ended, took since then: 1 is one core.
 */
export function watchOthers(): () => number {
  const before = otherTicks();
  const started = performance.now();
  return () => Math.max(0, (otherTicks() - before) / TICKS_PER_SECOND / ((performance.now() - started) / 1000));
}

function otherTicks(): number {
  const [user, nice, system] = Deno.readTextFileSync("/proc/stat").split(/\s+/).slice(1, 4).map(Number);
  return user! + nice! + system! - cpuTicks(Deno.pid, { children: true });
}
