// deno-lint-ignore-file no-console -- the test reads it
// graphql-ws: `useServer` with our WebSocketServer, `makeServer` with our sockets, and its client with our WebSocket.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { WebSocket, WebSocketServer } from "@sluice/websocket/ws";

const require = createRequire(import.meta.url);
const { buildSchema } = require("graphql");
const { createClient, makeServer } = require("graphql-ws");
const { useServer } = require("graphql-ws/use/ws");

const schema = buildSchema("type Query { hello: String } type Subscription { count: Int }");
const roots = {
  query: { hello: () => "hello" },
  subscription: {
    async *count() {
      for (let count = 1; count <= 3; count++) yield { count };
    },
  },
};
const handleProtocols = (protocols) => protocols.has("graphql-transport-ws") && "graphql-transport-ws";

async function play(wss) {
  if (wss.address() === null) await once(wss, "listening");
  const client = createClient({ url: `ws://127.0.0.1:${wss.address().port}/graphql`, webSocketImpl: WebSocket });
  const results = [];
  for await (const { data } of client.iterate({ query: "subscription { count }" })) results.push(data.count);
  for await (const { data } of client.iterate({ query: "{ hello }" })) results.push(data.hello);
  assert.deepEqual(results, [1, 2, 3, "hello"]);
  await client.dispose();
}

const used = new WebSocketServer({ port: 0, host: "127.0.0.1", path: "/graphql" });
const disposable = useServer({ schema, roots }, used);
await play(used);
await disposable.dispose();

const made = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols });
const server = makeServer({ schema, roots });
made.on("connection", (socket) => {
  const closed = server.opened({
    protocol: socket.protocol,
    send: (data) => new Promise((done, fail) => socket.send(data, (error) => error ? fail(error) : done())),
    close: (code, reason) => socket.close(code, reason),
    onMessage: (receive) => socket.on("message", (data) => receive(String(data))),
  }, { socket });
  socket.once("close", (code, reason) => closed(code, String(reason)));
});
await play(made);
await new Promise((done) => made.close(done));
console.log("ok");
