// deno-lint-ignore-file no-console -- the test reads it
// Hocuspocus: its server on our sockets, and two of its providers with our WebSocket.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { WebSocket, WebSocketServer } from "@sluice/websocket/ws";

const require = createRequire(import.meta.url);
const { HocuspocusProvider, HocuspocusProviderWebsocket } = require("@hocuspocus/provider");
const { Hocuspocus } = require("@hocuspocus/server");

const hocuspocus = new Hocuspocus({ quiet: true });
const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
wss.on("connection", (socket, request) => hocuspocus.handleConnection(socket, request));
await once(wss, "listening");

const url = `ws://127.0.0.1:${wss.address().port}`;
const sockets = [0, 1].map(() => new HocuspocusProviderWebsocket({ url, WebSocketPolyfill: WebSocket }));
const providers = sockets.map((websocketProvider) => new HocuspocusProvider({ websocketProvider, name: "page" }));
for (const provider of providers) provider.attach?.();
await Promise.all(providers.map((provider) => provider.synced || new Promise((done) => provider.on("synced", done))));
const [ann, bob] = providers.map(({ document }) => document.getText("shared"));
const arrived = new Promise((done) => bob.observe(() => String(bob) === "hello" && done()));
ann.insert(0, "hello");
await arrived;
for (const provider of providers) provider.destroy();
for (const socket of sockets) socket.destroy();
assert.equal(String(ann), "hello");
console.log("ok");
process.exit();
