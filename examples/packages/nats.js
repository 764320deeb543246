// deno-lint-ignore-file no-console -- an example prints
// NATS over a WebSocket: two clients of a nats-server exchange a message, and end. NATS takes the global class, and here that is
// the one of `./ws`, with its proxies and TLS options. The configuration of the server has `websocket { port: 8080, no_tls: true }`.
//
//   deno run --allow-net --allow-env examples/packages/nats.js ws://127.0.0.1:8080

import process from "node:process";
import { WebSocket } from "@sluice/websocket/ws";
import { wsconnect } from "npm:@nats-io/nats-core@3";

globalThis.WebSocket = WebSocket;
const servers = process.argv[2];
const [reader, writer] = await Promise.all([wsconnect({ servers }), wsconnect({ servers })]);
const subscription = reader.subscribe("news.*", { max: 1 });
await reader.flush(); // the server has the subscription
writer.publish("news.weather", "It rains");
for await (const message of subscription) console.log(`${message.subject}: ${message.string()}`);
await Promise.all([reader.drain(), writer.drain()]);
process.exit();
