// deno-lint-ignore-file no-console -- an example prints
// Rooms to talk in, with Socket.IO on the WebSocketServer of `./ws`. The page uses Socket.IO's own client; client.js is the same
// as a program.
//
//   deno run --allow-net --allow-env --allow-read examples/socket_io/server.js [port]

import { createServer } from "node:http";
import { WebSocketServer } from "@sluice/websocket/ws";
import { Server } from "npm:socket.io@4";
import page from "./page.html" with { type: "text" };

const http = createServer((_, response) => response.setHeader("Content-Type", "text/html").end(page));
// Socket.IO answers all requests below /socket.io/. The page gets the client from there too.
const io = new Server(http, { wsEngine: WebSocketServer, maxHttpBufferSize: 4 * 1024 });

io.on("connection", (socket) => {
  socket.on("join", async (room, answer) => {
    if (typeof room !== "string" || typeof answer !== "function") return void socket.disconnect(true);
    await socket.join(room);
    answer({ here: io.sockets.adapter.rooms.get(room)?.size ?? 0 });
  });
  socket.on("say", (room, text) => {
    if (socket.rooms.has(room) && typeof text === "string") io.to(room).emit("said", text);
  });
});

http.listen(Number(Deno.args[0] ?? 8080), "127.0.0.1", () => {
  console.log(`Open http://127.0.0.1:${http.address().port}/`);
});
