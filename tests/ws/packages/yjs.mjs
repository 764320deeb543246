// deno-lint-ignore-file no-console -- the test reads it
// y-websocket: its server on our sockets, and two of its providers with our WebSocket.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { WebSocket, WebSocketServer } from "@sluice/websocket/ws";

const require = createRequire(import.meta.url);
const { WebsocketProvider } = require("y-websocket");
const Y = require("yjs");

const { setupWSConnection } = require("y-websocket/bin/utils");
const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
wss.on("connection", (socket, request) => setupWSConnection(socket, request));
await once(wss, "listening");
const url = `ws://127.0.0.1:${wss.address().port}`;

const [ann, bob] = [new Y.Doc(), new Y.Doc()];
const options = { WebSocketPolyfill: WebSocket, disableBc: true };
const providers = [ann, bob].map((doc) => new WebsocketProvider(url, "room", doc, options));
await Promise.all(providers.map((provider) => provider.synced || new Promise((done) => provider.once("sync", done))));
const text = bob.getText("shared");
const arrived = new Promise((done) => text.observe(() => String(text) === "hello world" && done()));
ann.getText("shared").insert(0, "world");
ann.getText("shared").insert(0, "hello ");
await arrived;
providers[0].awareness.setLocalStateField("name", "Ann");
await new Promise((done) => {
  const look = () => [...providers[1].awareness.getStates().values()].some(({ name }) => name === "Ann") && done();
  providers[1].awareness.on("change", look);
  look();
});
for (const provider of providers) provider.destroy();
await new Promise((done) => wss.close(done));
assert.equal(String(ann.getText("shared")), "hello world");
console.log("ok");
process.exit();
