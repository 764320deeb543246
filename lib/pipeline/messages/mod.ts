/**
 * Messages (RFC 6455 §5.4 and §5.6): frames to messages and back, without sockets. Each step is a pure class and also a
 * `TransformStream`.
 *
 * @example Both ways
 * ```ts
 * import type { Frame } from "@sluice/websocket/frames";
 * import { type Message, MessageAssembler, MessageFragmenter } from "@sluice/websocket/messages";
 * import { assertEquals } from "@std/assert";
 *
 * const frames: Frame[] = [];
 * new MessageFragmenter({ maxFrameBytes: 2 }).push(["Hello"], frames);
 * assertEquals(frames.length, 3);
 *
 * const messages: Message[] = [];
 * new MessageAssembler().push(frames, messages);
 * assertEquals(messages, ["Hello"]);
 * ```
 *
 * @module
 */
export type { Message, MessageData } from "./message.ts";
export { MessageAssembler, type MessageAssemblerOptions } from "./message_assembler.ts";
export { MessageFragmenter, type MessageFragmenterOptions } from "./message_fragmenter.ts";
export { type MessagePart, MessageSplitter, type MessageSplitterOptions } from "./message_splitter.ts";
export { ChunkFragmenter, type ChunkFragmenterOptions } from "./chunk_fragmenter.ts";
export { MessageDecoderStream } from "./message_decoder_stream.ts";
export { MessageEncoderStream } from "./message_encoder_stream.ts";
