// deno-lint-ignore-file no-console -- an example prints
// An MQTT broker: aedes on the WebSocketServer of `./ws`, with a stream for each socket. With `talk` two clients of MQTT.js exchange
// a message, and end.
//
//   deno run --allow-net --allow-env examples/packages/mqtt.js [port] [talk]

import { once } from "node:events";
import process from "node:process";
import { createWebSocketStream, WebSocketServer } from "@sluice/websocket/ws";
import aedes from "npm:aedes@0.51";
import mqtt from "npm:mqtt@5";

const broker = aedes();
const server = new WebSocketServer({
  port: Number(process.argv[2] ?? 8080),
  host: "127.0.0.1",
  handleProtocols: () => "mqtt",
  maxPayload: 64 * 1024,
});
server.on("connection", (socket, request) => broker.handle(createWebSocketStream(socket), request));
server.once("listening", async () => {
  const url = `ws://127.0.0.1:${server.address().port}`;
  console.log(`MQTT on ${url}`);
  if (process.argv[3] === "talk") await talk(url);
});

async function talk(url) {
  const [reader, writer] = await Promise.all([mqtt.connectAsync(url), mqtt.connectAsync(url)]);
  await reader.subscribeAsync("news/#", { qos: 1 });
  const heard = once(reader, "message");
  await writer.publishAsync("news/weather", "It rains", { qos: 1 });
  const [topic, payload] = await heard;
  console.log(`${topic}: ${payload}`);
  await Promise.all([reader.endAsync(), writer.endAsync()]);
  process.exit();
}
