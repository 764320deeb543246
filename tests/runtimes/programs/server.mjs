// deno-lint-ignore-file no-console -- the test reads it
// A `node:http` server with our WebSockets and a hub, until its standard input ends.
import { createServer } from "node:http";
import { createHub } from "@sluice/websocket/hub";
import { serveNode } from "@sluice/websocket/node";

const server = createServer((_, response) => response.end("an ordinary answer"));
const options = { takes: ({ url }) => url === "/echo", protocols: ["chat"], perMessageDeflate: true, hub: createHub() };
const upgrades = serveNode(server, options, {
  open: (socket) => void socket.subscribe("news"),
  message: (socket, data) => {
    socket.publish("news", data);
    return socket.send(data);
  },
});
server.listen(0, "127.0.0.1", () => console.log(`listening on ${server.address().port}`));

for await (const _ of process.stdin);
await upgrades.shutdown();
await new Promise((closed) => server.close(closed));
console.log(`${upgrades.connections.size} left`);
