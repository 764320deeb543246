// deno-lint-ignore-file no-console -- an example prints
// reconnecting-websocket with the WebSocket of `./ws`: a client that connects again after a lost connection. Here the server drops the
// first connection, and sends each message of the second one back.
//
//   deno run --allow-net --allow-env examples/packages/reconnecting_websocket.js [port]

import process from "node:process";
import { WebSocket, WebSocketServer } from "@sluice/websocket/ws";
import ReconnectingWebSocket from "npm:reconnecting-websocket@4";

let connections = 0;
const server = new WebSocketServer({ port: Number(process.argv[2] ?? 8080), host: "127.0.0.1", maxPayload: 16 * 1024 });
server.on("connection", (socket) => {
  if (++connections === 1) return socket.terminate();
  socket.on("message", (data, binary) => socket.send(data, { binary }));
});
server.once("listening", () => {
  const url = `ws://127.0.0.1:${server.address().port}`;
  const socket = new ReconnectingWebSocket(url, [], {
    WebSocket,
    minReconnectionDelay: 100,
    maxReconnectionDelay: 5000,
  });
  socket.addEventListener("close", () => console.log("disconnected"), { once: true });
  socket.addEventListener("open", () => socket.send("It rains"));
  socket.addEventListener("message", ({ data }) => {
    console.log(data);
    process.exit();
  });
});
