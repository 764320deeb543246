/**
 * A server that accepts TCP and never answers the TLS handshake: no client leaves a connection there.
 *
 * @module
 */
import { connect } from "../../lib/client/connect.ts";
import type { ConnectOptions } from "../../lib/client/client_options.ts";
import { reconnecting } from "../../lib/client/reconnecting.ts";
import { WebSocketStream } from "../../lib/client/websocket_stream.ts";
import { WebSocket } from "../../lib/client/websocket.ts";
import { cert } from "../_support/tls.ts";
import { soon, until } from "../_support/wait.ts";
import { answeredBy, connectProxy, listen } from "../client/_support.ts";

/** Reads what comes, and says nothing. */
function silent() {
  let began = 0;
  const server = answeredBy(listen(), async (peer) => {
    const buffer = new Uint8Array(4096);
    for (let first = true; await peer.conn.read(buffer) !== null; first = false) if (first) began++;
  });
  return { ...server, began: (count: number) => until(() => began >= count, `ClientHello ${count}`) };
}

/** Begins an attempt, and gives what ends it. */
const ATTEMPTS: Record<
  string,
  (url: string, options: Pick<ConnectOptions, "caCerts" | "proxy">) => () => Promise<unknown>
> = {
  "connect with a handshakeTimeout"(url, options) {
    const failed = connect(url, { ...options, handshakeTimeout: 200 }).catch(() => {});
    return () => failed;
  },
  "connect with a signal"(url, options) {
    const controller = new AbortController();
    const failed = connect(url, { ...options, signal: controller.signal }).catch(() => {});
    return () => (controller.abort(), failed);
  },
  "WebSocket.close"(url, options) {
    const socket = new WebSocket(url, options);
    const closed = new Promise((resolve) => socket.onclose = resolve);
    return () => (socket.close(), closed);
  },
  "WebSocketStream.close"(url, options) {
    const stream = new WebSocketStream(url, options);
    const ends = Promise.allSettled([stream.opened, stream.closed]);
    return () => (stream.close(), ends);
  },
};

for (const [what, begin] of Object.entries(ATTEMPTS)) {
  for (const way of ["directly", "through an http proxy", "through an https proxy"]) {
    Deno.test(`a server that is silent in the TLS handshake leaves no connection of ${what} open, ${way}`, async () => {
      await using server = silent();
      await using proxy = connectProxy({ secure: way.includes("https") });
      const options = { caCerts: [cert], ...(way !== "directly" && { proxy: proxy.url }) };
      const end = begin(`wss://127.0.0.1:${server.port}/`, options);
      await server.began(1);
      await soon(end(), "The end of the attempt");
      await server.deserted();
      await proxy.deserted();
    });
  }
}

Deno.test("a server that is silent in the TLS handshake leaves no connection of reconnecting open, nor of its close", async () => {
  await using server = silent();
  const connection = reconnecting(`wss://127.0.0.1:${server.port}/`, {
    handshakeTimeout: 50,
    delay: { first: 1, most: 1 },
  });
  await server.began(4);
  await soon(connection.close(), "The end");
  await server.deserted();
});

Deno.test("a server that is silent in the TLS handshake leaves no connection open that a redirect made", async () => {
  await using server = silent();
  await using first = answeredBy(listen(), async (peer) => {
    await peer.readHead();
    const head =
      `HTTP/1.1 307 Temporary Redirect\r\nLocation: wss://127.0.0.1:${server.port}/\r\nContent-Length: 0\r\n\r\n`;
    await peer.send(new TextEncoder().encode(head));
    await peer.readToEnd();
  });
  const url = `ws://127.0.0.1:${first.port}/`;
  const failed = connect(url, { maxRedirects: 1, handshakeTimeout: 300 }).catch(() => {});
  await server.began(1);
  await soon(failed, "The end of the attempt");
  await server.deserted();
});
