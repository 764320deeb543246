// deno-lint-ignore-file no-console -- an example prints
// A chat in a Hono application, with its routes, its middleware and its `upgradeWebSocket`, on Sluice connections. Rooms are
// topics of a hub, which disconnects slow subscribers.
//
//   deno run --allow-net examples/hono.ts [port]
//   deno task connect ws://127.0.0.1:8080/rooms/lobby?name=Ann

import { serve } from "@sluice/websocket";
import { fromFetch } from "@sluice/websocket/fetch";
import { upgradeWebSocket } from "@sluice/websocket/hono";
import { createHub } from "@sluice/websocket/hub";
import { Hono } from "npm:hono@^4.13.0";

const hub = createHub();
const app = new Hono();
app.get("/", (context) => context.text("Hono is here\n"));
app.get("/rooms/:room", async (context, next) => {
  if (context.req.query("name") === undefined) return context.text("Who is it? Add ?name=\n", 401);
  await next();
});
app.get(
  "/rooms/:room",
  upgradeWebSocket((context) => {
    const room = context.req.param("room") ?? "";
    const name = context.req.query("name");
    return {
      onOpen(_, { raw: socket }) {
        socket.subscribe(room);
        hub.publish(room, `${name} is here`);
      },
      onMessage: ({ data }) => void hub.publish(room, `${name}: ${data}`),
      onClose: () => void hub.publish(room, `${name} has left`),
    };
  }),
);

const { handler, ...fromHono } = fromFetch(app.fetch);
serve({
  port: Number(Deno.args[0] ?? 8080),
  hostname: "127.0.0.1",
  hub,
  ...fromHono,
  onListen: (addr) => "port" in addr && console.log(`Open http://127.0.0.1:${addr.port}/`),
}, handler);
