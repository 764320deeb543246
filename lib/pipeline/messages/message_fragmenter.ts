/**
 * Messages to frames: the sender's side of RFC 6455 §5.4.
 *
 * @module
 */
import { BYTES } from "../../option_kinds.ts";
import { type Frame, frame, Opcode } from "../frames/frame.ts";
import type { Stage } from "../stage.ts";
import { type MessageData, toMessage } from "./message.ts";

/** Options for cutting messages into frames. */
export interface MessageFragmenterOptions {
  /** The largest payload of a frame, in bytes. By default a message is sent in one frame, however large. */
  maxFrameBytes?: number;
}

/**
 * Converts messages to frames.
 *
 * @example Cut a message
 * ```ts
 * import type { Frame } from "@sluice/websocket/frames";
 * import { MessageFragmenter } from "@sluice/websocket/messages";
 * import { assertEquals } from "@std/assert";
 *
 * const frames: Frame[] = [];
 * new MessageFragmenter({ maxFrameBytes: 3 }).push(["Hello"], frames);
 * assertEquals(frames.map(({ fin, opcode }) => ({ fin, opcode })), [{ fin: false, opcode: 1 }, { fin: true, opcode: 0 }]);
 * ```
 */
export class MessageFragmenter implements Stage<readonly MessageData[], Frame> {
  readonly #maxFrameBytes: number;
  readonly #encoder = new TextEncoder();

  /**
   * Makes a fragmenter.
   *
   * @param options The largest payload of a frame.
   * @throws {RangeError} If `maxFrameBytes` is neither a whole number of 1 or more nor `Infinity`.
   */
  constructor({ maxFrameBytes = Infinity }: MessageFragmenterOptions = {}) {
    BYTES.check(maxFrameBytes, "maxFrameBytes");
    this.#maxFrameBytes = maxFrameBytes;
  }

  /**
   * Makes the frames of a batch of messages.
   *
   * @param messages The batch.
   * @param frames The array that the frames are appended to. Binary payloads are views of the messages, not copies.
   * @throws {TypeError} If a message is neither a string nor binary data.
   */
  push(messages: readonly MessageData[], frames: Frame[]): void {
    for (const message of messages) {
      const data = toMessage(message);
      const text = typeof data === "string";
      const payload = text ? this.#encoder.encode(data) : data;
      let opcode: number = text ? Opcode.TEXT : Opcode.BINARY;
      let at = 0;
      for (const max = this.#maxFrameBytes; payload.length - at > max; at += max) {
        frames.push(frame(opcode, payload.subarray(at, at + max), { fin: false }));
        opcode = Opcode.CONTINUATION;
      }
      frames.push(frame(opcode, at === 0 ? payload : payload.subarray(at)));
    }
  }
}
