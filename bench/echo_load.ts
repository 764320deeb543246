/**
 * Echo: every connection has so many messages under way, and sends one for each that comes back.
 *
 * @module
 */
import type { Message } from "./frames.ts";
import { openLines } from "./lines.ts";
import type { Running } from "./server_process.ts";
import { type Measurement, startCounting, type Timing } from "./stopwatch.ts";

/** What to send. */
export interface EchoLoad {
  readonly connections: number;
  /** Messages under way on each. */
  readonly outstanding: number;
  readonly message: Message;
}

/** Drives the load, and returns the messages echoed per second. It holds the thread until it is done. */
export function driveEcho(load: EchoLoad, server: Running, { warmup, duration }: Timing): Measurement {
  using lines = openLines(server.port, load.connections, load.message);
  let echoed = 0;
  const replied = (line: number, count: number): void => {
    echoed += count;
    lines.send(line, count);
  };
  for (let line = 0; line < load.connections; line++) lines.send(line, load.outstanding);
  lines.run(performance.now() + warmup, replied);
  const stop = startCounting(server.pid, Deno.pid);
  echoed = 0;
  lines.run(performance.now() + duration, replied);
  return stop(echoed);
}
