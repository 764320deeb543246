// deno-lint-ignore-file no-console -- an example prints
// A live dashboard: twice a second the server pushes its memory, its connections and its messages per second to every page. A new
// page gets the last minute at once. A slow page gets only the newest sample, not all that it missed.
//
//   deno run --allow-net --allow-read=examples/dashboard examples/dashboard/server.ts [port]

import { serve, type UpgradeAnswer, type UpgradeRequest } from "@sluice/websocket";
import { createHub } from "@sluice/websocket/hub";
// The client for the page, as one file. A text needs no permission to be read.
import script from "../../lib/browser/sluice.js" with { type: "text" };

/** What the page is sent, as JSON. */
interface Sample {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Bytes that the process holds, and that its objects take. */
  readonly rss: number;
  readonly heapUsed: number;
  readonly connections: number;
  readonly messagesPerSecond: number;
}

/** What a connection is for: to watch, or, so that there is something to see, to be answered. */
type Use = "/samples" | "/echo";

const INTERVAL = 500;
const MINUTE = 60_000 / INTERVAL;
// Of samples for a slow page only the newest is kept: the line has a gap then, and the number is true.
const hub = createHub<Use>({ slowPolicy: "latest-only", history: { messages: MINUTE } });

let messages = 0;
let since = performance.now();

const server = serve<Use>({
  port: Number(Deno.args[0] ?? 8080),
  hostname: "127.0.0.1",
  hub,
  http,
  upgrade,
  onListen(addr) {
    if ("port" in addr) console.log(`Open http://127.0.0.1:${addr.port}/`);
  },
}, {
  open(socket) {
    if (socket.data === "/samples") socket.subscribe("samples", { history: MINUTE });
  },
  message(socket, data) {
    if (socket.data === "/samples") return void socket.close(1008, "Nothing to say here");
    messages++;
    return socket.send(data); // returned, so that who does not read the answers is not read either
  },
});

setInterval(() => hub.publish("samples", JSON.stringify(sample())), INTERVAL);

function sample(): Sample {
  const { rss, heapUsed } = Deno.memoryUsage();
  const now = performance.now();
  const messagesPerSecond = messages / (now - since) * 1000;
  messages = 0;
  since = now;
  return { time: Date.now(), rss, heapUsed, connections: server.connections.size, messagesPerSecond };
}

function upgrade({ path }: UpgradeRequest): UpgradeAnswer<Use> | Response {
  if (path === "/samples" || path === "/echo") return { data: path };
  return new Response("No WebSocket here\n", { status: 404 });
}

/** Answers with the page, which may run only its own script and connect only to this server. */
async function http({ url }: Request): Promise<Response> {
  const { pathname } = new URL(url);
  if (pathname === "/sluice.js") return new Response(script, { headers: { "Content-Type": "text/javascript" } });
  if (pathname !== "/") return new Response("Not found\n", { status: 404 });
  const page = await Deno.readTextFile(new URL("page.html", import.meta.url));
  const nonce = crypto.randomUUID();
  return new Response(page.replaceAll("{nonce}", nonce), {
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; ` +
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    },
  });
}
