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
 * A connection, as `serve`, `accept` and `connect` give it, is two loops and two stages. To build your own, there are four
 * `TransformStream`s, each around a stage that works alone, and `pipeline`, which puts them together:
 *
 * ```text
 * bytes ─1─▶ FrameDecoderStream ─2─▶ MessageDecoderStream ─3─▶ pipeline(conn, options).readable
 *                 Frame[]                 Message[] │ 4  replies owed (pong, close)
 *                                                   ▼
 * bytes ◀─7─ FrameEncoderStream ◀─6─────── MessageEncoderStream ◀─5─ pipeline(conn, options).writable
 * ```
 *
 * All but `serve` runs in Node 20 and Bun too, where `./node` attaches to a `node:http` server. The codec alone also runs in
 * browsers. Here are servers, clients, connections and the codec; beside it there are
 *
 * | entry point                                     | what                                                            |
 * | ----------------------------------------------- | --------------------------------------------------------------- |
 * | `./server`, `./client`                         | the half that a program needs, which starts sooner              |
 * | `./frames`, `./messages`, `./handshake`         | the codec, with no sockets                                      |
 * | `./extensions`, `./permessage-deflate`          | extensions of one's own, and compression                        |
 * | `./hub`, `./hub/nats`, `./hub/redis`            | topics, and the brokers between machines                        |
 * | `./recovery`, `./recovery/client`              | topics that catch up, and their client                          |
 * | `./typed`                                       | typed messages: JSON with schemas, requests with answers        |
 * | `./rate-limit`                                  | how fast a peer may send, in messages and bytes                 |
 * | `./workers`                                     | one server on every core                                        |
 * | `./node`, `./http2`, `./deno-serve`             | inside a server of `node:http`, of `node:http2`, of `Deno.serve` |
 * | `./fetch`, `./hono`, `./crossws`                | inside an application: your own, Hono, h3, Nitro, Nuxt            |
 * | `./ws`                                          | the classes of npm's `ws`                                       |
 * | `./telemetry`                                   | metrics, and recordings read back                               |
 * | `./testing`                                     | both ends in memory, a peer that misbehaves, a clock            |
 * | `./handlers`, `./legacy`, `./standalone`        | handlers as files, the drafts before RFC 6455, the command line |
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
export { connect } from "./lib/client/connect.ts";
export { type ConnectOptions } from "./lib/client/client_options.ts";
export {
  type CertificateFor,
  type Listener,
  type ListenOptions,
  serve,
  type TlsCertificate,
  type WebSocketServer,
} from "./lib/server/serve.ts";
export { type ServeOptions } from "./lib/server/server_options.ts";
export * from "./lib/errors.ts";
export {
  DEFAULT_LIMITS,
  DEFAULT_RECONNECT_LIMITS,
  DEFAULT_SERVER_LIMITS,
  type Limits,
  type ReconnectLimits,
  type ServerLimits,
} from "./lib/limits.ts";
export * from "./lib/pipeline/frames/mod.ts";
export * from "./lib/pipeline/messages/mod.ts";
export * from "./lib/connection/mod.ts";
export { type Pipeline, pipeline, type PipelineOptions } from "./lib/transport/pipeline.ts";
export type { CodecContext, Extension, ExtensionCodec, ExtensionProcessor } from "./lib/extensions/extension.ts";
export type { PerMessageDeflateOptions } from "./lib/extensions/permessage_deflate/permessage_deflate.ts";
export type { ExtensionOffer, ExtensionParam } from "./lib/handshake/extension_header.ts";
export type { HeaderFields } from "./lib/handshake/http_fields.ts";
export type { HeaderSection, RequestHead, RequestLine } from "./lib/handshake/http_head.ts";
export { accept } from "./lib/server/accept.ts";
export { type AcceptOptions, type UpgradeAnswer, type UpgradeInfo } from "./lib/server/server_options.ts";
export type { AnyUpgradeAnswer, ConnectionOf, DataIn, DataOf, WithUpgrade } from "./lib/server/upgrade_data.ts";
export type { GroupOptions, ShutdownOptions } from "./lib/server/server_options.ts";
export type { TlsOptions } from "./lib/client/dialer.ts";
export type { ProxyOptions } from "./lib/client/proxy/proxy.ts";
export { WebSocket, type WebSocketEventHandler } from "./lib/client/websocket.ts";
export { type WebSocketOptions } from "./lib/client/client_options.ts";
export { WebSocketStream } from "./lib/client/websocket_stream.ts";
export { type WebSocketStreamOptions } from "./lib/client/client_options.ts";
export { reconnectDelay, type ReconnectDelayOptions } from "./lib/backoff.ts";
export { reconnecting } from "./lib/client/reconnecting.ts";
export { type Fresh } from "./lib/client/client_options.ts";
export { type ReconnectingOptions } from "./lib/client/client_options.ts";
export type {
  ReconnectingConnection,
  ReconnectingHooks,
  ReconnectingState,
} from "./lib/client/reconnecting_connection.ts";
export { shouldReconnect } from "./lib/client/should_reconnect.ts";
export { compileOriginPolicy, type OriginPolicy, type OriginRequest } from "./lib/handshake/origin.ts";
export type { LegacyDrafts, LegacyRequest } from "./lib/handshake/legacy_request.ts";
export type {
  AcceptUpgradeOptions,
  LegacyVersion,
  ReadUpgradeRequestOptions,
  UpgradeRequest,
} from "./lib/handshake/server_handshake.ts";
