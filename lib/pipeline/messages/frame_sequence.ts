/**
 * Checks the frames of messages in sequence: the order of fragments, the control frames between them, and the size of a message
 * (RFC 6455 §5.4 and §5.5). Everything made of frames goes through this one loop, whether the frames come from the parser or from
 * an extension.
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

/** Options for checking a sequence. */
export interface FrameSequenceOptions {
  /** The maximum number of bytes of a message. */
  readonly maxBytes: number;
  /** The limit's name. */
  readonly limit: BytesLimit;
  /** Called with every control frame, in the order of the wire. */
  readonly control: ((frame: Frame) => void) | undefined;
}

/** Checks frames in sequence. After a close frame everything is discarded (RFC 6455 §1.4). */
export class FrameSequence {
  /** Bytes of the current message before the last frame that was taken. */
  bytesBefore = 0;
  readonly #maxBytes: number;
  readonly #limit: BytesLimit;
  readonly #control: ((frame: Frame) => void) | undefined;
  #insideMessage = false;
  #bytes = 0;
  #closed = false;

  /** @param options The limit, and a callback for control frames. */
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
    // An extension removes its own data frames. One that is left has no meaning.
    checkOpcode(opcode, DEFINED_OPCODES);
    checkSequence(opcode, this.#insideMessage);
    this.bytesBefore = opcode === Opcode.CONTINUATION ? this.#bytes : 0;
    checkMessageBytes(this.bytesBefore, payload.length, this.#maxBytes, this.#limit);
    this.#bytes = this.bytesBefore + payload.length;
    this.#insideMessage = !fin;
    return true;
  }

  /** Forgets the unfinished message. */
  restart(): void {
    this.#insideMessage = false;
  }

  /**
   * Says that there are no more frames.
   *
   * @throws {ConnectionError} If they ended inside a message.
   */
  end(): void {
    if (this.#insideMessage && !this.#closed) {
      throw new ConnectionError("The connection ended in the middle of a message");
    }
  }
}
