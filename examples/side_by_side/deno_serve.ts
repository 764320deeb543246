// deno-lint-ignore-file no-console -- an example prints
// `Deno.serve` and WebSockets on one port, for an existing server: `upgradeRequest` answers one of its requests. It uses the
// platform's WebSockets, which have no ping, no compression and no backpressure for incoming messages. If you can, pass your
// handler to `serve({ http })` instead, as in hono.ts. A message that is posted to /news is sent to all clients of /live.
//
//   deno run --allow-net examples/side_by_side/deno_serve.ts [port]
//   curl --data-binary 'It rains' http://127.0.0.1:8080/news

import { upgradeRequest } from "@sluice/websocket/deno-serve";
import { createHub } from "@sluice/websocket/hub";

const hub = createHub();

Deno.serve({ port: Number(Deno.args[0] ?? 8080), hostname: "127.0.0.1", onListen }, async (request, { remoteAddr }) => {
  const { pathname } = new URL(request.url);
  switch (`${request.method} ${pathname}`) {
    case "GET /":
      return new Response("Deno.serve is here\n");
    case "POST /news":
      return new Response(`${hub.publish("news", await request.text())} told\n`);
    case "GET /live":
      // A refusal, where the request is no handshake or comes from another site's page, is a response too.
      return upgradeRequest(request, { hub, remoteAddr }, {
        open: (socket) => void socket.subscribe("news"),
        message: (socket, data) => void socket.publish("news", data),
      });
    default:
      return new Response("Not found\n", { status: 404 });
  }
});

function onListen({ port }: Deno.NetAddr): void {
  console.log(`Open http://127.0.0.1:${port}/, or connect to ws://127.0.0.1:${port}/live`);
}
