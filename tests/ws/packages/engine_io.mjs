// deno-lint-ignore-file no-console -- the test reads it
// engine.io on our WebSocketServer, with its own client, over a WebSocket alone.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { WebSocketServer } from "@sluice/websocket/ws";

const require = createRequire(import.meta.url);
const { Server } = require("engine.io");
const { Socket } = require("engine.io-client");

const http = createServer();
const server = new Server({ wsEngine: WebSocketServer });
server.attach(http);
server.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
await once(http.listen(0, "127.0.0.1"), "listening");
const socket = new Socket(`ws://127.0.0.1:${http.address().port}`, { transports: ["websocket"] });
await new Promise((done) => socket.on("open", done));
for (const message of ["text", Buffer.of(1, 2, 3)]) {
  const echo = new Promise((done) => socket.once("message", done));
  socket.send(message);
  assert.deepEqual(typeof message === "string" ? await echo : Buffer.from(await echo), message);
}
socket.close();
server.close();
http.close();
console.log("ok");
process.exit();
