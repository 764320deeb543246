// deno-lint-ignore-file no-console -- the benchmark reads it
// A server of Socket.IO or y-websocket on the engine of the argument: `server.mjs socket.io ws`, `server.mjs yjs sluice`.
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import * as sluice from "@sluice/websocket/ws";

const require = createRequire(import.meta.url);
const [, , work, engine] = process.argv;
const { WebSocketServer } = engine === "sluice" ? sluice : require("ws");
let port;
if (work === "socket.io") {
  const { Server } = require("socket.io");
  const http = createServer();
  const io = new Server(http, { wsEngine: WebSocketServer });
  io.on("connection", (socket) => socket.on("m", (data) => socket.emit("m", data)));
  await once(http.listen(0, "127.0.0.1"), "listening");
  port = http.address().port;
} else {
  const { setupWSConnection } = require("y-websocket/bin/utils");
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket, request) => setupWSConnection(socket, request));
  await once(server, "listening");
  port = server.address().port;
}
console.log(`listening on ${port}`);
