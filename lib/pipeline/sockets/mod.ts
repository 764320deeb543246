/**
 * Connections: what applications hold, and the closing handshake that ends it.
 *
 * @module
 */
export type {
  Address,
  CloseInfo,
  ConnectionFacts,
  SendOptions,
  StreamedMessage,
  WebSocketConnection,
  WebSocketOpenInfo,
} from "./websocket_connection.ts";
export type { MessageSource } from "./message_source.ts";
export type { ConnectionObserver, Observer, RefusalInfo, Way } from "./observer.ts";
export type { TapOptions } from "./tap.ts";
export type { SlowPolicy, SubscribeOptions, Topics } from "./topics.ts";
export type { WebSocketCallbacks, WebSocketHandler } from "./handler.ts";
export type { ByteConnection, BytePair } from "./transport.ts";
export { controlReply } from "./control_reply.ts";
export {
  CLOSE_HANDSHAKE,
  type CloseAction,
  type CloseHandshakeEvent,
  type CloseState,
  type CloseTransition,
} from "./close_handshake.ts";
