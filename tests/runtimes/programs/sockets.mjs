// deno-lint-ignore-file no-console -- the test reads it
// Other transports: a server of `node:net`, and HTTP/2.
import assert from "node:assert/strict";
import { createServer as createHttp2Server } from "node:http2";
import { createServer } from "node:net";
import { accept, connect } from "@sluice/websocket";
import { connectHttp2, serveHttp2 } from "@sluice/websocket/http2";
import { nodeConnection } from "@sluice/websocket/node";

const listen = (server) =>
  new Promise((listening) => server.listen(0, "127.0.0.1", () => listening(server.address().port)));
const close = (server) => new Promise((closed) => server.close(closed));

async function echoes(socket) {
  await socket.send("größer");
  const { value } = await socket[Symbol.asyncIterator]().next();
  assert.equal(value, "größer");
  assert((await socket.close()).wasClean);
}

const tcp = createServer(async (socket) => {
  const connection = await accept(nodeConnection(socket), { perMessageDeflate: true });
  for await (const message of connection) await connection.send(message);
});
await echoes(await connect(`ws://127.0.0.1:${await listen(tcp)}`, { perMessageDeflate: true }));
await close(tcp);

const server = createHttp2Server({ settings: { enableConnectProtocol: true } });
const upgrades = serveHttp2(server, {}, { message: (socket, data) => socket.send(data) });
const session = await connectHttp2(`ws://127.0.0.1:${await listen(server)}`);
await Promise.all([session.connect("/a").then(echoes), session.connect("/b").then(echoes)]);
await session.close();
await upgrades.shutdown();
await close(server);
console.log("ok");
