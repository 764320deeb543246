/**
 * A server that offers a connection 600 MB and awaits every `send`; the peer never reads. Once nothing has been taken for 300 ms
 * it prints what it saw. It is a process of its own because its memory is measured, after a peer that reads has had its share:
 * by then the code is compiled and the collector has found its pace. Argument: the bytes of a message.
 *
 * @module
 */
import { serve } from "../../../lib/server/serve.ts";
import { standstill } from "../../_support/deadline.ts";
import { LOOPBACK, openBare } from "../_support.ts";

const OFFER = 600_000_000;
const WARM_UP = 200_000_000;
const message = new Uint8Array(Number(Deno.args[0]));
let sent = 0;
let peak = 0;
let offer = WARM_UP;

const server = serve(LOOPBACK, async (socket) => {
  while (sent < offer) {
    const taken = socket.send(message);
    peak = Math.max(peak, socket.bufferedAmount);
    await taken;
    sent += message.length;
  }
});

const reader = await openBare(server.addr);
const buffer = new Uint8Array(64 * 1024);
while (await reader.read(buffer) !== null && sent < WARM_UP);
reader.close();

sent = peak = 0;
offer = OFFER;
const before = Deno.memoryUsage().rss;
const peer = await openBare(server.addr);
await standstill(() => sent, { quiet: 300, what: "What was sent" });
const grown = Deno.memoryUsage().rss - before;
const open = [...server.connections].map((socket) => socket.readyState);
// deno-lint-ignore no-console -- it is what the test reads
console.log(JSON.stringify({ offered: OFFER, sent, peak, grown, open }));
peer.close();
await server.shutdown();
