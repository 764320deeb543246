// deno-lint-ignore-file no-console -- the test reads it
// crossws' adapter for Node on our WebSocketServer: it reads the address and the event `drain` of `_socket`.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { WebSocket, WebSocketServer } from "@sluice/websocket/ws";

const name = "crossws/adapters/node"; // in a constant, because the project that imports it is made by the test
const { default: crossws } = await import(name);

let drained;
let closed;
const drain = new Promise((resolve) => drained = resolve);
const close = new Promise((resolve) => closed = resolve);
const adapter = crossws({
  wss: new WebSocketServer({ noServer: true }),
  hooks: {
    message(peer, message) {
      if (message.text() === "much") peer.send(new Uint8Array(4 * 1024 * 1024));
      else peer.send(`${peer.remoteAddress}: ${message.text()}`);
    },
    drain: () => drained(),
    close: (_, { code }) => closed(code),
  },
});
const http = createServer();
http.on("upgrade", adapter.handleUpgrade);
await once(http.listen(0, "127.0.0.1"), "listening");

const socket = new WebSocket(`ws://127.0.0.1:${http.address().port}`);
await once(socket, "open");
socket.send("hello");
assert.equal(String((await once(socket, "message"))[0]), "127.0.0.1: hello");
socket.send("much");
assert.equal((await once(socket, "message"))[0].length, 4 * 1024 * 1024);
await drain;
socket.close(4000);
assert.equal(await close, 4000);
console.log("ok");
process.exit();
