// deno-lint-ignore-file no-console -- the test reads it
// Clients that are given a class: partysocket, reconnecting-websocket, STOMP. Each loses its connection once.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { WebSocket, WebSocketServer } from "@sluice/websocket/ws";

const require = createRequire(import.meta.url);
const { Client } = require("@stomp/stompjs");
const { default: PartySocket } = require("partysocket/ws");

const ReconnectingWebSocket = require("reconnecting-websocket");

const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
let cut = 0;
wss.on("connection", (socket, { url }) => {
  if (url === "/stomp") return stomp(socket);
  socket.on("message", (data, binary) => String(data) === "cut" ? socket.terminate() : socket.send(data, { binary }));
});
await once(wss, "listening");
const url = `ws://127.0.0.1:${wss.address().port}`;

for (const Class of [PartySocket, ReconnectingWebSocket]) {
  const socket = new Class(url, [], { WebSocket, minReconnectionDelay: 1, maxReconnectionDelay: 10, minUptime: 0 });
  const opened = () => new Promise((done) => socket.addEventListener("open", done, { once: true }));
  await opened();
  const again = opened();
  socket.send("cut");
  await again;
  const echo = new Promise((done) => socket.addEventListener("message", done, { once: true }));
  socket.send("hello");
  assert.equal((await echo).data, "hello");
  socket.close();
}

/** A broker of one topic. */
function stomp(socket) {
  socket.on("message", (data) => {
    const [head, body = ""] = String(data).split("\n\n");
    const [command, ...lines] = head.split("\n");
    const fields = Object.fromEntries(lines.map((line) => line.split(":")));
    if (command === "CONNECT") socket.send("CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0");
    if (command === "DISCONNECT") socket.send(`RECEIPT\nreceipt-id:${fields.receipt}\n\n\0`);
    if (command === "SEND" && body === "cut\0" && cut++ === 0) socket.terminate();
    else if (command === "SEND") {
      socket.send(`MESSAGE\nsubscription:sub-0\nmessage-id:1\ndestination:${fields.destination}\n\n${body}`);
    }
  });
}
const client = new Client({
  webSocketFactory: () => new WebSocket(`${url}/stomp`),
  reconnectDelay: 1,
  heartbeatOutgoing: 0,
});
const connected = () => new Promise((done) => client.onConnect = done);
let now = connected();
client.activate();
await now;
now = connected();
client.publish({ destination: "/news", body: "cut" });
await now;
const body = await new Promise((done) => {
  client.subscribe("/news", (message) => done(message.body), { id: "sub-0" });
  client.publish({ destination: "/news", body: "It rains" });
});
assert.equal(body, "It rains");
await client.deactivate();
await new Promise((done) => wss.close(done));
console.log("ok");
process.exit();
