import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { upgradeRequest, type UpgradeRequestOptions } from "../../lib/server/deno_serve.ts";
import { soon } from "../_support/wait.ts";

/** `Deno.serve` with one kind of WebSocket; what is reported is noted. */
export function start<Data>(handler: WebSocketHandler<Data>, options: UpgradeRequestOptions<Data> = {}) {
  const reports: unknown[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request, { remoteAddr }) => {
    const defaults = { pingInterval: 0, remoteAddr, onError: (error: unknown) => void reports.push(error) };
    return upgradeRequest(request, { ...defaults, ...options }, handler);
  });
  return {
    port: server.addr.port,
    url: `ws://127.0.0.1:${server.addr.port}/chat?x=1`,
    reports,
    [Symbol.asyncDispose]: () => soon(server.shutdown(), "The end of Deno.serve"),
  };
}

/** A handler that gives the connection away and holds it. */
export function taking(): { handler: WebSocketHandler<unknown>; taken: Promise<WebSocketConnection> } {
  const { promise, resolve } = Promise.withResolvers<WebSocketConnection>();
  return {
    handler: async (socket) => {
      resolve(socket);
      await socket.closed;
    },
    taken: soon(promise, "The connection"),
  };
}
