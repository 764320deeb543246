// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * Bun: `Bun.serve`. Echo, with `--deflate` compressed without context takeover (its default) and with `--takeover` too with it, or
 * with `--fanout` every message published to a topic that every connection subscribes to.
 *
 * @module
 */
import process from "node:process";

/** As much of Bun's types as is used, so that Deno can check this file. */
interface Socket {
  send(data: string | Uint8Array, compress: boolean): number;
  subscribe(topic: string): void;
}
interface Server {
  readonly port: number;
  upgrade(request: Request): boolean;
  publish(topic: string, data: string | Uint8Array): number;
}
declare const Bun: {
  serve(options: {
    port: number;
    hostname: string;
    fetch(request: Request, server: Server): Response | undefined;
    websocket: {
      perMessageDeflate: boolean | { compress: "dedicated"; decompress: "dedicated" };
      open(socket: Socket): void;
      message(socket: Socket, data: string | Uint8Array): void;
    };
  }): Server;
};

const deflate = process.argv.includes("--deflate");
const takeover = process.argv.includes("--takeover");
const fanOut = process.argv.includes("--fanout");

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request, server) => server.upgrade(request) ? undefined : new Response("WebSocket only", { status: 426 }),
  websocket: {
    perMessageDeflate: takeover ? { compress: "dedicated", decompress: "dedicated" } : deflate,
    open(socket) {
      if (fanOut) socket.subscribe("all");
    },
    message(socket, data) {
      if (fanOut) server.publish("all", data);
      else socket.send(data, deflate);
    },
  },
});
console.log(`listening on ${server.port}`);
