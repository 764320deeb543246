// deno-lint-ignore-file no-console -- an example prints
// Publish and subscribe: a client of ws://127.0.0.1:8080/some/room gets the last twenty messages of that room, and then the
// messages of the other clients. The console shows the open rooms.
//
//   deno run --allow-net examples/topics.ts [port]

import { serve, type UpgradeRequest, type WebSocketConnection } from "@sluice/websocket";
import { createHub } from "@sluice/websocket/hub";

const hub = createHub({
  history: { messages: 20 },
  slowPolicy: "drop-oldest",
  onTopic: (topic, active) => console.log(`${topic} ${active ? "opens" : "is empty"}`),
  onDropped(socket, messages) {
    if (socket.readyState === 1) socket.send(`(you missed ${messages} messages)`);
  },
});

serve({ port: Number(Deno.args[0] ?? 8080), hostname: "127.0.0.1", hub, upgrade, onListen }, {
  open(socket) {
    socket.subscribe(roomOf(socket), { history: 20 });
    hub.publish(roomOf(socket), `(${hub.count(roomOf(socket))} here)`);
  },
  message: (socket, data) => void socket.publish(roomOf(socket), data),
});

function upgrade({ url }: UpgradeRequest): Response | undefined {
  return new URL(url).pathname === "/" ? new Response("Which room?\n", { status: 404 }) : undefined;
}

function roomOf(socket: WebSocketConnection): string {
  return new URL(socket.url).pathname;
}

function onListen(addr: Deno.Addr): void {
  if ("port" in addr) console.log(`Rooms on ws://127.0.0.1:${addr.port}`);
}
