// deno-lint-ignore-file no-console -- the test reads it
// NATS over WebSocket: its client with our WebSocket, against the server whose URL is the argument.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { WebSocket } from "@sluice/websocket/ws";

const require = createRequire(import.meta.url);
const { wsconnect } = require("@nats-io/nats-core");

// It takes the global class.
globalThis.WebSocket = WebSocket;
const [reader, writer] = [await wsconnect({ servers: process.argv[2] }), await wsconnect({ servers: process.argv[2] })];
const subscription = reader.subscribe("news.*", { max: 1 });
await reader.flush();
writer.publish("news.weather", "It rains");
for await (const message of subscription) {
  assert.deepEqual([message.subject, message.string()], ["news.weather", "It rains"]);
}
await Promise.all([reader.drain(), writer.drain()]);
console.log("ok");
process.exit();
