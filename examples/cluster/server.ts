// deno-lint-ignore-file no-console -- an example prints
// One of the servers of a chat, with a hub over NATS. README.md has the picture.
//
//   deno run --allow-net --allow-env --allow-read examples/cluster/server.ts --name a --port 8001
//
// A room is a path. A client of ws://127.0.0.1:8001/lobby?name=Ada&history=50 gets the name of this server, the room's last
// messages, `live`, the names of those who are here, and then every new message, and names that come and leave.
// /health is for a load balancer; after SIGTERM clients move to another server.

import { parseArgs } from "node:util";
import { serve, type UpgradeRequest, type WebSocketConnection } from "@sluice/websocket";
import { createHub } from "@sluice/websocket/hub";
import { natsBroker } from "@sluice/websocket/hub/nats";
import { createPresence } from "@sluice/websocket/presence";
// The client for the page, as one file. A text needs no permission to be read.
import script from "../../lib/browser/sluice.js" with { type: "text" };

const { values } = parseArgs({
  options: {
    name: { type: "string", default: "a" },
    hostname: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "8001" },
    // One or more, with commas between.
    nats: { type: "string", default: "127.0.0.1:4222" },
    // Milliseconds from SIGTERM until connections are closed: the time that the balancer takes to notice the 503 of /health.
    "drain-delay": { type: "string", default: "0" },
  },
});
const { name, hostname } = values;
/** The name in messages. It differs for each server, and after each restart. */
const server = `${name}.${crypto.randomUUID().slice(0, 8)}`;
const HISTORY = 1_000;

const nats = { servers: values.nats.split(","), reconnect: { first: 250, most: 2_000 } };
const broker = natsBroker({
  ...nats,
  onError: (error) => log(error instanceof Error ? error.message : String(error)),
});
// This server subscribes to every room, so its history has no gaps, and clients from another server can catch up. Do this with a
// few rooms only. With a hundred thousand, a server should subscribe to the rooms of its clients: leave this out.
broker.subscribeAll();

const brokerUp = Promise.withResolvers<void>();
const hub = createHub<string>({
  broker,
  history: { messages: HISTORY },
  onBrokerState(state) {
    log(`broker ${state}`);
    if (state === "up") brokerUp.resolve();
  },
});
// Who is in a room, on any server. A broker belongs to one owner, so presence has its own.
const presence = createPresence<null>({
  broker: natsBroker({ ...nats, prefix: "presence", onError: () => {} }), // the hub's broker reports the same errors
  maxMembers: 10_000,
  onChange: (room, { joined, left }) =>
    void presence.send(room, JSON.stringify({ came: joined.map(({ id }) => id), left })),
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
  upgrade,
  onListen: (addr) => log(`listens on ${hostname}:${"port" in addr ? addr.port : ""}`),
}, {
  open(socket) {
    const { pathname, searchParams } = new URL(socket.url);
    const history = Math.min(Number(searchParams.get("history")) || 0, HISTORY);
    tell(socket, { server });
    socket.subscribe(pathname, { history });
    tell(socket, { live: true });
    presence.join(socket, pathname, { id: socket.data, data: null });
    tell(socket, { here: [...presence.members(pathname).keys()] });
  },
  message(socket, text) {
    if (typeof text !== "string") return void socket.close(1003, "Text only");
    // The author gets the message too, and so knows that it was published. A client recognizes a message that it gets a second
    // time, out of the history, by its id.
    const id = `${server}.${++published}`;
    hub.publish(new URL(socket.url).pathname, JSON.stringify({ id, name: socket.data, text }));
  },
});

Deno.addSignalListener("SIGTERM", drain);
Deno.addSignalListener("SIGINT", drain);

/** Closes the connections with 1001 when the balancer has noticed. Ends when they are closed and the broker has all messages. */
async function drain(): Promise<void> {
  if (draining) Deno.exit(130); // the second signal ends it at once
  draining = true;
  log(`drains ${listener.connections.size} connections`);
  await sleep(Number(values["drain-delay"]));
  await listener.shutdown({ reason: "This server restarts", timeout: 5_000 });
  await Promise.all([hub.close(), presence.close()]);
  Deno.exit(0);
}

/** Takes the name out of the URL. It is what the client says it is: to know better, check a session's cookie here. */
function upgrade({ url }: UpgradeRequest): { data: string } | Response {
  const name = new URL(url).searchParams.get("name")?.trim() || "guest";
  return name.length > 30 ? new Response("A name has at most 30 characters\n", { status: 400 }) : { data: name };
}

function http(request: Request): Response {
  switch (new URL(request.url).pathname) {
    case "/":
      return new Response(page, { headers: { "Content-Type": "text/html; charset=utf-8" } });
    case "/sluice.js":
      return new Response(script, { headers: { "Content-Type": "text/javascript" } });
    case "/health": {
      // 200 even if the broker is down: the other servers have no broker either.
      const health = { server, draining, broker: hub.brokerState, connections: listener.connections.size };
      return Response.json(health, { status: draining ? 503 : 200, headers: { "Cache-Control": "no-store" } });
    }
    default:
      return new Response("Not found\n", { status: 404 });
  }
}

function tell(socket: WebSocketConnection, fact: { server: string } | { live: true } | { here: string[] }): void {
  void socket.send(JSON.stringify(fact));
}

function sleep(time: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time));
}

function log(line: string): void {
  console.log(`server ${name}: ${line}`);
}
