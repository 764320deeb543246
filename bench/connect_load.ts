/**
 * Connections made one after another: connect, shake hands, one echo, the closing handshake.
 *
 * @module
 */
import { letters, requestFrame } from "./frames.ts";
import { closeLine, echoOnce, openLine } from "./lines.ts";
import type { Running } from "./server_process.ts";
import { type Measurement, startCounting, type Timing } from "./stopwatch.ts";

/** Drives the load, and returns the connections per second. It holds the thread until it is done. */
export function driveConnect(server: Running, { warmup, duration }: Timing): Measurement {
  const message = letters(32);
  const request = requestFrame(message);
  const run = (until: number): number => {
    let count = 0;
    for (; performance.now() < until; count++) {
      const fd = openLine(server.port, message);
      echoOnce(fd, message, request);
      closeLine(fd);
    }
    return count;
  };
  run(performance.now() + warmup);
  const stop = startCounting(server.pid, Deno.pid);
  return stop(run(performance.now() + duration));
}
