/**
 * What an idle connection costs in resident memory.
 *
 * @module
 */
import { letters, type Message, requestFrame } from "./frames.ts";
import { echoOnce, openLine } from "./lines.ts";
import type { Running } from "./server_process.ts";
import { close, createPoll, sendAll, tryReceive } from "./sockets.ts";
import { type Measurement, residentBytes } from "./stopwatch.ts";

/** Milliseconds: memory is settled when it has moved by less than 0.5 % for `calm`, and after `most` in any case. */
const SETTLE = { every: 250, calm: 1_500, most: 15_000 };

/** Connections that come and go first, so that code and pools are not counted as theirs. */
const BEFORE = 200;

/**
 * Opens connections that echo once and then stay idle, and returns the bytes by which each made the server grow.
 *
 * @param idle Milliseconds for which they stay idle. The server's pings are answered, and memory is the mean of the last two thirds.
 *   With 0 it is read as soon as it has settled.
 */
export async function measureMemory(connections: number, server: Running, idle = 0): Promise<Measurement> {
  const message = letters(32);
  openIdle(BEFORE, server, message).forEach(close);
  const before = await settled(server.pid);
  const lines = openIdle(connections, server, message);
  const after = idle === 0 ? await settled(server.pid) : meanWhileIdle(lines, server.pid, idle);
  lines.forEach(close);
  return { value: (after - before) / connections };
}

/** Opens connections that echo once, and returns their sockets. */
export function openIdle(count: number, server: Running, message: Message): number[] {
  const request = requestFrame(message);
  return Array.from({ length: count }, () => {
    const fd = openLine(server.port, message);
    echoOnce(fd, message, request);
    return fd;
  });
}

const PING = 0x89;
/** A pong without a payload (RFC 6455 §5.5.3): a sign of life. */
const PONG = Uint8Array.of(0x8a, 0x80, 0, 0, 0, 0);

function meanWhileIdle(lines: readonly number[], pid: number, idle: number): number {
  const poll = createPoll();
  lines.forEach((fd, id) => poll.add(fd, id));
  const buffer = new Uint8Array(256);
  const ready = (id: number): void => {
    if (tryReceive(lines[id]!, buffer) > 0 && buffer[0] === PING) sendAll(lines[id]!, PONG);
  };
  const started = performance.now();
  const samples: number[] = [];
  for (let next = idle / 3; next <= idle; next += SETTLE.every) {
    while (performance.now() - started < next) poll.wait(50, ready);
    samples.push(residentBytes(pid));
  }
  poll.close();
  return samples.reduce((sum, bytes) => sum + bytes) / samples.length;
}

async function settled(pid: number): Promise<number> {
  const late = performance.now() + SETTLE.most;
  let bytes = residentBytes(pid);
  for (let calm = 0; calm < SETTLE.calm && performance.now() < late; calm += SETTLE.every) {
    await new Promise((resolve) => setTimeout(resolve, SETTLE.every));
    const now = residentBytes(pid);
    if (Math.abs(now - bytes) <= bytes * 0.005) continue;
    bytes = now;
    calm = 0;
  }
  return bytes;
}
