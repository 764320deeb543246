/**
 * What an idle connection costs in resident memory.
 *
 * @module
 */
import { letters, type Message, requestFrame } from "./frames.ts";
import { echoOnce, openLine } from "./lines.ts";
import type { Running } from "./server_process.ts";
import { close } from "./sockets.ts";
import { type Measurement, residentBytes } from "./stopwatch.ts";

/** Milliseconds: memory is settled when it has moved by less than 0.5 % for `calm`, and after `most` in any case. */
const SETTLE = { every: 250, calm: 1_500, most: 15_000 };

/** Connections that come and go first, so that code and pools are not counted as theirs. */
const BEFORE = 200;

/** Opens connections that echo once and then stay idle, and returns the bytes by which each made the server grow. */
export async function measureMemory(connections: number, server: Running): Promise<Measurement> {
  const message = letters(32);
  openIdle(BEFORE, server, message).forEach(close);
  const before = await settled(server.pid);
  const lines = openIdle(connections, server, message);
  const after = await settled(server.pid);
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
