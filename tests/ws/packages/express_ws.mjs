// deno-lint-ignore-file no-console -- the test reads it
// express-ws, which imports `ws` itself: here that is ours.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { WebSocket } from "@sluice/websocket/ws";

const require = createRequire(import.meta.url);
const express = require("express");
const expressWs = require("express-ws");

const app = express();
expressWs(app);
app.get("/hello", (_, response) => response.send("hello"));
app.ws("/echo", (socket) => {
  assert(socket instanceof WebSocket);
  socket.on("message", (data) => socket.send(String(data)));
});
const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address();
assert.equal(await (await fetch(`http://127.0.0.1:${port}/hello`)).text(), "hello");
const socket = new WebSocket(`ws://127.0.0.1:${port}/echo`);
await once(socket, "open");
socket.send("hello");
assert.equal(String((await once(socket, "message"))[0]), "hello");
socket.close();
await once(socket, "close");
console.log("ok");
process.exit();
