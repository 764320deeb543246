// deno-lint-ignore-file no-console -- an example prints
// One of the servers of a chat, with a hub over NATS. README.md has the picture.
//
//   deno run --no-lock --allow-net --allow-env --allow-read examples/cluster/server.ts --name a --port 8001
//
// A room is a path: who connects to ws://127.0.0.1:8001/lobby?history=50 is told which server this is, the room's last messages,
// `live`, and then what is said. /health is for a load balancer; SIGTERM lets everybody move to another server.

import { parseArgs } from "node:util";
import { serve, type WebSocketConnection } from "@sluice/websocket";
import { createHub } from "@sluice/websocket/hub";
import { natsBroker } from "@sluice/websocket/hub/nats";

const { values } = parseArgs({
  options: {
    name: { type: "string", default: "a" },
    hostname: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "8001" },
    // One or more, with commas between.
    nats: { type: "string", default: "127.0.0.1:4222" },
    // Milliseconds from SIGTERM until clients are sent away: as long as the balancer takes to see that /health says 503.
    "drain-delay": { type: "string", default: "0" },
  },
});
const { name, hostname } = values;
/** No two servers have the same, and neither has one that was started again. */
const server = `${name}.${crypto.randomUUID().slice(0, 8)}`;
const HISTORY = 1_000;

const broker = natsBroker({
  servers: values.nats.split(","),
  reconnect: { first: 250, most: 2_000 },
  onError: (error) => log(error instanceof Error ? error.message : String(error)),
});
// This server hears every room, so that its history has no gap where nobody of the room was here: who comes from another server
// catches up. That is for a few rooms. Of a hundred thousand, a server should hear those of its clients alone: leave this out.
broker.subscribeAll();

const brokerUp = Promise.withResolvers<void>();
const hub = createHub({
  broker,
  history: { messages: HISTORY },
  onBrokerState(state) {
    log(`broker ${state}`);
    if (state === "up") brokerUp.resolve();
  },
});
// Nobody is served before the others are heard. Where the broker is away, those of one server still have each other.
await Promise.race([brokerUp.promise, sleep(2_000)]);

let published = 0;
let draining = false;
const page = await Deno.readFile(new URL("page.html", import.meta.url));
const listener = serve({
  hostname,
  port: Number(values.port),
  hub,
  proxies: ["127.0.0.1"],
  maxMessageBytes: 4_096,
  http,
  onListen: (addr) => log(`listens on ${hostname}:${"port" in addr ? addr.port : ""}`),
}, {
  open(socket) {
    const { pathname, searchParams } = new URL(socket.url);
    const history = Math.min(Number(searchParams.get("history")) || 0, HISTORY);
    tell(socket, { server });
    socket.subscribe(pathname, { history });
    tell(socket, { live: true });
  },
  message(socket, text) {
    if (typeof text !== "string") return void socket.close(1003, "Text only");
    // Its author is sent it too, and knows by this that it is said. By the id it is known again, live or in the history.
    hub.publish(new URL(socket.url).pathname, JSON.stringify({ id: `${server}.${++published}`, text }));
  },
});

Deno.addSignalListener("SIGTERM", drain);
Deno.addSignalListener("SIGINT", drain);

/** Sends clients away with 1001 once the balancer knows, and ends when they are gone and the broker has what they said. */
async function drain(): Promise<void> {
  if (draining) Deno.exit(130); // the second signal ends it at once
  draining = true;
  log(`drains ${listener.connections.size} connections`);
  await sleep(Number(values["drain-delay"]));
  await listener.shutdown({ reason: "This server restarts", timeout: 5_000 });
  await hub.close();
  Deno.exit(0);
}

function http(request: Request): Response {
  switch (new URL(request.url).pathname) {
    case "/":
      return new Response(page, { headers: { "Content-Type": "text/html; charset=utf-8" } });
    case "/health": {
      // A broker that is down is no reason to send clients away: the other servers have none either.
      const health = { server, draining, broker: hub.brokerState, connections: listener.connections.size };
      return Response.json(health, { status: draining ? 503 : 200, headers: { "Cache-Control": "no-store" } });
    }
    default:
      return new Response("Not found\n", { status: 404 });
  }
}

function tell(socket: WebSocketConnection, fact: { server: string } | { live: true }): void {
  void socket.send(JSON.stringify(fact));
}

function sleep(time: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time));
}

function log(line: string): void {
  console.log(`server ${name}: ${line}`);
}
