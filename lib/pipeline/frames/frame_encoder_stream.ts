/**
 * Arrow 6 to 7 of the picture in `mod.ts`: batches of frames to bytes.
 *
 * @module
 */
import type { Frame } from "./frame.ts";
import { FrameSerializer, type FrameSerializerOptions } from "./frame_serializer.ts";

/**
 * Converts batches of frames to bytes, masked if a client sends them. A batch is one chunk. Only large payloads of a server are
 * separate chunks, because they are not copied.
 *
 * @example A frame's bytes
 * ```ts
 * import { frame, FrameEncoderStream, Opcode } from "@sluice/websocket/frames";
 * import { assertEquals } from "@std/assert";
 *
 * const batches = ReadableStream.from([[frame(Opcode.PING)]]);
 * const bytes = await Array.fromAsync(batches.pipeThrough(new FrameEncoderStream({ role: "server" })));
 * assertEquals(bytes, [Uint8Array.of(0x89, 0x00)]);
 * ```
 */
export class FrameEncoderStream extends TransformStream<readonly Frame[], Uint8Array<ArrayBuffer>> {
  /**
   * Makes the stream.
   *
   * @param options The role and the source of masking keys.
   */
  constructor(options: FrameSerializerOptions) {
    const serializer = new FrameSerializer(options);
    super({
      transform(frames, controller) {
        const chunks: Uint8Array<ArrayBuffer>[] = [];
        serializer.push(frames, chunks);
        for (const chunk of chunks) controller.enqueue(chunk);
      },
    });
  }
}
