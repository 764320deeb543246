/**
 * Latency at half of the peak rate: messages leave when a clock says so, whatever has arrived, and each is timed from when it was due.
 *
 * @module
 */
import { driveEcho, type EchoLoad } from "./echo_load.ts";
import { driveFanOut, type FanOutLoad } from "./fan_out_load.ts";
import { type Lines, openLines } from "./lines.ts";
import type { Running } from "./server_process.ts";
import type { Measurement, Timing } from "./stopwatch.ts";

/** The part of the peak rate. */
const PART = 0.5;

/** The most deliveries that are timed in one run. */
const MOST = 4_000_000;

/** Times an echo on one of many connections, each in turn. */
export function driveEchoLatency(load: EchoLoad, server: Running, timing: Timing): Measurement {
  const rate = PART * driveEcho(load, server, timing).value;
  using lines = openLines(server.port, load.connections, load.message);
  let next = 0;
  return timed(lines, { rate, timing }, (due, queues) => {
    const line = next++ % load.connections;
    queues[line]!.push(due);
    lines.send(line, 1);
  }, load.connections);
}

/** Times the deliveries of a fan-out. */
export function driveFanOutLatency(load: FanOutLoad, server: Running, timing: Timing): Measurement {
  const { subscribers, message } = load;
  const rate = PART * driveFanOut(load, server, timing).value / subscribers;
  using lines = openLines(server.port, subscribers, message);
  lines.run(performance.now() + timing.warmup, () => {});
  return timed(lines, { rate, timing }, (due, queues) => {
    for (const queue of queues) queue.push(due);
    lines.send(0, 1);
  }, subscribers);
}

/** Sends at a rate, and notes when each reply was due on its line. Replies on a line come in order. */
function timed(
  lines: Lines,
  { rate, timing: { warmup, duration } }: { rate: number; timing: Timing },
  send: (due: number, queues: readonly Queue[]) => void,
  count: number,
): Measurement {
  const queues = Array.from({ length: count }, () => new Queue());
  const times = new Float64Array(MOST);
  let deliveries = 0;
  const started = performance.now();
  const replied = (line: number, replies: number): void => {
    const now = performance.now();
    for (let left = replies; left > 0; left--) {
      const due = queues[line]!.shift();
      if (due === undefined || due < started + warmup || deliveries === MOST) continue;
      times[deliveries++] = now - due;
    }
  };
  const end = started + warmup + duration;
  let due = started;
  // Waiting would be for whole milliseconds: the load generator, which has a core to itself, looks all the time.
  for (let now = started; now < end; now = performance.now()) {
    for (; due <= now; due += 1000 / rate) send(due, queues);
    lines.poll(replied);
  }
  const sorted = times.subarray(0, deliveries).sort();
  const percentile = (part: number): number => 1000 * (sorted[Math.floor(part * sorted.length)] ?? NaN);
  const latency = { rate, p50: percentile(0.5), p99: percentile(0.99), p999: percentile(0.999) };
  return { value: latency.p99, latency };
}

/** Numbers, first in, first out. */
class Queue {
  #numbers: number[] = [];
  #at = 0;

  push(number: number): void {
    this.#numbers.push(number);
  }

  shift(): number | undefined {
    const number = this.#numbers[this.#at++];
    if (this.#at < 1_000) return number;
    this.#numbers = this.#numbers.slice(this.#at);
    this.#at = 0;
    return number;
  }
}
