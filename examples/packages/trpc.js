// deno-lint-ignore-file no-console -- an example prints
// tRPC's `applyWSSHandler` on the WebSocketServer of `./ws`: a query and a subscription. With `talk` the client of tRPC asks, and
// ends.
//
//   deno run --allow-net --allow-env examples/packages/trpc.js [port] [talk]

import process from "node:process";
import { WebSocket, WebSocketServer } from "@sluice/websocket/ws";
import { createTRPCClient, createWSClient, wsLink } from "npm:@trpc/client@11";
import { initTRPC } from "npm:@trpc/server@11";
import { applyWSSHandler } from "npm:@trpc/server@11/adapters/ws";

const trpc = initTRPC.create();
const router = trpc.router({
  hello: trpc.procedure.query(() => "hello"),
  count: trpc.procedure.subscription(async function* () {
    for (let count = 1; count <= 3; count++) yield count;
  }),
});
const wss = new WebSocketServer({ port: Number(process.argv[2] ?? 8080), host: "127.0.0.1", maxPayload: 16 * 1024 });
const handler = applyWSSHandler({ wss, router, keepAlive: { enabled: true } });
wss.once("listening", async () => {
  const url = `ws://127.0.0.1:${wss.address().port}`;
  console.log(`tRPC on ${url}`);
  if (process.argv[3] === "talk") await talk(url);
});

async function talk(url) {
  const socket = createWSClient({ url, WebSocket });
  const client = createTRPCClient({ links: [wsLink({ client: socket })] });
  console.log(await client.hello.query());
  await new Promise((onComplete, onError) => {
    client.count.subscribe(undefined, { onData: (count) => console.log(count), onComplete, onError });
  });
  await socket.close();
  handler.broadcastReconnectNotification(); // before a restart: clients come back
  wss.close(() => process.exit());
}
