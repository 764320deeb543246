import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { assertEquals, assertRejects } from "@std/assert";
import { connect, LimitError, reconnecting, serve, WebSocket, WebSocketStream } from "../../mod.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import { connectHttp2, serveHttp2 } from "../../lib/http2/mod.ts";
import { serveNode } from "../../lib/node/mod.ts";
import { connectedPair } from "../../lib/testing/mod.ts";
import { WebSocketServer } from "../../lib/ws/mod.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { HandshakeError } from "../../lib/errors.ts";
import { listenHttp2 } from "../http2/_support.ts";
import { ORIGIN_REFUSED, overlook } from "../_support/printed.ts";
import { soon } from "../_support/wait.ts";

overlook(ORIGIN_REFUSED);

/** Options as an application may have them: its own class, with getters, methods, and values that the class inherits. */
class Settings {
  readonly #allowed = "/allowed";
  get hostname() {
    return "127.0.0.1";
  }
  get port() {
    return 0;
  }
  get pingInterval() {
    return 0;
  }
  get maxMessageBytes() {
    return 5;
  }
  upgrade({ path }: { path: string }): void {
    if (path !== this.#allowed) throw new HandshakeError("Not here", { status: 403 });
  }
}
const LIMITS: { maxMessageBytes: number; pingInterval: number } = Object.create({
  maxMessageBytes: 5,
  pingInterval: 0,
});
const ECHO: WebSocketHandler = { message: (socket, data) => socket.send(data) };

/** Sends a message that is too large for the server, which closes with 1009. */
async function assertLimited(socket: WebSocketConnection): Promise<void> {
  await socket.send("larger");
  assertEquals((await soon(socket.closed, "The close")).closeCode, 1009);
}

Deno.test("serve uses options of a class: its getters, and its methods with their `this`", async () => {
  await using server = serve(new Settings(), ECHO);
  const refused = await assertRejects(() => connect(new URL("/other", server.url)), HandshakeError);
  assertEquals(refused.status, 403);
  await assertLimited(await connect(new URL("/allowed", server.url)));
});

Deno.test("serveNode, serveHttp2 and the server of ws use inherited options", async () => {
  const node = createServer();
  const upgrades = serveNode(node, LIMITS, ECHO);
  await new Promise<void>((listening) => node.listen(0, "127.0.0.1", listening));
  const address = node.address();
  await assertLimited(await connect(`ws://127.0.0.1:${typeof address === "object" ? address?.port : ""}`));
  await upgrades.shutdown();
  await new Promise((closed) => node.close(closed));

  const http2 = createHttp2Server();
  const streams = serveHttp2(http2, LIMITS, ECHO);
  const { port, [Symbol.asyncDispose]: stop } = await listenHttp2(http2);
  const session = await connectHttp2(`http://127.0.0.1:${port}`);
  await assertLimited(await session.connect("/"));
  await session.close();
  await streams.shutdown();
  await stop();

  const ws = new WebSocketServer(Object.assign(Object.create({ origins: [] }), { port: 0, host: "127.0.0.1" }));
  await new Promise<void>((listening) => ws.once("listening", listening));
  const where = ws.address();
  const url = `ws://127.0.0.1:${typeof where === "object" ? where?.port : ""}`;
  const headers = { Origin: "https://other.example" };
  assertEquals((await assertRejects(() => connect(url, { headers }), HandshakeError)).status, 403);
  await new Promise((closed) => ws.close(closed));
});

Deno.test("every client uses inherited options, and so does a pair in memory", async () => {
  await using server = serve({ hostname: "127.0.0.1", port: 0, pingInterval: 0 }, {
    open: (socket) => socket.send("larger"),
  });
  const messages = async (socket: AsyncIterable<unknown>) => {
    for await (const message of socket) return message;
  };
  await assertRejects(async () => messages(await connect(server.url, LIMITS)), LimitError);

  const again = reconnecting(server.url, Object.create({ maxMessageBytes: 5, maxAttempts: 1 }));
  await assertRejects(() => soon(messages(again), "The error"), LimitError);

  const stream = new WebSocketStream(server.url, LIMITS);
  stream.closed.catch(() => {});
  const { readable } = await stream.opened;
  await assertRejects(() => readable.getReader().read(), Error, "maxMessageBytes 5");

  const socket = new WebSocket(server.url, LIMITS);
  let received = 0;
  socket.onmessage = () => void received++;
  await soon(new Promise((resolve) => socket.onclose = resolve), "The close");
  assertEquals(received, 0);

  const pair = await connectedPair({ server: LIMITS, client: LIMITS });
  await pair.server.send("larger");
  await assertRejects(() => messages(pair.client), LimitError);
  await pair[Symbol.asyncDispose]();
});
