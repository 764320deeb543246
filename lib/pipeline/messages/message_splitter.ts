/**
 * Turns frames into parts of messages, so that no whole message is held in memory: RFC 6455 §5.4 and §8.1.
 *
 * @module
 */
import { CALLBACK, type OptionKinds } from "../../option_kinds.ts";
import { checkValues } from "../../options.ts";
import { DEFAULT_LIMITS, LIMIT_KINDS, type Limits } from "../../limits.ts";
import { Utf8Decoder } from "../bytes/utf8.ts";
import { type Frame, Opcode } from "../frames/frame.ts";
import type { Stage } from "../stage.ts";
import { FrameSequence } from "./frame_sequence.ts";
import type { Message } from "./message.ts";
import { notUtf8 } from "./message_assembler.ts";

/** A part of a message. If the message arrived in one part, that part is both the first and the last. */
export interface MessagePart {
  /** Text as a string, which never splits a character, or binary data as bytes. All parts of a message have the same type. */
  readonly data: Message;
  /** Whether this part starts a message. Only the first and the last part may be empty. */
  readonly first: boolean;
  /** Whether this part ends the message. */
  readonly last: boolean;
}

/** Returns a whole message as its only part. */
export function wholePart(data: Message): MessagePart {
  return { data, first: true, last: true };
}

/** Options for splitting messages. */
export interface MessageSplitterOptions extends Partial<Pick<Limits, "maxStreamedMessageBytes">> {
  /** Called with every control frame, in the order of the wire. Control frames are not part of the batch. */
  control?: (frame: Frame) => void;
}

/** The types of these options. */
export const MESSAGE_SPLITTER_OPTION_KINDS: OptionKinds<MessageSplitterOptions> = {
  maxStreamedMessageBytes: LIMIT_KINDS.maxStreamedMessageBytes,
  control: CALLBACK,
};

/**
 * Delivers messages in parts. Each part is delivered as soon as its frame has arrived, or as much of its frame as the parser
 * hands on (`split`). Only an incomplete character is held back. After a close frame everything is discarded (RFC 6455 §1.4).
 *
 * @example A character in two fragments
 * ```ts
 * import { frame, Opcode } from "@sluice/websocket/frames";
 * import { type MessagePart, MessageSplitter } from "@sluice/websocket/messages";
 * import { assertEquals } from "@std/assert";
 *
 * const parts: MessagePart[] = [];
 * const splitter = new MessageSplitter();
 * splitter.push([frame(Opcode.TEXT, Uint8Array.of(0x32, 0xe2, 0x82), { fin: false })], parts);
 * splitter.push([frame(Opcode.CONTINUATION, Uint8Array.of(0xac))], parts);
 * assertEquals(parts, [{ data: "2", first: true, last: false }, { data: "€", first: false, last: true }]);
 * ```
 */
export class MessageSplitter implements Stage<readonly Frame[], MessagePart> {
  readonly #sequence: FrameSequence;
  #text: Utf8Decoder | undefined;

  /**
   * Makes a splitter.
   *
   * @param options The limit, and a callback for control frames.
   */
  constructor(options: MessageSplitterOptions = {}) {
    checkValues(options, MESSAGE_SPLITTER_OPTION_KINDS);
    this.#sequence = new FrameSequence({
      maxBytes: options.maxStreamedMessageBytes ?? DEFAULT_LIMITS.maxStreamedMessageBytes,
      limit: "maxStreamedMessageBytes",
      control: options.control,
    });
  }

  /**
   * Delivers the parts that `frames` contains.
   *
   * @param frames The batch.
   * @param parts The array that the parts are appended to, including those before an error.
   * @throws {ProtocolError} 1007 for text that is not UTF-8, 1002 for frames out of sequence.
   * @throws {LimitError} 1009 for a message that is too big.
   */
  push(frames: readonly Frame[], parts: MessagePart[]): void {
    for (const frame of frames) {
      if (this.#sequence.take(frame)) this.#split(frame, parts);
    }
  }

  /**
   * Says that there are no more frames.
   *
   * @throws {ConnectionError} If they ended inside a message.
   */
  end(): void {
    this.#sequence.end();
  }

  #split({ fin, opcode, payload }: Frame, parts: MessagePart[]): void {
    const first = opcode !== Opcode.CONTINUATION;
    if (first) this.#text = opcode === Opcode.TEXT ? new Utf8Decoder() : undefined;
    const put = (data: Message, last: boolean): void => {
      if (data.length > 0 || first || last) parts.push({ data, first, last });
    };
    if (this.#text === undefined) return put(payload, fin);
    const { text, bad } = this.#text.push(payload);
    const wrong = bad === -1 && fin && !this.#text.complete ? payload.length : bad;
    put(text, fin && wrong === -1);
    if (wrong !== -1) throw notUtf8(this.#sequence.bytesBefore + wrong);
  }
}
