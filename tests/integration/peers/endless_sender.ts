/**
 * A server that offers a connection 200 MB and awaits every `send`; the peer never reads. Once nothing has been taken for 300 ms
 * it prints what it saw. It is a process of its own because its memory is measured. Argument: the bytes of a message.
 *
 * @module
 */
import { serve } from "../../../lib/server/serve.ts";
import { standstill } from "../../_support/deadline.ts";
import { LOOPBACK, openBare } from "../_support.ts";

const OFFER = 200_000_000;
const message = new Uint8Array(Number(Deno.args[0]));
const start = Promise.withResolvers<void>();
let sent = 0;
let peak = 0;

const server = serve(LOOPBACK, async (socket) => {
  await start.promise;
  while (sent < OFFER) {
    const taken = socket.send(message);
    peak = Math.max(peak, socket.bufferedAmount);
    await taken;
    sent += message.length;
  }
});

// The code of the handshake is loaded before the measurement.
const peer = await openBare(server.addr);
const before = Deno.memoryUsage().rss;
start.resolve();
await standstill(() => sent, { quiet: 300, what: "What was sent" });
const grown = Deno.memoryUsage().rss - before;
const open = [...server.connections].map((socket) => socket.readyState);
// deno-lint-ignore no-console -- it is what the test reads
console.log(JSON.stringify({ offered: OFFER, sent, peak, grown, open }));
peer.close();
await server.shutdown();
