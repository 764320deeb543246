// deno-lint-ignore-file no-console -- an example prints
// Shared documents: the server of y-websocket on the WebSocketServer of `./ws`. Each path is a document, which stays in
// memory until the server ends. client.js edits one.
//
//   deno run --allow-net --allow-env examples/yjs/server.js [port]

import { WebSocketServer } from "@sluice/websocket/ws";
import { setupWSConnection } from "npm:y-websocket@2/bin/utils";

const server = new WebSocketServer({
  port: Number(Deno.args[0] ?? 8080),
  host: "127.0.0.1",
  maxPayload: 1024 * 1024,
});
server.on("connection", (socket, request) => setupWSConnection(socket, request));
server.on("listening", () => console.log(`Documents on ws://127.0.0.1:${server.address().port}`));
