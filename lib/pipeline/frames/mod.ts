/**
 * Frames (RFC 6455 §5): bytes to frames and back, without sockets. Each step is a pure class and also a `TransformStream`.
 *
 * @example Both ways
 * ```ts
 * import { type Frame, frame, FrameParser, FrameSerializer, Opcode } from "@sluice/websocket/frames";
 * import { assertEquals } from "@std/assert";
 *
 * const chunks: Uint8Array<ArrayBuffer>[] = [];
 * new FrameSerializer({ role: "client" }).push([frame(Opcode.PING, Uint8Array.of(1, 2))], chunks);
 *
 * const frames: Frame[] = [];
 * const parser = new FrameParser({ role: "server" });
 * for (const chunk of chunks) parser.push(chunk, frames);
 * assertEquals(frames, [frame(Opcode.PING, Uint8Array.of(1, 2))]);
 * ```
 *
 * @module
 */
export { type Frame, frame, isControl, Opcode, type OutgoingFrame, type Role, Rsv } from "./frame.ts";
export {
  CloseCode,
  type ClosePayload,
  decodeClosePayload,
  encodeClosePayload,
  isSendableCloseCode,
} from "./close_code.ts";
export { FrameParser, type FrameParserOptions, type ReservedBits } from "./frame_parser.ts";
export { FrameSerializer, type FrameSerializerOptions } from "./frame_serializer.ts";
export type { Framing, FramingParser } from "./framing.ts";
export { FrameDecoderStream } from "./frame_decoder_stream.ts";
export { FrameEncoderStream } from "./frame_encoder_stream.ts";
export { mask } from "../bytes/mask.ts";
export { type MaskKeySource, randomMaskKey } from "../bytes/mask.ts";
export { composeStages, type Stage } from "../stage.ts";
export { pipeStages, StageStream } from "../stage_stream.ts";
