/**
 * Connections: what applications hold, and the closing handshake that ends it.
 *
 * @module
 */
export type {
  CloseInfo,
  ConnectionFacts,
  SendOptions,
  StreamedMessage,
  WebSocketConnection,
  WebSocketConnectionWithData,
  WebSocketOpenInfo,
} from "./websocket_connection.ts";
export type { Address } from "../transport/transport.ts";
export type { MessageSource } from "./message_source.ts";
export type { ConnectionObserver, Observer, RefusalInfo, Way } from "./watch/observer.ts";
export type { TapOptions } from "./watch/tap.ts";
export type { SlowPolicy, SubscribeOptions, Topics } from "./topics.ts";
export type { WebSocketCallbacks, WebSocketHandler } from "./readers/callbacks.ts";
export type { ByteConnection, BytePair } from "../transport/transport.ts";
export { controlReply } from "../pipeline/messages/control_reply.ts";
export {
  CLOSE_HANDSHAKE,
  type CloseAction,
  type CloseHandshakeEvent,
  type CloseState,
  type CloseTransition,
} from "./close_handshake.ts";
