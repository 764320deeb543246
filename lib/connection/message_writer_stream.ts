/**
 * Messages to bytes in one stream, as a connection writes them.
 *
 * @module
 */
import type { ExtensionChain } from "../extensions/negotiation.ts";
import { DEFAULT_LIMITS, LIMIT_KINDS, type Limits } from "../limits.ts";
import { CALLBACK, type OptionKinds, required } from "../option_kinds.ts";
import { checkValues } from "../options.ts";
import type { MaskKeySource } from "../pipeline/bytes/mask.ts";
import { type Frame, Opcode, ROLE, type Role } from "../pipeline/frames/frame.ts";
import type { MessageData } from "../pipeline/messages/message.ts";
import { EXTENSION_CHAIN } from "./message_reader_stream.ts";
import { Outgoing } from "./outgoing.ts";

/** The options of {@linkcode MessageWriterStream}. */
export interface MessageWriterOptions extends Partial<Pick<Limits, "highWaterMark">> {
  /** This end's role. A client masks, a server does not. */
  role: Role;
  /** The extensions in use, from `openExtensions`. None by default. */
  extensions?: ExtensionChain;
  /** Returns a masking key for each frame; by default a random one. Pass your own for reproducible output in tests. */
  maskKey?: MaskKeySource;
}

/** The option kinds. */
export const MESSAGE_WRITER_OPTION_KINDS: OptionKinds<MessageWriterOptions> = {
  highWaterMark: LIMIT_KINDS.highWaterMark,
  role: required(ROLE),
  extensions: EXTENSION_CHAIN,
  maskKey: CALLBACK,
};

/**
 * Writes messages to bytes: `MessageEncoderStream`, the extensions and `FrameEncoderStream` in one hop. Each message is one
 * frame. A batch is one chunk, up to `highWaterMark` bytes. Larger payloads of a server become separate chunks and are not
 * copied, so their memory must not change until the chunk is written.
 *
 * @example Bytes of messages
 * ```ts
 * import { MessageWriterStream } from "@sluice/websocket/pipeline";
 * import { assertEquals } from "@std/assert";
 *
 * const batches = ReadableStream.from([["hi", ""]]);
 * const bytes = batches.pipeThrough(new MessageWriterStream({ role: "server" }));
 * assertEquals(await Array.fromAsync(bytes), [Uint8Array.of(0x81, 0x02, 0x68, 0x69, 0x81, 0x00)]);
 * ```
 */
export class MessageWriterStream extends TransformStream<readonly MessageData[], Uint8Array<ArrayBuffer>> {
  readonly #control: (frame: Frame) => void;

  /**
   * Makes the stream.
   *
   * @param options The role, the extensions and the source of masking keys.
   * @throws {TypeError} If there is no role, or an option has the wrong type.
   * @throws {RangeError} If `highWaterMark` is out of range.
   */
  constructor(options: MessageWriterOptions) {
    checkValues(options, MESSAGE_WRITER_OPTION_KINDS);
    const { role, extensions, maskKey, highWaterMark = DEFAULT_LIMITS.highWaterMark } = options;
    // The readable side applies backpressure to the writer, so nothing stays queued after a call.
    const outgoing = new Outgoing({
      role,
      chain: extensions,
      maskKey,
      limits: { highWaterMark, maxQueuedBytes: Infinity },
    });
    let control: (frame: Frame) => void = () => {};
    const run = (step: (chunks: Uint8Array<ArrayBuffer>[]) => void, controller: TransformStreamDefaultController) => {
      const chunks: Uint8Array<ArrayBuffer>[] = [];
      try {
        step(chunks);
      } catch (error) {
        outgoing.flush(chunks); // what came before it
        throw error;
      } finally {
        for (const chunk of chunks) controller.enqueue(chunk);
      }
    };
    super({
      start(controller) {
        control = (frame) => {
          run((chunks) => {
            outgoing.frame(frame);
            outgoing.flush(chunks);
          }, controller);
          // Nothing may follow a close frame (RFC 6455 §5.5.1).
          if (frame.opcode === Opcode.CLOSE) controller.terminate();
        };
      },
      transform: (batch, controller) => run((chunks) => outgoing.push(batch, chunks), controller),
    });
    this.#control = control;
  }

  /**
   * Sends a control frame between two messages: a reply or a ping. A close frame ends the stream.
   *
   * @param frame The pong, ping or close.
   * @throws {TypeError} If the stream has ended.
   */
  control(frame: Frame): void {
    this.#control(frame);
  }
}
