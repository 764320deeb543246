// deno-lint-ignore-file no-console -- the test reads it
// The classes of `./ws` on a port and on a node:http server, with our client and with a stream.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import ws, { createWebSocketStream, WebSocket, WebSocketServer } from "@sluice/websocket/ws";

assert.equal(ws.Server, WebSocketServer);
const http = createServer();
for (const options of [{ port: 0, host: "127.0.0.1" }, { server: http }]) {
  const server = new WebSocketServer(options);
  server.on("connection", (socket, request) => {
    socket.on("message", (data, isBinary) => socket.send(`${request.url} ${isBinary} ${data}`));
  });
  if (options.server) http.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `ws://127.0.0.1:${server.address().port}/chat`;

  const socket = new WebSocket(url);
  await once(socket, "open");
  socket.send(Buffer.from("hello"));
  assert.equal(String((await once(socket, "message"))[0]), "/chat true hello");
  socket.ping("are you there");
  assert.equal(String((await once(socket, "pong"))[0]), "are you there");
  socket.close(4000, "enough");
  const [code, reason] = await once(socket, "close");
  assert.deepEqual([code, String(reason)], [4000, ""]);

  const stream = createWebSocketStream(new WebSocket(url), { encoding: "utf8" });
  stream.write("streamed");
  assert.deepEqual(await once(stream, "data"), ["/chat true streamed"]);
  stream.end();
  await once(stream, "close");
  await new Promise((closed) => server.close(closed));
}
http.close();
console.log("ok");
