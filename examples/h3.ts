// deno-lint-ignore-file no-console -- an example prints
// A chat in an h3 application, with the hooks of crossws as in Nitro and Nuxt, on Sluice connections. A slow hook slows down its
// client, and the topics of `peer.subscribe` belong to a hub.
//
//   deno run --allow-net --allow-env examples/h3.ts [port]
//   deno task connect ws://127.0.0.1:8080/chat

import { serve } from "@sluice/websocket";
import crossws from "@sluice/websocket/crossws";
import { fromFetch } from "@sluice/websocket/fetch";
import { defineHooks } from "npm:crossws@^0.4.17";
import { defineWebSocketHandler, H3 } from "npm:h3@^2.0.8";

const app = new H3();
app.get("/", () => "h3 is here\n");
const chat = defineHooks({
  open(peer) {
    peer.subscribe("chat");
    peer.publish("chat", `${peer.id.slice(0, 4)} is here`);
  },
  message(peer, message) {
    peer.publish("chat", `${peer.id.slice(0, 4)}: ${message.text()}`);
  },
});
app.get("/chat", defineWebSocketHandler(chat));

const { fetch } = crossws({ fetch: app.fetch });
const { handler, ...fromH3 } = fromFetch(fetch);
serve({
  port: Number(Deno.args[0] ?? 8080),
  hostname: "127.0.0.1",
  ...fromH3,
  onListen: (addr) => "port" in addr && console.log(`Open http://127.0.0.1:${addr.port}/`),
}, handler);
