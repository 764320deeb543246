// deno-lint-ignore-file no-console -- an example prints
// STOMP: the client of @stomp/stompjs with the WebSocket of `./ws`, which has proxies and TLS options. It subscribes to a topic,
// publishes a message, and ends. Without a URL the program starts a broker of its own, which has one topic and no more than the
// example needs.
//
//   deno run --allow-net --allow-env examples/packages/stomp.js [ws://127.0.0.1:15674/ws]

import { once } from "node:events";
import process from "node:process";
import { WebSocket, WebSocketServer } from "@sluice/websocket/ws";
import { Client } from "npm:@stomp/stompjs@7";

const url = process.argv[2] ?? await startBroker();
const client = new Client({ webSocketFactory: () => new WebSocket(url, ["v12.stomp"]), reconnectDelay: 1000 });
client.onStompError = (frame) => console.error(frame.headers.message);
client.onConnect = () => {
  client.subscribe("/topic/news", async ({ headers, body }) => {
    console.log(`${headers.destination}: ${body}`);
    await client.deactivate();
    process.exit();
  });
  client.publish({ destination: "/topic/news", body: "It rains" });
};
client.activate();

async function startBroker() {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", maxPayload: 16 * 1024 });
  server.on("connection", (socket) => {
    let id;
    socket.on("message", (data) => {
      const [head, body] = String(data).split("\n\n");
      const [command, ...lines] = head.split("\n");
      const fields = Object.fromEntries(lines.map((line) => line.split(":")));
      if (command === "CONNECT") socket.send("CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0");
      if (command === "SUBSCRIBE") id = fields.id;
      if (command === "DISCONNECT") socket.send(`RECEIPT\nreceipt-id:${fields.receipt}\n\n\0`);
      if (command !== "SEND") return;
      socket.send(`MESSAGE\nsubscription:${id}\nmessage-id:1\ndestination:${fields.destination}\n\n${body}`);
    });
  });
  await once(server, "listening");
  return `ws://127.0.0.1:${server.address().port}`;
}
