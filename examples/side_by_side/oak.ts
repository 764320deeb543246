// deno-lint-ignore-file no-console -- an example prints
// Oak and WebSockets on one port, in a route of the application. A message that is posted to /news is sent to all clients of
// /live.
//
//   deno run --allow-net --allow-env examples/side_by_side/oak.ts [port]
//   curl --data-binary 'It rains' http://127.0.0.1:8080/news

import { serve } from "@sluice/websocket";
import { fromFetch, upgradeWebSocket } from "@sluice/websocket/fetch";
import { createHub } from "@sluice/websocket/hub";
// Where JSR is at hand, `jsr:@oak/oak@^17`: npm has an older one, made for Node.
import { Application, Router } from "npm:@oakserver/oak@^14.1.0";

const hub = createHub();

const router = new Router();
router.get("/", ({ response }) => {
  response.body = "Oak is here\n";
});
router.post("/news", async ({ request, response }) => {
  const readers = hub.publish("news", await request.body.text());
  response.body = `${readers} told\n`;
});
router.get("/live", ({ request, response }) => {
  // @ts-expect-error: npm's Oak has the types of undici's Request and Response, JSR's has Deno's.
  const { headers } = upgradeWebSocket(request.source, {}, {
    open: (socket) => void socket.subscribe("news"),
    message: (socket, data) => void socket.publish("news", data),
  });
  response.headers = headers;
  response.status = 200;
});
const app = new Application();
app.use(router.routes(), router.allowedMethods());

// Oak leaves alone what no route answers.
// @ts-expect-error: as above
const { handler, ...fromOak } = fromFetch(async (request) => {
  // @ts-expect-error: as above
  return await app.handle(request) ?? new Response("Not found\n", { status: 404 });
});
serve({
  port: Number(Deno.args[0] ?? 8080),
  hostname: "127.0.0.1",
  hub,
  ...fromOak,
  onListen(addr) {
    if ("port" in addr) {
      console.log(`Open http://127.0.0.1:${addr.port}/, or connect to ws://127.0.0.1:${addr.port}/live`);
    }
  },
}, handler);
