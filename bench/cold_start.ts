/**
 * A cold start: from the start of the process until it says that it listens.
 *
 * @module
 */
import { type Command, withServer } from "./server_process.ts";
import { spread } from "./results.ts";
import type { Measurement } from "./stopwatch.ts";

/** Starts of one run, and those before it, in which Deno's caches of the code are filled. */
const STARTS = { before: 3, counted: 9 };

/** Starts a server again and again, and returns the milliseconds that the middle one of the starts took. */
export async function measureColdStart(command: Command): Promise<Measurement> {
  const times: number[] = [];
  for (let left = STARTS.before + STARTS.counted; left > 0; left--) {
    const started = performance.now();
    times.push(await withServer(command, () => performance.now() - started));
  }
  return { value: spread(times.slice(STARTS.before)).median };
}
