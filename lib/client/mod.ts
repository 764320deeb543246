/**
 * Clients without the server: `connect`, `reconnecting`, `WebSocket` and `WebSocketStream`, and their types.
 *
 * @example Ask, and read the answer
 * ```ts
 * import { connect } from "@sluice/websocket/client";
 * import { serve } from "@sluice/websocket/server";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0, hostname: "127.0.0.1" }, {
 *   message: (socket, data) => void socket.send(data),
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
export { connect } from "./connect.ts";
export { reconnecting } from "./reconnecting.ts";
export { shouldReconnect } from "./should_reconnect.ts";
export { WebSocket, type WebSocketEventHandler } from "./websocket.ts";
export { WebSocketStream } from "./websocket_stream.ts";
export type {
  ConnectOptions,
  Fresh,
  ReconnectingOptions,
  WebSocketOptions,
  WebSocketStreamOptions,
} from "./client_options.ts";
export type { ReconnectingConnection, ReconnectingHooks, ReconnectingState } from "./reconnecting_connection.ts";
export { reconnectDelay, type ReconnectDelayOptions } from "../backoff.ts";
export {
  closeCodeOf,
  ConnectionError,
  HandshakeError,
  type HandshakeErrorOptions,
  LimitError,
  type LimitErrorOptions,
  MessageError,
  ProtocolError,
  TopicError,
  type WebSocketCloseInfo,
  WebSocketError,
} from "../errors.ts";
export { DEFAULT_LIMITS, DEFAULT_RECONNECT_LIMITS, type Limits, type ReconnectLimits } from "../limits.ts";
export type { TlsOptions } from "./dialer.ts";
export type { ProxyOptions } from "./proxy/proxy.ts";
export type {
  CloseInfo,
  ConnectionFacts,
  StreamedMessage,
  WebSocketConnection,
  WebSocketConnectionWithData,
  WebSocketOpenInfo,
} from "../connection/websocket_connection.ts";
export type { SendOptions, SlowPolicy, SubscribeOptions, TapOptions } from "../connection/socket_options.ts";
export type { MessageSource } from "../connection/message_source.ts";
export type { ConnectionObserver, Direction, Observer, RefusalInfo } from "../connection/watch/observer.ts";
export type { Message, MessageData } from "../pipeline/messages/message.ts";
export type { Address, ByteConnection, BytePair } from "../transport/transport.ts";
export type { CodecContext, Extension, ExtensionCodec, ExtensionProcessor } from "../extensions/extension.ts";
export type { PerMessageDeflateOptions } from "../extensions/permessage_deflate/permessage_deflate.ts";
