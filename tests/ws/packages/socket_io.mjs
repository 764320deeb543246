// deno-lint-ignore-file no-console -- the test reads it
// Socket.IO on our WebSocketServer, with its own client: polling, the upgrade, rooms, binary data, answers.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { WebSocketServer } from "@sluice/websocket/ws";

const require = createRequire(import.meta.url);
const { Server } = require("socket.io");
const { io } = require("socket.io-client");

const http = createServer();
const server = new Server(http, { wsEngine: WebSocketServer });
// engine.io sends the frame of a broadcast, which is encoded once, through `_sender`.
const frames = [];
server.engine.on("connection", ({ transport: { socket } }) => {
  const sender = socket?._sender;
  if (sender === undefined) return;
  const { sendFrame } = sender;
  sender.sendFrame = function (list, callback) {
    frames.push(list);
    return sendFrame.call(this, list, callback);
  };
});
server.on("connection", (socket) => {
  socket.on("join", async (room, done) => {
    await socket.join(room);
    done(`joined ${room}`);
  });
  socket.on("bytes", (bytes, done) => done(Buffer.concat([bytes, bytes])));
  socket.on("say", (room, text) => server.to(room).emit("said", text));
});
await once(http.listen(0, "127.0.0.1"), "listening");
const url = `http://127.0.0.1:${http.address().port}`;

const [ann, bob, eve] = [io(url), io(url), io(url, { transports: ["websocket"] })];
await Promise.all([ann, bob, eve].map((socket) => new Promise((done) => socket.on("connect", done))));
// The first transport is polling, which is upgraded to a WebSocket.
for (const { io: { engine } } of [ann, bob]) {
  if (engine.transport.name !== "websocket") await new Promise((done) => engine.once("upgrade", done));
}
assert.deepEqual([ann, bob, eve].map(({ io }) => io.engine.transport.name), ["websocket", "websocket", "websocket"]);

assert.equal(await ann.emitWithAck("join", "news"), "joined news");
assert.equal(await bob.emitWithAck("join", "news"), "joined news");
assert.deepEqual(Buffer.from(await eve.emitWithAck("bytes", Buffer.of(1, 2))), Buffer.of(1, 2, 1, 2));
const heard = Promise.all([ann, bob].map((socket) => new Promise((done) => socket.on("said", done))));
eve.on("said", () => assert.fail("eve is not in the room"));
eve.emit("say", "news", "hello");
assert.deepEqual(await heard, ["hello", "hello"]);

// A broadcast to clients that are on a WebSocket from the start.
const others = [io(url, { transports: ["websocket"] }), io(url, { transports: ["websocket"] })];
await Promise.all(others.map((socket) => new Promise((done) => socket.on("connect", done))));
const [one, two] = others.map((socket) => new Promise((done) => socket.on("all", (...values) => done(values))));
frames.length = 0;
server.emit("all", "größer", 1);
assert.deepEqual([await one, await two], [["größer", 1], ["größer", 1]]);
assert.deepEqual([frames.length, new Set(frames).size], [3, 1]);

for (const socket of [ann, bob, eve, ...others]) socket.close();
await server.close();
console.log("ok");
process.exit();
