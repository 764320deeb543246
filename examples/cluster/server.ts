// deno-lint-ignore-file no-console -- an example prints
// One of the servers of a chat, with a hub over NATS. README.md has the picture.
//
//   deno run --allow-net --allow-env --allow-read examples/cluster/server.ts --name a --port 8001
//
// A room is a path. A client of ws://127.0.0.1:8001/lobby?history=50 gets the name of this server, the room's last messages,
// `live`, and then every new message. /health is for a load balancer; after SIGTERM clients move to another server.

import { parseArgs } from "node:util";
import { serve, type WebSocketConnection } from "@sluice/websocket";
import { createHub } from "@sluice/websocket/hub";
import { natsBroker } from "@sluice/websocket/hub/nats";
// The client for the page, as one file. A text needs no permission to be read.
import script from "../../lib/browser/sluice.js" with { type: "text" };

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
// This server subscribes to every room, so its history has no gaps, and clients from another server can catch up. Do this with a
// few rooms only. With a hundred thousand, a server should subscribe to the rooms of its clients: leave this out.
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
// Clients are served once the broker is connected, or after 2 s without it: then each server serves its own clients.
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
    case "/sluice.js":
      return new Response(script, { headers: { "Content-Type": "text/javascript" } });
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
