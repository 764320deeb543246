/**
 * Connections: what applications hold, and the table of the closing handshake.
 *
 * @module
 */
export type {
  CloseInfo,
  ConnectionFacts,
  StreamedMessage,
  WebSocketConnection,
  WebSocketConnectionWithData,
  WebSocketOpenInfo,
} from "./websocket_connection.ts";
export type { SendOptions } from "./socket_options.ts";
export type { Address } from "../transport/transport.ts";
export type { MessageSource } from "./message_source.ts";
export type { ConnectionObserver, Direction, Observer, RefusalInfo } from "./watch/observer.ts";
export type { TapOptions } from "./socket_options.ts";
export type { Topics } from "./topics.ts";
export type { SlowPolicy, SubscribeOptions } from "./socket_options.ts";
export type { WebSocketCallbacks, WebSocketHandler } from "./readers/callbacks.ts";
export type { ByteConnection, BytePair } from "../transport/transport.ts";
export { type MessageReaderOptions, MessageReaderStream } from "./message_reader_stream.ts";
export { type MessageWriterOptions, MessageWriterStream } from "./message_writer_stream.ts";
export { controlReply } from "../pipeline/messages/control_reply.ts";
export {
  CLOSE_HANDSHAKE,
  type CloseAction,
  type CloseHandshakeEvent,
  type CloseState,
  type CloseTransition,
} from "./close_handshake.ts";
