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
  /** A message is sent when the one so many before it has reached all, or so many are sent in a second. */
  readonly pace: { readonly window: number } | { readonly rate: number };
  readonly message: Message;
}

const PUBLISHER = 0;

/** Drives the load, and returns the deliveries per second. It holds the thread until it is done. */
export function driveFanOut(load: FanOutLoad, server: Running, { warmup, duration }: Timing): Measurement {
  const { subscribers, message, pace } = load;
  using lines = openLines(server.port, subscribers, message);
  awaitSubscribers(lines, subscribers);
  const run = "rate" in pace ? atRate(lines, pace.rate) : inWindow(lines, subscribers, pace.window);
  run(performance.now() + warmup);
  const stop = startCounting(server.pid, Deno.pid);
  return stop(run(performance.now() + duration));
}

/** Runs until then, and returns the deliveries. */
type Run = (until: number) => number;

function inWindow(lines: Lines, subscribers: number, window: number): Run {
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
  return (until) => {
    deliveries = 0;
    lines.run(until, replied);
    return deliveries;
  };
}

function atRate(lines: Lines, rate: number): Run {
  return (until) => {
    let deliveries = 0;
    for (let next = performance.now(); next < until; next += 1000 / rate) {
      lines.run(next, (_, count) => deliveries += count);
      lines.send(PUBLISHER, 1);
    }
    lines.run(until, (_, count) => deliveries += count);
    return deliveries;
  };
}

/** A server may know a subscriber only a moment after its handshake: sends until a message reaches all. */
function awaitSubscribers(lines: Lines, subscribers: number): void {
  for (let attempt = 0; attempt < 20; attempt++) {
    let reached = 0;
    lines.send(PUBLISHER, 1);
    const late = performance.now() + 100 + subscribers;
    while (reached < subscribers && performance.now() < late) {
      lines.run(performance.now() + 20, (_, count) => reached += count);
    }
    if (reached === subscribers) return;
  }
  throw new Error("No message reached all subscribers");
}
