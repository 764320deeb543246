// deno-lint-ignore-file no-console -- an example prints
// One port for HTTP/2 and HTTP/1.1. A WebSocket of a page that was loaded over HTTP/2 is a further stream of the same connection
// (RFC 8441), and other clients upgrade from HTTP/1.1. With `talk`, a client opens two sockets over one connection.
//
//   deno run --allow-net --allow-read examples/http2.ts 8443 cert.pem key.pem [talk]

import { createSecureServer } from "node:http2";
import type { WebSocketHandler } from "@sluice/websocket";
import { connectHttp2, serveHttp2 } from "@sluice/websocket/http2";
import { serveNode } from "@sluice/websocket/node";

const [port = "8443", certPath = "cert.pem", keyPath = "key.pem", talk] = Deno.args;
const [cert, key] = await Promise.all([Deno.readTextFile(certPath), Deno.readTextFile(keyPath)]);

const echo: WebSocketHandler = async (socket) => {
  for await (const message of socket) await socket.send(message);
};

const server = createSecureServer({ cert, key, allowHTTP1: true }, (_, response) => {
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  response.end(`<!doctype html><script>
    const socket = new WebSocket(location.href.replace("http", "ws"));
    socket.onopen = () => socket.send("hello over HTTP/2");
    socket.onmessage = ({ data }) => document.body.append(data);
  </script><body>`);
});
serveHttp2(server, {}, echo);
serveNode(server, {}, echo);
await new Promise<void>((listening) => server.listen(Number(port), "127.0.0.1", listening));
const address = server.address();
const url = `https://localhost:${typeof address === "object" ? address?.port : port}`;
console.log(`Echoing on ${url}`);

if (talk !== undefined) {
  const session = await connectHttp2(url, { caCerts: [cert] });
  const sockets = await Promise.all(["/news", "/chat"].map((path) => session.connect(path)));
  for (const socket of sockets) {
    await socket.send(`hello ${new URL(socket.url).pathname}`);
    for await (const message of socket) {
      console.log(`Got ${message}`);
      break;
    }
  }
  console.log(`${session.connections.size} sockets over one connection`);
  await session.close();
}
