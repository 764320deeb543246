// deno-lint-ignore-file no-console -- the test reads it
// tRPC: `applyWSSHandler` with our WebSocketServer, and its client with our WebSocket.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { WebSocket, WebSocketServer } from "@sluice/websocket/ws";

const require = createRequire(import.meta.url);
const { createTRPCClient, createWSClient, wsLink } = require("@trpc/client");
const { initTRPC } = require("@trpc/server");
const { applyWSSHandler } = require("@trpc/server/adapters/ws");

const trpc = initTRPC.create();
const router = trpc.router({
  hello: trpc.procedure.query(() => "hello"),
  count: trpc.procedure.subscription(async function* () {
    for (let count = 1; count <= 3; count++) yield count;
  }),
});
const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
const handler = applyWSSHandler({ wss, router, keepAlive: { enabled: true } });
await once(wss, "listening");

const url = `ws://127.0.0.1:${wss.address().port}`;
const socket = createWSClient({ url, WebSocket });
const client = createTRPCClient({ links: [wsLink({ client: socket })] });
assert.equal(await client.hello.query(), "hello");
const counts = [];
await new Promise((onComplete, onError) => {
  client.count.subscribe(undefined, { onData: (count) => counts.push(count), onComplete, onError });
});
assert.deepEqual(counts, [1, 2, 3]);
await socket.close();
handler.broadcastReconnectNotification();
await new Promise((done) => wss.close(done));
console.log("ok");
process.exit();
