// deno-lint-ignore-file no-console -- an example prints
// express-ws, which imports `ws` itself. In your project, first put the package of docs/how-to/ws.md ("Inside npm packages") in the
// place of `ws`. With `talk` a client sends a text, and ends.
//
//   npm install express@5 express-ws@5
//   node express.js [port] [talk]     or     deno run -A express.js [port] [talk]

import { once } from "node:events";
import process from "node:process";
import { WebSocket } from "@sluice/websocket/ws";
import express from "express";
import expressWs from "express-ws";
import "ws"; // Deno finds the package in the place of `ws` by this line

const app = express();
expressWs(app, undefined, { wsOptions: { maxPayload: 16 * 1024 } });
app.get("/hello", (_, response) => response.send("hello"));
app.ws("/echo", (socket) => {
  console.log(socket instanceof WebSocket ? "a socket of Sluice" : "a socket of npm's ws");
  socket.on("message", (data) => socket.send(data));
});
const server = app.listen(Number(process.argv[2] ?? 8080), "127.0.0.1", async () => {
  const { port } = server.address();
  console.log(`Express on http://127.0.0.1:${port}`);
  if (process.argv[3] === "talk") await talk(`127.0.0.1:${port}`);
});

async function talk(host) {
  console.log(await (await fetch(`http://${host}/hello`)).text());
  const socket = new WebSocket(`ws://${host}/echo`);
  await once(socket, "open");
  socket.send("It rains");
  console.log(String((await once(socket, "message"))[0]));
  socket.close();
  process.exit();
}
