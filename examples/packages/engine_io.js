// deno-lint-ignore-file no-console -- an example prints
// engine.io, the transport of Socket.IO, on the WebSocketServer of `./ws`: the server sends each message back. With `talk` a
// client sends a text and bytes, and ends.
//
//   deno run --allow-net --allow-env examples/packages/engine_io.js [port] [talk]

import { createServer } from "node:http";
import process from "node:process";
import { WebSocketServer } from "@sluice/websocket/ws";
import { Server } from "npm:engine.io@6";
import { Socket } from "npm:engine.io-client@6";

const http = createServer();
const server = new Server({ wsEngine: WebSocketServer, maxHttpBufferSize: 16 * 1024 });
server.attach(http);
server.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
http.listen(Number(process.argv[2] ?? 8080), "127.0.0.1", async () => {
  const url = `ws://127.0.0.1:${http.address().port}`;
  console.log(`engine.io on ${url}`);
  if (process.argv[3] === "talk") await talk(url);
});

async function talk(url) {
  const socket = new Socket(url, { transports: ["websocket"] });
  socket.binaryType = "arraybuffer";
  await new Promise((done) => socket.once("open", done));
  for (const message of ["It rains", Uint8Array.of(1, 2, 3)]) {
    const echo = new Promise((done) => socket.once("message", done));
    socket.send(message);
    const data = await echo;
    console.log(typeof data === "string" ? data : `${new Uint8Array(data)}`);
  }
  process.exit();
}
