// deno-lint-ignore-file no-console -- an example prints
// One of the servers of a chat in which no message is lost: topics that catch up, over a log in Redis or in NATS JetStream.
//
//   deno run --allow-net --allow-env --allow-read examples/cluster/recoverable_server.ts --port 8001 --redis redis://127.0.0.1
//   deno run --allow-net --allow-env --allow-read examples/cluster/recoverable_server.ts --port 8001 --nats 127.0.0.1:4222
//
// A client says {"room":"lobby","text":"hello"}, acknowledged, and subscribes to the rooms that it wants.

import { parseArgs } from "node:util";
import { serve } from "@sluice/websocket";
import { createRecoverableHub } from "@sluice/websocket/recovery";
import { jetStreamLog } from "@sluice/websocket/recovery/nats";
import { redisLog } from "@sluice/websocket/recovery/redis";

const { values } = parseArgs({
  options: {
    name: { type: "string", default: "a" },
    hostname: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "8001" },
    nats: { type: "string" },
    redis: { type: "string" },
  },
});
const { name, hostname } = values;

const options = {
  reconnect: { first: 100, most: 1_000 },
  // A log that stands still is noticed soon, and waited for for long: what is published meanwhile is sent again.
  pingInterval: 1_000,
  pongTimeout: 2_000,
  appendTimeout: 30_000,
  onError: report,
};
const log = values.redis === undefined
  ? jetStreamLog({ ...options, servers: values.nats ?? "127.0.0.1:4222" })
  : redisLog({ ...options, url: values.redis });
const hub = createRecoverableHub({ log, onError: report });

const server = serve(
  {
    hostname,
    port: Number(values.port),
    protocols: "sluice.v1",
    pingInterval: 2_000,
    pongTimeout: 4_000,
    maxMessageBytes: 4_096,
    http,
    onError: report,
  },
  hub.handlers({
    async message(socket, data, { id }) {
      const said = read(String(data));
      if (said === undefined) return void socket.close(1007, "Not a message of this chat");
      // What is acknowledged is in the log. If this server is killed before it says so, the next one gets the message again, and
      // the log knows it by its id.
      await hub.publish(said.room, said.text, { durable: true, id });
    },
  }),
);

Deno.addSignalListener("SIGTERM", async () => {
  await server.shutdown({ reason: "This server restarts", timeout: 5_000 });
  await hub.close();
  Deno.exit(0);
});

function http(request: Request): Response {
  if (new URL(request.url).pathname !== "/health") return new Response("Not found\n", { status: 404 });
  const health = { server: name, draining: false, broker: log.connected ? "up" : "down" };
  return Response.json({ ...health, connections: server.connections.size, stats: hub.stats });
}

function read(text: string): { room: string; text: string } | undefined {
  try {
    const said: unknown = JSON.parse(text);
    if (typeof said !== "object" || said === null || !("room" in said && "text" in said)) return undefined;
    return typeof said.room === "string" && typeof said.text === "string"
      ? { room: said.room, text: said.text }
      : undefined;
  } catch {
    return undefined;
  }
}

function report(error: unknown): void {
  console.log(`server ${name}: ${error instanceof Error ? error.message : error}`);
}
