/**
 * A reconnect storm: so many handshakes are under way all the time. A connection that is open is closed, and the next one begins.
 *
 * @module
 */
import { CLOSE_FRAME, requestHead } from "./lines.ts";
import type { Running } from "./server_process.ts";
import { close, connectTo, createPoll, sendAll, tryReceive } from "./sockets.ts";
import { type Measurement, startCounting, type Timing } from "./stopwatch.ts";

const OPENED = "HTTP/1.1 101 ";

/** Drives the load, and returns the handshakes per second. It holds the thread until it is done. */
export function driveStorm(atATime: number, server: Running, { warmup, duration }: Timing): Measurement {
  const poll = createPoll();
  const request = requestHead(server.port);
  const reply = new Uint8Array(4096);
  const fds = new Int32Array(atATime);
  const begin = (id: number): void => {
    const fd = fds[id] = connectTo(server.port);
    sendAll(fd, request);
    poll.add(fd, id);
  };
  let opened = 0;
  // The whole answer is there when any of it is: it is written at once.
  const answered = (id: number): void => {
    const head = new TextDecoder().decode(reply.subarray(0, tryReceive(fds[id]!, reply)));
    if (!head.startsWith(OPENED) || !head.endsWith("\r\n\r\n")) throw new Error(`The server answered ${head}`);
    opened++;
    sendAll(fds[id]!, CLOSE_FRAME);
    close(fds[id]!);
    begin(id);
  };
  const run = (until: number): number => {
    opened = 0;
    while (performance.now() < until) poll.wait(100, answered);
    return opened;
  };
  try {
    for (let id = 0; id < atATime; id++) begin(id);
    run(performance.now() + warmup);
    const stop = startCounting(server.pid, Deno.pid);
    return stop(run(performance.now() + duration));
  } finally {
    fds.forEach(close);
    poll.close();
  }
}
