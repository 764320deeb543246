// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * Our server: `bench/echo_server.ts --port N --api callbacks|iterate|streams [--deflate] [--lend] [--fanout]`. With `--lend`
 * payloads are lent for the length of the callback; with `--fanout` every message goes to every connection, whatever the API.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { createHub } from "../lib/hub/mod.ts";
import { serve, type WebSocketHandler } from "../mod.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    api: { type: "string", default: "callbacks" },
    deflate: { type: "boolean", default: false },
    lend: { type: "boolean", default: false },
    fanout: { type: "boolean", default: false },
  },
});

const handlers: Record<string, WebSocketHandler> = {
  callbacks: { message: (socket, data) => void socket.send(data) },
  async iterate(socket) {
    for await (const message of socket) await socket.send(message);
  },
  streams: (socket) => socket.readable.pipeTo(socket.writable),
};
const hub = createHub();
const fanOut: WebSocketHandler = {
  open: (socket) => void socket.subscribe("all"),
  message: (_, data) => void hub.publish("all", data),
};

const handler = values.fanout ? fanOut : handlers[values.api];
if (handler === undefined) throw new Error(`Unknown --api ${values.api}: ${Object.keys(handlers).join(", ")}`);

serve({
  port: Number(values.port),
  hostname: "127.0.0.1",
  hub,
  perMessageDeflate: values.deflate && { threshold: 0 },
  lendPayloads: values.lend,
  onError: () => {}, // the load generator leaves without a close frame
  onListen: (addr) => console.log(`listening on ${(addr as Deno.NetAddr).port}`),
}, handler);
