/**
 * Chunks of one message to its frames: RFC 6455 §5.4 for a sender that does not have the whole message yet.
 *
 * @module
 */
import { BYTES, type Kind, oneOf } from "../../option_kinds.ts";
import { GrowingBuffer } from "../bytes/growing_buffer.ts";
import { type Frame, frame, Opcode } from "../frames/frame.ts";
import type { Stage } from "../stage.ts";
import { type MessageData, toMessage } from "./message.ts";
import type { MessageFragmenterOptions } from "./message_fragmenter.ts";

/** Options for converting chunks to frames. */
export interface ChunkFragmenterOptions extends MessageFragmenterOptions {
  /** The type of the message. By default the first chunk decides, and a message without chunks is binary. */
  type?: "text" | "binary" | undefined;
}

/** The type of a message, as a type of option. */
export const MESSAGE_TYPE: Kind = oneOf("text", "binary");

const ENCODER = new TextEncoder();

/**
 * Makes the frames of one message from its chunks. Large chunks are cut. Small ones are held until a frame is full or {@linkcode
 * ChunkFragmenter.flush} is called.
 *
 * @example Three chunks
 * ```ts
 * import type { Frame } from "@sluice/websocket/frames";
 * import { ChunkFragmenter } from "@sluice/websocket/messages";
 * import { assertEquals } from "@std/assert";
 *
 * const frames: Frame[] = [];
 * const fragmenter = new ChunkFragmenter({ maxFrameBytes: 4 });
 * for (const chunk of ["Hel", "lo", "!"]) fragmenter.push(chunk, frames);
 * fragmenter.end(frames);
 * assertEquals(frames.map(({ payload }) => new TextDecoder().decode(payload)), ["Hell", "o!"]);
 * ```
 */
export class ChunkFragmenter implements Stage<MessageData, Frame> {
  readonly #maxFrameBytes: number;
  /** The bytes held, and the buffer that was last lent. */
  #held = new GrowingBuffer();
  #lent = new GrowingBuffer();
  #type: "text" | "binary" | undefined;
  #begun = false;
  /** The first half of a surrogate pair whose second half may come with the next chunk. */
  #surrogate = "";

  /**
   * Makes a fragmenter for one message.
   *
   * @param options The type of the message, and the largest payload of a frame. Without a limit the message is sent in one frame.
   * @throws {RangeError} If `maxFrameBytes` is neither a whole number of 1 or more nor `Infinity`.
   */
  constructor({ type, maxFrameBytes = Infinity }: ChunkFragmenterOptions = {}) {
    if (type !== undefined) MESSAGE_TYPE.check(type, "type");
    this.#type = type;
    BYTES.check(maxFrameBytes, "maxFrameBytes");
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** The number of bytes held. */
  get heldBytes(): number {
    return this.#held.length;
  }

  /**
   * Makes the frames that a chunk fills.
   *
   * @param chunk The chunk.
   * @param frames The array that the frames are appended to. Their payloads are views of the chunk or of reused memory, and are
   *    valid until the next call.
   * @throws {TypeError} If the chunk is neither a string nor binary data, or does not have the type of the message.
   */
  push(chunk: MessageData, frames: Frame[]): void {
    const data = toMessage(chunk);
    const type = typeof data === "string" ? "text" : "binary";
    this.#type ??= type;
    if (type !== this.#type) throw new TypeError(`Cannot continue a ${this.#type} message with a ${type} chunk`);
    this.#take(typeof data === "string" ? this.#encode(data) : data, frames);
  }

  /** Makes a frame of the bytes held, if there are any. Its payload is valid until the next call. */
  flush(frames: Frame[]): void {
    if (this.#held.length > 0) frames.push(this.#frame(this.#lend(), false));
  }

  /** Makes the last frame. It is empty if nothing is held, because only now is it known that no more data follows. */
  end(frames: Frame[]): void {
    // Encodes half a pair as U+FFFD, as it is done for strings.
    if (this.#surrogate !== "") this.#take(ENCODER.encode(this.#surrogate), frames);
    frames.push(this.#frame(this.#lend(), true));
  }

  /** Works as `TextEncoderStream` does: a surrogate pair that is split between two chunks is one character. */
  #encode(chunk: string): Uint8Array<ArrayBuffer> {
    const text = this.#surrogate + chunk;
    const last = text.charCodeAt(text.length - 1);
    const cut = last >= 0xd800 && last <= 0xdbff ? text.length - 1 : text.length;
    this.#surrogate = text.slice(cut);
    return ENCODER.encode(text.slice(0, cut));
  }

  #take(bytes: Uint8Array<ArrayBuffer>, frames: Frame[]): void {
    const max = this.#maxFrameBytes;
    let at = 0;
    while (at < bytes.length) {
      if (this.#held.length === 0 && bytes.length - at >= max) {
        frames.push(this.#frame(bytes.subarray(at, at + max), false));
        at += max;
      } else {
        const part = bytes.subarray(at, at + max - this.#held.length);
        this.#held.append(part, max - this.#held.length - part.length);
        at += part.length;
        if (this.#held.length === max) this.flush(frames);
      }
    }
  }

  /** Returns one of two buffers, so that what follows in the same call does not overwrite it. */
  #lend(): Uint8Array<ArrayBuffer> {
    const payload = this.#held.lend();
    [this.#held, this.#lent] = [this.#lent, this.#held];
    return payload;
  }

  #frame(payload: Uint8Array<ArrayBuffer>, fin: boolean): Frame {
    const opcode = this.#begun ? Opcode.CONTINUATION : this.#type === "text" ? Opcode.TEXT : Opcode.BINARY;
    this.#begun = true;
    return frame(opcode, payload, { fin });
  }
}
