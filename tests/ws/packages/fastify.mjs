// deno-lint-ignore-file no-console -- the test reads it
// @fastify/websocket, which imports `ws` itself: here that is ours.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { WebSocket } from "@sluice/websocket/ws";

const require = createRequire(import.meta.url);
const websocket = require("@fastify/websocket");
const fastify = require("fastify");

const app = fastify();
await app.register(websocket, { options: { maxPayload: 1_000 } });
app.get("/hello", () => "hello");
app.get("/echo", { websocket: true }, (socket) => {
  assert(socket instanceof WebSocket);
  socket.on("message", (data, binary) => socket.send(data, { binary }));
});
const url = await app.listen({ host: "127.0.0.1", port: 0 });
assert.equal(await (await fetch(`${url}/hello`)).text(), "hello");
const socket = new WebSocket(`${url}/echo`);
await once(socket, "open");
socket.send("hello");
assert.equal(String((await once(socket, "message"))[0]), "hello");
socket.close();
await once(socket, "close");
await app.close();
console.log("ok");
process.exit();
