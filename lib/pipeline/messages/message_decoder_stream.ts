/**
 * Arrow 2 to 3 of the picture in `mod.ts`: batches of frames to batches of messages.
 *
 * @module
 */
import type { Frame } from "../frames/frame.ts";
import { StageStream } from "../stage_stream.ts";
import type { Message } from "./message.ts";
import { MessageAssembler, type MessageAssemblerOptions } from "./message_assembler.ts";

/**
 * Assembles messages from batches of frames. A chunk is the batch of messages that one batch of frames completed.
 *
 * Control frames go to `options.control`, not to the batches. The peer expects a pong or a close frame in reply: send it with
 * `MessageEncoderStream.control`.
 *
 * @example Text from frames
 * ```ts
 * import { frame, Opcode } from "@sluice/websocket/frames";
 * import { MessageDecoderStream } from "@sluice/websocket/messages";
 * import { assertEquals } from "@std/assert";
 *
 * const frames = ReadableStream.from([[frame(Opcode.TEXT, new TextEncoder().encode("hi"))]]);
 * assertEquals(await Array.fromAsync(frames.pipeThrough(new MessageDecoderStream())), [["hi"]]);
 * ```
 */
export class MessageDecoderStream extends StageStream<readonly Frame[], Message> {
  /**
   * Makes the stream.
   *
   * @param options The limit, and a callback for control frames.
   */
  constructor(options: MessageAssemblerOptions = {}) {
    super(new MessageAssembler(options));
  }
}
