/**
 * The frames of messages, one after the other: what stands between them, in which order they come, and how large a message is,
 * RFC 6455 §5.4 and §5.5. One loop for all that is made of frames, whether they come from the parser or out of an extension.
 *
 * @module
 */
import { ConnectionError } from "../../errors.ts";
import { type Frame, isControl, Opcode } from "../frames/frame.ts";
import {
  type BytesLimit,
  checkMessageBytes,
  checkOpcode,
  checkSequence,
  DEFINED_OPCODES,
} from "../frames/frame_rules.ts";

/** What a sequence is judged by. */
export interface FrameSequenceOptions {
  /** The most bytes of a message. */
  readonly maxBytes: number;
  /** The limit's name. */
  readonly limit: BytesLimit;
  /** Gets every control frame, in the order of the wire. */
  readonly control: ((frame: Frame) => void) | undefined;
}

/** Judges frames in their order. After a close frame everything is discarded (RFC 6455 §1.4). */
export class FrameSequence {
  /** Bytes of the message in the frames before the last one that was taken. */
  bytesBefore = 0;
  readonly #maxBytes: number;
  readonly #limit: BytesLimit;
  readonly #control: ((frame: Frame) => void) | undefined;
  #insideMessage = false;
  #bytes = 0;
  #closed = false;

  /** @param options What it is judged by. */
  constructor({ maxBytes, limit, control }: FrameSequenceOptions) {
    this.#maxBytes = maxBytes;
    this.#limit = limit;
    this.#control = control;
  }

  /**
   * Takes the next frame. A control frame goes to `control`.
   *
   * @param frame The frame.
   * @returns Whether it is a data frame that belongs to a message.
   * @throws {ProtocolError} 1002 for a frame out of sequence.
   * @throws {LimitError} 1009 for a message that is too big.
   */
  take(frame: Frame): boolean {
    if (this.#closed) return false;
    const { fin, opcode, payload } = frame;
    if (isControl(opcode)) {
      this.#closed = opcode === Opcode.CLOSE;
      this.#control?.(frame);
      return false;
    }
    // An extension takes its own data frames away. One that is left has no meaning.
    checkOpcode(opcode, DEFINED_OPCODES);
    checkSequence(opcode, this.#insideMessage);
    this.bytesBefore = opcode === Opcode.CONTINUATION ? this.#bytes : 0;
    checkMessageBytes(this.bytesBefore, payload.length, this.#maxBytes, this.#limit);
    this.#bytes = this.bytesBefore + payload.length;
    this.#insideMessage = !fin;
    return true;
  }

  /** Forgets the message that has begun. */
  restart(): void {
    this.#insideMessage = false;
  }

  /**
   * Says that the frames ended.
   *
   * @throws {ConnectionError} If they ended inside a message.
   */
  end(): void {
    if (this.#insideMessage && !this.#closed) {
      throw new ConnectionError("The connection ended in the middle of a message");
    }
  }
}
