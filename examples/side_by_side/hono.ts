// deno-lint-ignore-file no-console -- an example prints
// Hono and WebSockets on one port: ordinary requests go to the application. A message that is posted to /news is sent to all
// clients of /live.
//
//   deno run --allow-net examples/side_by_side/hono.ts [port]
//   curl --data-binary 'It rains' http://127.0.0.1:8080/news

import { serve } from "@sluice/websocket";
import { createHub } from "@sluice/websocket/hub";
import { Hono } from "npm:hono@^4.6.0";

const hub = createHub();

// What `serve` knows of a request stands in `context.env`: with its types, `new Hono<{ Bindings: UpgradeInfo }>()`.
const app = new Hono();
app.get("/", (context) => context.text("Hono is here\n"));
app.post("/news", async (context) => {
  const readers = hub.publish("news", await context.req.text());
  return context.text(`${readers} told\n`);
});

serve({
  port: Number(Deno.args[0] ?? 8080),
  hostname: "127.0.0.1",
  hub,
  http: app.fetch,
  upgrade: ({ path }) => path === "/live" ? {} : new Response("No WebSocket here\n", { status: 404 }),
  onListen(addr) {
    if ("port" in addr) {
      console.log(`Open http://127.0.0.1:${addr.port}/, or connect to ws://127.0.0.1:${addr.port}/live`);
    }
  },
}, {
  open: (socket) => void socket.subscribe("news"),
  message: (socket, data) => void socket.publish("news", data),
});
