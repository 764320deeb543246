/**
 * WebSockets as web-standard streams, for Deno.
 *
 * ```text
 * Deno.Conn ─▶ #read() ──▶ Incoming ──────▶ BatchQueue ─▶ callbacks, for await, readable, batches
 *                          bytes → Message[]                          │
 *                             │ ping, pong, close                     │ your code
 *                             ▼ Liveness, Closing                     ▼
 * Deno.Conn ◀─ #write() ◀─ Outgoing ◀─────────────────── send, writable, ping, close
 *                          Message[] → bytes, in order, masked by a client
 * ```
 *
 * A connection is two loops and two stages. To build your own from web streams, see `./pipeline`.
 *
 * - **Servers**: {@linkcode serve}, or {@linkcode accept} for a connection that you accepted yourself.
 * - **Clients**: {@linkcode connect}, {@linkcode reconnecting}, and the standard classes {@linkcode WebSocket} and
 *   {@linkcode WebSocketStream}.
 * - **Connections**: {@linkcode WebSocketConnection} on both ends, and {@linkcode WebSocketHandler} for servers.
 * - **Errors**: each class tells who caused it; {@linkcode closeCodeOf} maps an error to its close code.
 * - **Limits**: {@linkcode DEFAULT_LIMITS} and the other defaults.
 *
 * Everything else has its own entry point:
 *
 * | entry point | contents |
 * | ----------- | -------- |
 * | `./server`, `./client` | only servers or only clients, with all their types; they load faster |
 * | `./typed` | JSON messages, schemas, requests with answers |
 * | `./hub`, `./hub/nats`, `./hub/redis` | topics, and brokers between machines |
 * | `./presence` | the members of topics with their data, across servers |
 * | `./browser` | the client for pages: reconnecting and typed messages, also as one file, `sluice.js` |
 * | `./rate-limit` | limits on messages and bytes per second |
 * | `./recovery`, `./recovery/client`, `./recovery/redis`, `./recovery/nats` | topics that deliver missed messages after a reconnect |
 * | `./workers` | one server on all cores |
 * | `./node`, `./http2`, `./deno-serve` | WebSockets inside `node:http`, `node:http2` and `Deno.serve` |
 * | `./fetch`, `./hono`, `./crossws` | WebSockets inside applications: your own, Hono, h3, Nitro, Nuxt |
 * | `./ws` | the classes of npm's `ws`, for packages that expect them |
 * | `./permessage-deflate`, `./extensions` | compression, and extensions of your own |
 * | `./telemetry` | metrics, and replaying recordings |
 * | `./testing` | both ends in memory, a peer that violates the protocol, a fake clock |
 * | `./pipeline` | the stages and streams of a connection, to build your own |
 * | `./frames`, `./messages`, `./handshake` | the codec, without sockets |
 * | `./handlers`, `./legacy`, `./standalone` | handlers as files, the drafts before RFC 6455, the command line |
 *
 * Everything except `serve` also runs in Node 20 and Bun, where `./node` adds WebSockets to a `node:http` server. The codec also
 * runs in browsers.
 *
 * @example An echo server and its client
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0, hostname: "127.0.0.1" }, async (socket) => {
 *   for await (const message of socket) await socket.send(message);
 * });
 *
 * await using socket = await connect(server.url);
 * await socket.send("hello");
 * for await (const message of socket) {
 *   assertEquals(message, "hello");
 *   break;
 * }
 * ```
 *
 * @module
 */
// Servers
export { accept } from "./lib/server/accept.ts";
export { serve, type TlsCertificate, type WebSocketServer } from "./lib/server/serve.ts";
export type {
  AcceptOptions,
  ServeOptions,
  ShutdownOptions,
  UpgradeAnswer,
  UpgradeInfo,
} from "./lib/server/server_options.ts";
export type { UpgradeRequest } from "./lib/handshake/server_handshake.ts";
export type { OriginPolicy } from "./lib/handshake/origin.ts";
// Clients
export { connect } from "./lib/client/connect.ts";
export { reconnecting } from "./lib/client/reconnecting.ts";
export { shouldReconnect } from "./lib/client/should_reconnect.ts";
export { WebSocket } from "./lib/client/websocket.ts";
export { WebSocketStream } from "./lib/client/websocket_stream.ts";
export type {
  ConnectOptions,
  ReconnectingOptions,
  WebSocketOptions,
  WebSocketStreamOptions,
} from "./lib/client/client_options.ts";
export type { ReconnectingConnection } from "./lib/client/reconnecting_connection.ts";
// Connections
export type {
  CloseInfo,
  StreamedMessage,
  WebSocketConnection,
  WebSocketConnectionWithData,
} from "./lib/connection/websocket_connection.ts";
export type { WebSocketCallbacks, WebSocketHandler } from "./lib/connection/readers/callbacks.ts";
export type { SendOptions, SubscribeOptions } from "./lib/connection/socket_options.ts";
export type { MessageSource } from "./lib/connection/message_source.ts";
export type { Message, MessageData } from "./lib/pipeline/messages/message.ts";
// Errors
export {
  closeCodeOf,
  ConnectionError,
  HandshakeError,
  LimitError,
  MessageError,
  ProtocolError,
  TopicError,
  WebSocketError,
} from "./lib/errors.ts";
// Limits
export {
  DEFAULT_LIMITS,
  DEFAULT_RECONNECT_LIMITS,
  DEFAULT_SERVER_LIMITS,
  type Limits,
  type ReconnectLimits,
  type ServerLimits,
} from "./lib/limits.ts";
