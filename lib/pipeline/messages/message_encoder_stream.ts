/**
 * Arrow 5 to 6 of the picture in `mod.ts`: batches of messages to batches of frames, and the replies to control frames.
 *
 * @module
 */
import { type Frame, Opcode } from "../frames/frame.ts";
import type { MessageData } from "./message.ts";
import { MessageFragmenter, type MessageFragmenterOptions } from "./message_fragmenter.ts";

/**
 * Converts each batch of messages to a batch of frames.
 *
 * @example Frames of a message
 * ```ts
 * import { MessageEncoderStream } from "@sluice/websocket/messages";
 * import { assertEquals } from "@std/assert";
 *
 * const messages = ReadableStream.from([["hi"]]);
 * const [batch] = await Array.fromAsync(messages.pipeThrough(new MessageEncoderStream()));
 * assertEquals(batch?.length, 1);
 * ```
 */
export class MessageEncoderStream extends TransformStream<readonly MessageData[], Frame[]> {
  #control: (frame: Frame) => void;

  /**
   * Makes the stream.
   *
   * @param options The largest payload of a frame.
   */
  constructor(options: MessageFragmenterOptions = {}) {
    const fragmenter = new MessageFragmenter(options);
    let control: (frame: Frame) => void = () => {};
    super({
      start(controller) {
        control = (frame) => {
          controller.enqueue([frame]);
          // Nothing may follow a close frame (RFC 6455 §5.5.1).
          if (frame.opcode === Opcode.CLOSE) controller.terminate();
        };
      },
      transform(messages, controller) {
        const frames: Frame[] = [];
        try {
          fragmenter.push(messages, frames);
        } finally {
          if (frames.length > 0) controller.enqueue(frames);
        }
      },
    });
    this.#control = control;
  }

  /**
   * Sends a control frame between two messages, such as the reply to a ping or a close frame (arrow 4 of the picture in
   * `mod.ts`). A close frame ends the stream.
   *
   * @param frame The pong, ping or close frame.
   * @throws {TypeError} If the stream has ended.
   */
  control(frame: Frame): void {
    this.#control(frame);
  }
}
