/**
 * Frames to messages: RFC 6455 §5.4 and §8.1.
 *
 * @module
 */
import { CALLBACK, FLAG, type OptionKinds } from "../../option_kinds.ts";
import { checkValues } from "../../options.ts";
import { ProtocolError } from "../../errors.ts";
import { DEFAULT_LIMITS, LIMIT_KINDS, type Limits } from "../../limits.ts";
import { GrowingBuffer } from "../bytes/growing_buffer.ts";
import { decodeUtf8, Utf8Validator } from "../bytes/utf8.ts";
import { CloseCode } from "../frames/close_code.ts";
import { type Frame, Opcode } from "../frames/frame.ts";
import type { Stage } from "../stage.ts";
import { FrameSequence } from "./frame_sequence.ts";
import type { Message } from "./message.ts";

/**
 * A part of at least this many bytes stays where it was read, and the rest is read behind it. Copying a smaller part is cheaper.
 */
const MIN_BYTES_TO_HOLD = 4 * 1024;

/** Options for assembling messages. */
export interface MessageAssemblerOptions extends Partial<Pick<Limits, "maxMessageBytes">> {
  /** Called with every control frame, in the order of the wire. Control frames are not part of the batch. */
  control?: (frame: Frame) => void;
  /** Whether large messages are delivered in pooled memory, which the receiver has to return. */
  lends?: boolean;
}

/** The types of these options. */
export const MESSAGE_ASSEMBLER_OPTION_KINDS: OptionKinds<MessageAssemblerOptions> = {
  maxMessageBytes: LIMIT_KINDS.maxMessageBytes,
  control: CALLBACK,
  lends: FLAG,
};

/**
 * Assembles messages from frames.
 *
 * Fragments are copied into one growing buffer, so the cost of a message depends on its bytes and not on the number of its
 * fragments. Text is checked as it arrives and is refused at the first invalid byte. After a close frame everything is discarded
 * (RFC 6455 §1.4).
 *
 * @example Two fragments
 * ```ts
 * import { frame, Opcode } from "@sluice/websocket/frames";
 * import { type Message, MessageAssembler } from "@sluice/websocket/messages";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = (text: string) => new TextEncoder().encode(text);
 * const messages: Message[] = [];
 * new MessageAssembler().push([
 *   frame(Opcode.TEXT, bytes("Hel"), { fin: false }),
 *   frame(Opcode.CONTINUATION, bytes("lo")),
 * ], messages);
 * assertEquals(messages, ["Hello"]);
 * ```
 */
export class MessageAssembler implements Stage<readonly Frame[], Message> {
  readonly #maxMessageBytes: number;
  readonly #sequence: FrameSequence;
  #opcode: number = Opcode.CONTINUATION;
  #payload: GrowingBuffer | undefined;
  #text: Utf8Validator | undefined;
  readonly #lends: boolean;
  #missing = 0;

  /**
   * Makes an assembler.
   *
   * @param options The limit, and a callback for control frames.
   */
  constructor(options: MessageAssemblerOptions = {}) {
    checkValues(options, MESSAGE_ASSEMBLER_OPTION_KINDS);
    this.#maxMessageBytes = options.maxMessageBytes ?? DEFAULT_LIMITS.maxMessageBytes;
    this.#sequence = new FrameSequence({
      maxBytes: this.#maxMessageBytes,
      limit: "maxMessageBytes",
      control: options.control,
    });
    this.#lends = options.lends ?? false;
  }

  /**
   * Assembles the messages that `frames` completes.
   *
   * @param frames The batch.
   * @param messages The array that the messages are appended to, including those before an error.
   * @param missing How many bytes of the last frame have not arrived yet, if it is known to be incomplete.
   * @throws {ProtocolError} 1007 for text that is not UTF-8, 1002 for frames out of sequence.
   * @throws {LimitError} 1009 for a message that is too big.
   */
  push(frames: readonly Frame[], messages: Message[], missing = 0): void {
    this.#missing = missing;
    for (const frame of frames) {
      if (!this.#sequence.take(frame)) continue;
      const { fin, opcode, payload } = frame;
      if (fin && opcode !== Opcode.CONTINUATION) {
        messages.push(opcode === Opcode.TEXT ? decodeText(payload) : payload);
      } else {
        this.#append(frame, messages);
      }
    }
  }

  /** The number of bytes held of an incomplete message. */
  get heldBytes(): number {
    return this.#payload?.length ?? 0;
  }

  /** Returns the memory to read the missing bytes to, so that they need not be copied, once the first of them have arrived. */
  writableView(missing: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#payload?.writableView(missing);
  }

  /** Says that the next read does not continue the last one. An incomplete message then stops using the read's memory. */
  leaveRead(missing: number): void {
    this.#payload?.leaveRead(missing);
  }

  /**
   * Says that there are no more frames.
   *
   * @throws {ConnectionError} If they ended inside a message.
   */
  end(): void {
    this.#sequence.end();
  }

  /** Removes the unfinished message and returns it as a first fragment. The assembler then starts with a new message. */
  detachUnfinished(): Frame | undefined {
    this.#payload?.leaveRead(0);
    // Not `detachCopy`: a read to the memory behind it may be pending, so that memory must not be reused.
    const payload = this.#payload?.take();
    this.#payload = undefined;
    this.#sequence.restart();
    return payload && { fin: false, rsv: 0, opcode: this.#opcode, payload };
  }

  #append({ fin, opcode, payload }: Frame, messages: Message[]): void {
    if (this.#payload === undefined) {
      this.#opcode = opcode;
      this.#payload = new GrowingBuffer({ pooled: true });
      this.#text = opcode === Opcode.TEXT ? new Utf8Validator() : undefined;
    }
    if (this.#text !== undefined) {
      const bad = this.#text.push(payload);
      if (bad !== -1) throw notUtf8(this.#payload.length + bad);
    }
    if (this.#payload.length === 0 && payload.length >= MIN_BYTES_TO_HOLD && this.#missing > 0) {
      this.#payload.hold(payload);
    } else {
      const most = this.#maxMessageBytes - this.#payload.length - payload.length;
      this.#payload.append(payload, fin ? 0 : this.#missing || most);
    }
    if (!fin) return;
    if (this.#text?.complete === false) throw notUtf8(this.#payload.length);
    const held = this.#payload;
    this.#payload = undefined;
    messages.push(
      this.#opcode === Opcode.TEXT ? held.show(decodeText) : this.#lends ? held.take() : held.detachCopy(),
    );
  }
}

/** §8.1: "an endpoint ... MUST _Fail the WebSocket Connection_" if text is not UTF-8. */
function decodeText(bytes: Uint8Array): string {
  const text = decodeUtf8(bytes);
  if (text !== undefined) return text;
  const bad = new Utf8Validator().push(bytes);
  throw notUtf8(bad === -1 ? bytes.length : bad);
}

/** The error of §8.1, with the position of the first invalid byte in the message. */
export function notUtf8(at: number): ProtocolError {
  return new ProtocolError(`Text is not UTF-8 at byte ${at}`, "RFC 6455 §8.1", CloseCode.INVALID_PAYLOAD);
}
