/**
 * Arrow 1 to 2 of the picture in `mod.ts`: bytes to batches of frames.
 *
 * @module
 */
import { StageStream } from "../stage_stream.ts";
import type { Frame } from "./frame.ts";
import { FrameParser, type FrameParserOptions } from "./frame_parser.ts";

/**
 * Reads frames from bytes. A chunk is the batch of frames that one chunk of bytes completed.
 *
 * If the peer broke a rule, the stream outputs the frames before it and then errors with a `ProtocolError` or a `LimitError`. If
 * the bytes end inside a frame, it errors with a `ConnectionError`. Do not use the written chunks afterwards.
 *
 * @example Frames of a connection
 * ```ts
 * import { FrameDecoderStream } from "@sluice/websocket/frames";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new Blob([Uint8Array.of(0x81, 0x02, 0x68, 0x69)]).stream();
 * for await (const frames of bytes.pipeThrough(new FrameDecoderStream({ role: "client" }))) {
 *   assertEquals(frames.map((frame) => frame.opcode), [1]);
 * }
 * ```
 */
export class FrameDecoderStream extends StageStream<Uint8Array<ArrayBuffer>, Frame> {
  /**
   * Makes the stream.
   *
   * @param options The role, the limits, and the reserved bits and opcodes of extensions.
   */
  constructor(options: FrameParserOptions) {
    super(new FrameParser(options));
  }
}
