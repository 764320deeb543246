/**
 * A replacement for npm's [`ws`](https://www.npmjs.com/package/ws) 8 on top of Sluice, with the same classes, events, options and
 * methods. `docs/reference/ws.md` lists the differences and the reasons.
 *
 * With `port` in Deno, the server listens itself. With `server` or `noServer`, it handles the upgrades of a `node:http` server,
 * in Deno and in Node.
 *
 * @example A server, as for `ws`
 * ```ts
 * import { WebSocket, WebSocketServer } from "@sluice/websocket/ws";
 * import { assert, assertEquals } from "@std/assert";
 * import { once } from "node:events";
 *
 * const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
 * server.on("connection", (socket) => {
 *   socket.on("message", (data) => {
 *     for (const client of server.clients ?? []) {
 *       if (client.readyState === WebSocket.OPEN) client.send(String(data));
 *     }
 *   });
 * });
 * await once(server, "listening");
 * const address = server.address();
 * assert(typeof address === "object" && address !== null);
 *
 * const socket = new WebSocket(`ws://127.0.0.1:${address.port}`);
 * socket.onopen = () => socket.send("hello");
 * const { data } = await new Promise<{ data: unknown }>((resolve) => socket.onmessage = resolve);
 * assertEquals(data, "hello");
 * socket.close();
 * await new Promise((closed) => server.close(closed));
 * ```
 *
 * @module
 */
import { createWebSocketStream } from "./duplex.ts";
import { type FrameEncoder, Sender } from "./frame_sender.ts";
import { WebSocket } from "./websocket.ts";
import { WebSocketServer } from "./websocket_server.ts";

/** `WebSocket` with the other exports as its properties, as in `ws`. */
const ws: typeof WebSocket & {
  /** The same class. */
  readonly WebSocket: typeof WebSocket;
  /** The server. */
  readonly WebSocketServer: typeof WebSocketServer;
  /** The server, under its older name. */
  readonly Server: typeof WebSocketServer;
  /** A socket as a stream. */
  readonly createWebSocketStream: typeof createWebSocketStream;
  /** Encodes frames for `_sender`. */
  readonly Sender: FrameEncoder;
} = Object.assign(WebSocket, { WebSocket, WebSocketServer, Server: WebSocketServer, createWebSocketStream, Sender });
export default ws;

export { createWebSocketStream, Sender, WebSocket, WebSocketServer };
export type { FrameEncoder, FrameSender, SenderFrameOptions } from "./frame_sender.ts";
export type { ConnectionSocket, ConnectionSocketEvents } from "./connection_socket.ts";
export { WebSocketServer as Server } from "./websocket_server.ts";
export type { ServerOptions, UpgradeCallback, WebSocketServerEvents } from "./websocket_server.ts";
export type { BinaryDataType, RawData, SendCallback, SendData } from "./message_data.ts";
export type { SendOptions } from "./outgoing_data.ts";
export type {
  ClientOptions,
  ConnectionTarget,
  DeflateOptions,
  OwnServerOptions,
  PemText,
  SocketOptions,
} from "./options.ts";
export type { ClientInfo, VerifyAnswer, VerifyClient, WebSocketRequest } from "./decision.ts";
export type { ClosedSocket, PlannedRequest, ServerResponse, UpgradeMessage } from "./stand_ins.ts";
export type { WebEventEmitter } from "./web_event_emitter.ts";
export type {
  WebCloseEvent,
  WebErrorEvent,
  WebEvent,
  WebEvents,
  WebEventType,
  WebFacts,
  WebHandler,
  WebListener,
  WebListenerOptions,
  WebMessageEvent,
  WebSocketEvents,
} from "./events.ts";
