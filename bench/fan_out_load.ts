/**
 * Fan-out: one connection sends, and every connection, that one included, is sent each message.
 *
 * @module
 */
import type { Message } from "./frames.ts";
import { type Lines, openLines } from "./lines.ts";
import type { Running } from "./server_process.ts";
import { type Measurement, startCounting, type Timing } from "./stopwatch.ts";

/** What to send. */
export interface FanOutLoad {
  readonly subscribers: number;
  /** A message is sent when the one so many before it has reached everybody. */
  readonly window: number;
  readonly message: Message;
}

const PUBLISHER = 0;

/** Drives the load, and returns the deliveries per second. It holds the thread until it is done. */
export function driveFanOut(load: FanOutLoad, server: Running, { warmup, duration }: Timing): Measurement {
  const { subscribers, window } = load;
  using lines = openLines(server.port, subscribers, load.message);
  awaitSubscribers(lines, subscribers);

  let deliveries = 0;
  /** How many messages each subscriber has. */
  const received = new Uint32Array(subscribers);
  /** How many subscribers have not got the message yet, for each message of the window. */
  const missing = new Uint32Array(window).fill(subscribers);
  const replied = (line: number, count: number): void => {
    deliveries += count;
    for (let left = count; left > 0; left--) {
      const slot = received[line]!++ % window;
      if (--missing[slot]! > 0) continue;
      missing[slot] = subscribers;
      lines.send(PUBLISHER, 1);
    }
  };
  lines.send(PUBLISHER, window);
  lines.run(performance.now() + warmup, replied);
  const stop = startCounting(server.pid, Deno.pid);
  deliveries = 0;
  lines.run(performance.now() + duration, replied);
  return stop(deliveries);
}

/** A server may know a subscriber only a moment after its handshake: sends until a message reaches everybody. */
function awaitSubscribers(lines: Lines, subscribers: number): void {
  for (let attempt = 0; attempt < 20; attempt++) {
    let reached = 0;
    lines.send(PUBLISHER, 1);
    lines.run(performance.now() + 100, (_, count) => reached += count);
    if (reached === subscribers) return;
  }
  throw new Error("No message reached everybody");
}
