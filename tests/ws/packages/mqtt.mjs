// deno-lint-ignore-file no-console -- the test reads it
// MQTT.js and aedes: the broker on streams of our sockets, the client as it is.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createWebSocketStream, WebSocketServer } from "@sluice/websocket/ws";

const require = createRequire(import.meta.url);
const mqtt = require("mqtt");

const broker = require("aedes")();
const wss = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "mqtt" });
wss.on("connection", (socket, request) => broker.handle(createWebSocketStream(socket), request));
await once(wss, "listening");

const url = `ws://127.0.0.1:${wss.address().port}`;
const [reader, writer] = await Promise.all([mqtt.connectAsync(url), mqtt.connectAsync(url)]);
await reader.subscribeAsync("news/#", { qos: 1 });
const heard = once(reader, "message");
await writer.publishAsync("news/weather", "It rains", { qos: 1 });
const [topic, payload] = await heard;
assert.deepEqual([topic, String(payload)], ["news/weather", "It rains"]);
await Promise.all([reader.endAsync(), writer.endAsync()]);
await new Promise((done) => broker.close(done));
await new Promise((done) => wss.close(done));
console.log("ok");
process.exit();
