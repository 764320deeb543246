// deno-lint-ignore-file no-console -- the test reads it
// Hono on @hono/node-server, and h3 with crossws' hooks on node:http, with connections of ours.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "@sluice/websocket";
import crossws from "@sluice/websocket/crossws";
import { fromFetch, upgradeWebSocket as upgradeFetched } from "@sluice/websocket/fetch";
import { upgradeWebSocket } from "@sluice/websocket/hono";
import { serveNode } from "@sluice/websocket/node";

// Deno, which checks this file, does not know these packages.
const load = (name) => import(name);
const { serve } = await load("@hono/node-server");
const { defineHooks } = await load("crossws");
const { defineWebSocketHandler, H3, toNodeHandler } = await load("h3");
const { Hono } = await load("hono");

/** What an application answers on a path: to a GET, and to a message. */
async function ask(server, upgrades, path) {
  if (!server.listening) await once(server, "listening");
  const { port } = server.address();
  const page = await (await fetch(`http://127.0.0.1:${port}/`)).text();
  const socket = await connect(`ws://127.0.0.1:${port}${path}`);
  await socket.send("hello");
  const messages = socket[Symbol.asyncIterator]();
  const { value } = await messages.next();
  const status = await connect(`ws://127.0.0.1:${port}/nowhere`).catch((error) => error.status);
  const { closeCode } = await socket.close(4000);
  await upgrades.shutdown();
  await new Promise((closed) => server.close(closed).closeAllConnections());
  return [page, value, status, closeCode];
}

const events = [];
const hono = new Hono();
hono.get("/", (context) => context.text("Hono"));
const route = upgradeWebSocket(() => ({
  onOpen: ({ type }) => events.push(type),
  onMessage: ({ data }, ws) => ws.send(`Hono: ${data}`),
  onClose: ({ type, code }) => events.push(`${type} ${code}`),
}));
hono.get("/echo", route);
const fromHono = fromFetch(hono.fetch);
const node = serve({ fetch: hono.fetch, port: 0, hostname: "127.0.0.1" });
const honoUpgrades = serveNode(node, { upgrade: fromHono.upgrade }, fromHono.handler);
assert.deepEqual(await ask(node, honoUpgrades, "/echo"), ["Hono", "Hono: hello", 404, 4000]);
assert.deepEqual(events, ["open", "close 4000"]);

const h3 = new H3();
h3.get("/", () => "h3");
const hooks = defineHooks({ message: (peer, message) => void peer.send(`h3: ${message}`) });
h3.get("/echo", defineWebSocketHandler(hooks));
const fromH3 = fromFetch(crossws({ fetch: h3.fetch }).fetch);
const http = createServer(toNodeHandler(h3)).listen(0, "127.0.0.1");
const h3Upgrades = serveNode(http, { upgrade: fromH3.upgrade }, fromH3.handler);
assert.deepEqual(await ask(http, h3Upgrades, "/echo"), ["h3", "h3: hello", 404, 4000]);

assert.throws(() => upgradeFetched(new Request("http://127.0.0.1/"), {}, {}), /fromFetch/);
console.log("ok");
