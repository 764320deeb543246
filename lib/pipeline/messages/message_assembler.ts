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

/** A part of this many bytes is left where it was read, and the rest read behind it: a smaller one is copied sooner than that. */
const MIN_BYTES_TO_HOLD = 4 * 1024;

/** How messages are assembled. */
export interface MessageAssemblerOptions extends Partial<Pick<Limits, "maxMessageBytes">> {
  /** Gets every control frame, in the order of the wire. They travel beside the batch, not in it. */
  control?: (frame: Frame) => void;
  /** Whether large messages are delivered in memory of the pool, which the receiver has to return. */
  lends?: boolean;
}

/** What they take. */
export const MESSAGE_ASSEMBLER_OPTION_KINDS: OptionKinds<MessageAssemblerOptions> = {
  maxMessageBytes: LIMIT_KINDS.maxMessageBytes,
  control: CALLBACK,
  lends: FLAG,
};

/**
 * Assembles messages from frames.
 *
 * A fragment is copied into one growing buffer, so what a message costs is its bytes, however many fragments it comes in, and
 * text is checked as it comes: it is refused at its first bad byte. After a close frame everything is discarded (RFC 6455 §1.4).
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
   * @param options The limit, and who gets the control frames.
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
   * @param messages Where the messages are appended, those before an error included.
   * @param missing How many bytes are yet to come of the last frame, where it is known to be a part of one.
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

  /** Bytes that are held of a message that has begun. */
  get heldBytes(): number {
    return this.#payload?.length ?? 0;
  }

  /** Where the missing bytes may be read to, so that they need not be copied, once the first of them are here. */
  writableView(missing: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#payload?.writableView(missing);
  }

  /** The next read goes elsewhere than behind the last one: what is incomplete keeps nothing of it alive. */
  leaveRead(missing: number): void {
    this.#payload?.leaveRead(missing);
  }

  /**
   * Says that the frames ended.
   *
   * @throws {ConnectionError} If they ended inside a message.
   */
  end(): void {
    this.#sequence.end();
  }

  /**
   * Takes out the unfinished message, as its first fragment. The assembler starts with a new message.
   */
  detachUnfinished(): Frame | undefined {
    this.#payload?.leaveRead(0);
    // Not `detachCopy`: a read may be under way to the memory behind it, which must not go to anybody else.
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

/** §8.1: "an endpoint ... MUST _Fail the WebSocket Connection_" where text is not UTF-8. */
function decodeText(bytes: Uint8Array): string {
  const text = decodeUtf8(bytes);
  if (text !== undefined) return text;
  const bad = new Utf8Validator().push(bytes);
  throw notUtf8(bad === -1 ? bytes.length : bad);
}

/** §8.1, with the byte of the message that cannot be right. */
export function notUtf8(at: number): ProtocolError {
  return new ProtocolError(`Text is not UTF-8 at byte ${at}`, "RFC 6455 §8.1", CloseCode.INVALID_PAYLOAD);
}
