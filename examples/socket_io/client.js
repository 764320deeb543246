// deno-lint-ignore-file no-console -- an example prints
// A client to server.js: it joins the room of the page, says what it is given, and prints what is said until it is stopped.
//
//   deno run --allow-net --allow-env examples/socket_io/client.js http://127.0.0.1:8080 [text]

import { io } from "npm:socket.io-client@4";

const [url, text] = Deno.args;
const socket = io(url);

// It also comes here after a lost connection, and joins again.
socket.on("connect", async () => {
  const { here } = await socket.emitWithAck("join", "lobby");
  console.log(`${here} in the room`);
});
socket.once("connect", () => text !== undefined && socket.emit("say", "lobby", text));
socket.on("said", (text) => console.log(text));
socket.on("connect_error", (error) => console.error(error.message));
// A connection of Socket.IO begins as HTTP requests, and becomes a WebSocket.
socket.io.engine.on("upgrade", ({ name }) => console.log(`connected by ${name}`));
