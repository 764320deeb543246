// deno-lint-ignore-file no-console -- an example prints
// @fastify/websocket, which imports `ws` itself. In your project, first put the package of docs/how-to/ws.md ("Inside npm packages")
// in the place of `ws`. With `talk` a client sends a text, and ends.
//
//   npm install fastify@5 @fastify/websocket@11
//   node fastify.js [port] [talk]     or     deno run -A fastify.js [port] [talk]

import { once } from "node:events";
import process from "node:process";
import websocket from "@fastify/websocket";
import { WebSocket } from "@sluice/websocket/ws";
import fastify from "fastify";
import "ws"; // Deno finds the package in the place of `ws` by this line

const app = fastify();
await app.register(websocket, { options: { maxPayload: 16 * 1024 } });
app.get("/hello", () => "hello");
app.get("/echo", { websocket: true }, (socket) => {
  console.log(socket instanceof WebSocket ? "a socket of Sluice" : "a socket of npm's ws");
  socket.on("message", (data, binary) => socket.send(data, { binary }));
});
const url = await app.listen({ host: "127.0.0.1", port: Number(process.argv[2] ?? 8080) });
console.log(`Fastify on ${url}`);
if (process.argv[3] === "talk") {
  console.log(await (await fetch(`${url}/hello`)).text());
  const socket = new WebSocket(`${url}/echo`);
  await once(socket, "open");
  socket.send("It rains");
  console.log(String((await once(socket, "message"))[0]));
  socket.close();
  await app.close();
  process.exit();
}
