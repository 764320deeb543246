/**
 * Backpressure over TCP: a peer that does not read stops our sender, a handler that does not read stops the peer, and neither
 * costs more memory than the options say.
 *
 * @module
 */
import { assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import { frame, Opcode } from "../../lib/pipeline/frames/frame.ts";
import { MAX_HEADER_BYTES } from "../../lib/pipeline/frames/frame_layout.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import { serve } from "../../lib/server/serve.ts";
import { runDeno } from "../_support/child.ts";
import { standstill, within } from "../_support/deadline.ts";
import { wire } from "../_support/frames.ts";
import { seeded } from "../_support/random.ts";
import { LOOPBACK, openBare } from "./_support.ts";

const MiB = 1024 * 1024;
/** More than Linux buffers for one connection on its way through loopback (`tcp_wmem` and `tcp_rmem`: 4 and 6 MiB). */
const KERNEL = 16 * MiB;

for (const size of [1024, MiB]) {
  Deno.test(`T5: a peer that never reads stops a sender that awaits send, at one message of ${size} bytes over highWaterMark`, async () => {
    const script = new URL("peers/endless_sender.ts", import.meta.url).href;
    const flags = ["--quiet", "--allow-net=127.0.0.1", "--allow-env", "--allow-sys"];
    const seen: { offered: number; sent: number; peak: number; grown: number; open: number[] } = JSON.parse(
      await runDeno(["run", ...flags, script, `${size}`]),
    );
    assertGreater(seen.sent, 0);
    assertLess(seen.sent, KERNEL);
    assertLess(seen.sent, seen.offered);
    assertGreater(seen.peak, 0);
    assertLessOrEqual(seen.peak, DEFAULT_LIMITS.highWaterMark + size + MAX_HEADER_BYTES);
    // The peer is slow, which is no reason to drop it.
    assertEquals(seen.open, [1]);
    assertLess(seen.grown, 4 * MiB);
  });
}

const FRAME = 16 * 1024;
const FRAMES = wire([frame(Opcode.BINARY, new Uint8Array(FRAME))], "client", seeded());

/** Handlers that take nothing before `gate` opens, and then tell the length of each message. */
const LAZY: Readonly<Record<string, (gate: Promise<void>, take: (bytes: number) => void) => WebSocketHandler>> = {
  "a function": (gate, take) => async (socket) => {
    await gate;
    for await (const message of socket) take(message.length);
  },
  callbacks: (gate, take) => ({
    async message(_, data) {
      await gate;
      take(data.length);
    },
  }),
};

for (const [kind, handler] of Object.entries(LAZY)) {
  Deno.test(`a handler that does not read stops the peer, keepalive or not, and gets everything later: ${kind}`, async () => {
    const gate = Promise.withResolvers<void>();
    let taken = 0;
    await using server = serve(
      { ...LOOPBACK, pingInterval: 250, pongTimeout: 250 },
      handler(gate.promise, (bytes) => taken += bytes),
    );
    using peer = await openBare(server.addr);
    // Where the test fails, the server can stop only when the handler can.
    using cleanup = new DisposableStack();
    cleanup.defer(gate.resolve);
    let accepted = 0;
    let stop = false;
    const flood = async () => {
      while (!stop) {
        for (let at = 0; at < FRAMES.length;) {
          const count = await peer.write(FRAMES.subarray(at));
          at += count;
          accepted += count;
        }
      }
      await peer.closeWrite();
    };
    const flooding = flood();
    flooding.catch(() => {}); // it is awaited below, unless the test fails before

    const stalled = await standstill(() => accepted, { quiet: 800, what: "What the peer could write" });
    assertGreater(stalled, DEFAULT_LIMITS.highWaterMark);
    assertLess(stalled, KERNEL);
    assertEquals(taken, 0);
    // The peer was silent for longer than both times together, but only because we did not listen.
    const [socket] = server.connections;
    assertEquals(socket?.readyState, 1);

    stop = true;
    gate.resolve();
    await within(flooding);
    const { closeCode } = await within(socket!.closed);
    assertEquals(closeCode, 1006);
    await within(server.shutdown());
    assertEquals(taken, accepted / FRAMES.length * FRAME);
  });
}
