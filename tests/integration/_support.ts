/**
 * What the tests with foreign peers share: echo servers, ways to close, and where they listen.
 *
 * @module
 */
import { assert } from "@std/assert";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { serve } from "../../lib/server/serve.ts";
import type { ServeOptions } from "../../lib/server/server_options.ts";
import { within } from "../_support/deadline.ts";
import { utf8 } from "../_support/frames.ts";

/** The same application written in the two ways that a handler has. */
export const ECHO: Readonly<Record<"a function" | "callbacks", WebSocketHandler>> = {
  "a function": async (socket) => {
    for await (const message of socket) await socket.send(message);
  },
  callbacks: { message: (socket, data) => socket.send(data) },
};

/** Close codes of each range that both ends may send, the longest reason, and none at all. */
export const CLOSES: readonly { code?: number; reason?: string }[] = [
  {},
  { code: 1000 },
  { code: 1000, reason: "done" },
  { code: 3000, reason: "größer" },
  { code: 4999, reason: "é".repeat(61) + "x" },
];

/** Where a server on the loopback interface listens. */
export const LOOPBACK = { hostname: "127.0.0.1", port: 0 } as const;

/** The URL of a server. */
export function urlOf(addr: Deno.Addr, scheme = "ws"): string {
  assert("port" in addr && "hostname" in addr);
  return `${scheme}://${addr.hostname}:${addr.port}/`;
}

/** A server of ours that gives its end of a connection together with theirs. */
export interface PairingServer<Theirs, Args extends unknown[]> extends AsyncDisposable {
  readonly url: string;
  /** Lets a client open a connection; gives both ends. */
  pair(...args: Args): Promise<[ours: WebSocketConnection, theirs: Theirs]>;
}

/** Starts one, to which `open` connects. The handler holds each connection until it ends. */
export function pairingServer<Theirs, Args extends unknown[]>(
  open: (url: string, ...args: Args) => Promise<Theirs>,
  options: ServeOptions = {},
): PairingServer<Theirs, Args> {
  let opened = Promise.withResolvers<WebSocketConnection>();
  const server = serve({ ...LOOPBACK, ...options }, async (socket) => {
    opened.resolve(socket);
    await socket.closed;
  });
  const url = urlOf(server.addr);
  return {
    url,
    async pair(...args) {
      opened = Promise.withResolvers();
      const theirs = await open(url, ...args);
      return [await within(opened.promise), theirs];
    },
    [Symbol.asyncDispose]: () => within(server.shutdown(), 10_000, "The end of our server"),
  };
}

/** Opens a WebSocket over a bare TCP connection (RFC 6455 §4.1), which then does only what the test does with it. */
export async function openBare(addr: Deno.Addr): Promise<Deno.TcpConn> {
  const { hostname, port } = new URL(urlOf(addr));
  const conn = await Deno.connect({ hostname, port: Number(port) });
  await conn.write(utf8([
    "GET / HTTP/1.1",
    `Host: ${hostname}:${port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "\r\n",
  ].join("\r\n")));
  // A byte at a time, so that no frame is read along.
  const byte = new Uint8Array(1);
  let head = "";
  while (!head.endsWith("\r\n\r\n")) {
    assert(await conn.read(byte) !== null, `The connection ended after ${JSON.stringify(head)}`);
    head += String.fromCharCode(byte[0]!);
  }
  assert(head.startsWith("HTTP/1.1 101 "), head);
  return conn;
}
