/**
 * A server of `npm:ws` as a process of its own: `ws_server.ts [PORT]` prints `Listening on PORT` and runs until it is killed. What it
 * does is in the path: `/echo`; `/about` tells what it was asked for; `/say?hex=…` sends a binary message, `/say?text=…` a text,
 * and `/close?code=…&reason=…` closes; `/drop` does so without a close frame; `/refuse` answers 403.
 *
 * @module
 */
// @ts-types="./ws.d.ts"
import { WebSocketServer } from "npm:ws@^8.18.0";
import { decodeHex } from "@std/encoding/hex";

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(Deno.args[0] ?? 0),
  handleProtocols: (protocols) => [...protocols].at(-1) ?? false,
  verifyClient: ({ req }, answer) =>
    req.url === "/refuse"
      ? answer(false, 403, "Not you,\n\x1b[31mnot now", { "Content-Type": "text/plain" })
      : answer(true, 0, "", {}),
});

server.on("connection", (socket, request) => {
  const { pathname, searchParams } = new URL(request.url ?? "", "ws://localhost");
  if (pathname === "/echo") {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  } else if (pathname === "/about") {
    const { extensions, protocol } = socket;
    socket.send(JSON.stringify({ protocol, extensions, headers: request.headers }));
  } else if (pathname === "/say") {
    const hex = searchParams.get("hex");
    socket.send(hex === null ? searchParams.get("text") ?? "" : decodeHex(hex));
  } else if (pathname === "/close") {
    const code = searchParams.get("code");
    socket.close(code === null ? undefined : Number(code), searchParams.get("reason") ?? "");
  } else if (pathname === "/drop") {
    socket.terminate();
  }
});

// deno-lint-ignore no-console -- the program that starts it reads it
server.on("listening", () => console.log(`Listening on ${server.address().port}`));
