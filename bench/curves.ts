/**
 * The curves: what grows, and how the cost of each size is measured.
 *
 * @module
 */
import { letters } from "./frames.ts";
import { driveEcho } from "./echo_load.ts";
import { driveFanOut } from "./fan_out_load.ts";
import type { Growth } from "./growth.ts";
import { measureMemory } from "./memory_load.ts";
import { type Command, withServer } from "./server_process.ts";
import type { Measurement, Timing } from "./stopwatch.ts";

/** A kind of growth. */
export interface Curve extends Omit<Growth, "costs"> {
  /** Measures what all of a size costs. */
  measure(size: number, timing: Timing): Promise<number>;
}

/** The bytes of a fragment. */
const FRAGMENT = 16;

/** All curves of a server of ours, which `command` starts with these flags. */
export function createCurves(command: (...flags: string[]) => Command): Curve[] {
  const unit = "µs of processor time";
  /** A cost that was too small for the clock, as nothing was done in the time, is measured again in twice the time. */
  const counted = (timing: Timing, drive: (timing: Timing) => Measurement): number => {
    const { cpu = 0 } = drive(timing);
    return cpu > 0 ? cpu : counted({ ...timing, duration: 2 * timing.duration }, drive);
  };
  const echoed =
    (connections: number, outstanding: number, message = letters(32)) => (timing: Timing, command: Command) =>
      withServer(
        command,
        (server) => counted(timing, (timing) => driveEcho({ connections, outstanding, message }, server, timing)),
      );
  return [
    {
      work: "Idle connections",
      unit: "bytes",
      sizes: [1_000, 2_500, 5_000, 10_000, 19_500],
      measure: async (size) => {
        const { value } = await withServer(command(), (server) => measureMemory(size, server));
        return value * size;
      },
    },
    {
      work: "Bytes of a message",
      unit,
      sizes: [16, 256, 4_096, 65_536, 2 ** 20, 2 ** 23, 2 ** 26],
      measure: (size, timing) => echoed(1, 1, letters(size))(timing, command("--max", `${2 ** 26}`)),
    },
    {
      work: "Subscribers of a topic",
      unit,
      sizes: [10, 100, 1_000, 10_000],
      measure: (subscribers, timing) =>
        withServer(command("--fanout"), (server) => {
          const load = { subscribers, pace: { window: 8 }, message: letters(64) };
          return subscribers * counted(timing, (timing) => driveFanOut(load, server, timing));
        }),
    },
    {
      work: "Topics, each published to once",
      unit,
      sizes: [1, 10, 100, 1_000, 10_000, 100_000],
      measure: async (topics, timing) => topics * await echoed(1, 64)(timing, command("--topics", `${topics}`)),
    },
    {
      work: "Fragments of a message",
      unit,
      sizes: [1, 16, 256, 4_096, 65_536],
      measure: (fragments, timing) =>
        echoed(1, 1, letters(fragments * FRAGMENT, { fragment: FRAGMENT }))(timing, command()),
    },
  ];
}
