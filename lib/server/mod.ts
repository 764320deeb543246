/**
 * Servers without the client: `serve`, `accept` and their types. A program that only serves loads half as much code as with the
 * main entry point, and starts sooner.
 *
 * @example Echo
 * ```ts
 * import { serve } from "@sluice/websocket/server";
 * import { connect } from "@sluice/websocket/client";
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
export { type Listener, type ListenOptions, serve, type WebSocketServer } from "./serve.ts";
export { accept } from "./accept.ts";
export type {
  AcceptOptions,
  GroupOptions,
  ServeOptions,
  ShutdownOptions,
  UpgradeAnswer,
  UpgradeInfo,
} from "./server_options.ts";
export type { AnyUpgradeAnswer, ConnectionOf, DataIn, DataOf, WithUpgrade } from "./upgrade_data.ts";
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
export { DEFAULT_LIMITS, DEFAULT_SERVER_LIMITS, type Limits, type ServerLimits } from "../limits.ts";
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
export type { CertificateFor, TlsCertificate } from "./tls.ts";
export type { Topics } from "../connection/topics.ts";
export type { WebSocketCallbacks, WebSocketHandler } from "../connection/readers/callbacks.ts";
export type { OriginPolicy, OriginRequest } from "../handshake/origin.ts";
export type { LegacyDrafts, LegacyRequest } from "../handshake/legacy_request.ts";
export type { UpgradeRequest } from "../handshake/server_handshake.ts";
