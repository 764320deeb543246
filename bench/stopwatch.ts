/**
 * What a window of time held: things done, and the processor time of the processes that did them.
 *
 * @module
 */

/** How long to measure, in milliseconds. */
export interface Timing {
  /** Before counting begins: code is compiled by then. */
  readonly warmup: number;
  /** Of counting. */
  readonly duration: number;
}

/** What one run measured. */
export interface Measurement {
  /** Things per second, or bytes per connection. */
  readonly value: number;
  /** Microseconds of processor time that the measured process took for each thing. */
  readonly cpu?: number;
  /** The measured process's processor time as a part of the window: 1 is one core. */
  readonly busy?: number;
  /** The same of the process at the other end. */
  readonly otherBusy?: number;
  /** Of a run that measures latency: its rate per second, and microseconds that one half, all but 1 % and all but 0.1 % took at most. */
  readonly latency?: { readonly rate: number; readonly p50: number; readonly p99: number; readonly p999: number };
}

/** Begins a window. The returned function ends it, and takes the number of things that were done. */
export function startCounting(measured: number, other: number): (count: number) => Measurement {
  const cpuBefore = cpuSeconds(measured);
  const otherBefore = cpuSeconds(other);
  const started = performance.now();
  return (count) => {
    const seconds = (performance.now() - started) / 1000;
    const cpu = cpuSeconds(measured) - cpuBefore;
    const otherCpu = cpuSeconds(other) - otherBefore;
    return {
      value: count / seconds,
      cpu: count === 0 ? 0 : cpu * 1e6 / count,
      busy: cpu / seconds,
      otherBusy: otherCpu / seconds,
    };
  };
}

/** Linux has counted in hundredths of a second (`USER_HZ`) on every machine that Deno runs on. */
export const TICKS_PER_SECOND = 100;

function cpuSeconds(pid: number): number {
  return cpuTicks(pid) / TICKS_PER_SECOND;
}

/**
 * The processor time of a process, user and system, in all its threads: fields 14 and 15 of proc(5)'s `stat`.
 *
 * @param options Whether that of its children counts too, those that have ended: fields 16 and 17.
 */
export function cpuTicks(pid: number, { children = false } = {}): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, children ? 15 : 13).reduce((sum, ticks) => sum + Number(ticks), 0);
}

/** The resident memory of a process in bytes. */
export function residentBytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
