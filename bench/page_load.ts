/**
 * Small pages over connections that stay open, each asked for when the last one is here.
 *
 * @module
 */
import { close, connectTo, receive, sendAll } from "./sockets.ts";
import type { Running } from "./server_process.ts";
import { type Measurement, startCounting, type Timing } from "./stopwatch.ts";

/** Drives the load, and returns the pages per second. It holds the thread until it is done. */
export function drivePages(connections: number, server: Running, { warmup, duration }: Timing): Measurement {
  const request = new TextEncoder().encode(
    `GET /hello HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n`,
  );
  const buffer = new Uint8Array(4096);
  const lines = Array.from({ length: connections }, () => connectTo(server.port));
  try {
    const size = sizeOfAnswer(lines[0]!, request, buffer);
    const run = (until: number): number => {
      let count = 0;
      for (; performance.now() < until; count += lines.length) {
        for (const fd of lines) sendAll(fd, request);
        for (const fd of lines) for (let have = 0; have < size;) have += receive(fd, buffer);
      }
      return count;
    };
    run(performance.now() + warmup);
    const stop = startCounting(server.pid, Deno.pid);
    return stop(run(performance.now() + duration));
  } finally {
    lines.forEach(close);
  }
}

/** Asks once, and gives the bytes of the answer: those of all others are as many. */
function sizeOfAnswer(fd: number, request: Uint8Array<ArrayBuffer>, buffer: Uint8Array<ArrayBuffer>): number {
  sendAll(fd, request);
  let text = "";
  for (;;) {
    text += new TextDecoder().decode(buffer.subarray(0, receive(fd, buffer)));
    const [head, body] = text.split("\r\n\r\n");
    const length = /^content-length: (\d+)$/im.exec(head ?? "")?.[1];
    if (body !== undefined && length === undefined) throw new Error(`The server answered ${head}`);
    if (body !== undefined && body.length === Number(length)) return text.length;
  }
}
