/**
 * The stages and streams of a connection, to build your own over any pair of byte streams.
 *
 * ```text
 * bytes ─1─▶ FrameDecoderStream ─2─▶ MessageDecoderStream ─3─▶ pipeline(conn, options).readable
 *                 Frame[]                 Message[] │ 4  replies (pong, close)
 *                                                   ▼
 * bytes ◀─7─ FrameEncoderStream ◀─6─────── MessageEncoderStream ◀─5─ pipeline(conn, options).writable
 * ```
 *
 * {@linkcode pipeline} joins these four `TransformStream`s, and `examples/pipeline.ts` does it by hand.
 * {@linkcode MessageReaderStream} and {@linkcode MessageWriterStream} are the two stages of a connection as streams, from bytes to
 * messages and control frames, and back. Each stream wraps a pure stage that you can use without streams.
 *
 * `serve`, `accept` and `connect` add timeouts, keepalive and extensions. Use them unless you need to replace a stage.
 *
 * @example From messages to bytes and back
 * ```ts
 * import { MessageReaderStream, MessageWriterStream } from "@sluice/websocket/pipeline";
 * import { assertEquals } from "@std/assert";
 *
 * const batches = ReadableStream.from([["hello", "world"]])
 *   .pipeThrough(new MessageWriterStream({ role: "client" })) // masked frames
 *   .pipeThrough(new MessageReaderStream({ role: "server" }));
 * const reader = batches.getReader();
 * assertEquals((await reader.read()).value, ["hello", "world"]);
 * ```
 *
 * @module
 */
export { type Pipeline, pipeline, type PipelineOptions } from "../transport/pipeline.ts";
export { type MessageReaderOptions, MessageReaderStream } from "./message_reader_stream.ts";
export { type MessageWriterOptions, MessageWriterStream } from "./message_writer_stream.ts";
export { FrameDecoderStream } from "../pipeline/frames/frame_decoder_stream.ts";
export { FrameEncoderStream } from "../pipeline/frames/frame_encoder_stream.ts";
export { MessageDecoderStream } from "../pipeline/messages/message_decoder_stream.ts";
export { MessageEncoderStream } from "../pipeline/messages/message_encoder_stream.ts";
export { controlReply } from "../pipeline/messages/control_reply.ts";
export { composeStages, type Stage } from "../pipeline/stage.ts";
export { pipeStages, StageStream } from "../pipeline/stage_stream.ts";
export { type Frame, type Role } from "../pipeline/frames/frame.ts";
export type { Message, MessageData } from "../pipeline/messages/message.ts";
export type { ByteConnection, BytePair } from "../transport/transport.ts";
export {
  CLOSE_HANDSHAKE,
  type CloseAction,
  type CloseHandshakeEvent,
  type CloseState,
  type CloseTransition,
} from "./close_handshake.ts";
