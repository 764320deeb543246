/**
 * Bytes to messages in one stream, as a connection reads them.
 *
 * @module
 */
import type { ExtensionChain } from "../extensions/negotiation.ts";
import { LIMIT_KINDS, type Limits, resolveLimits } from "../limits.ts";
import { CALLBACK, type Kind, like, type OptionKinds, required } from "../option_kinds.ts";
import { checkValues } from "../options.ts";
import { type Frame, ROLE, type Role } from "../pipeline/frames/frame.ts";
import type { Message } from "../pipeline/messages/message.ts";
import type { Stage } from "../pipeline/stage.ts";
import { StageStream } from "../pipeline/stage_stream.ts";
import { Incoming } from "./incoming.ts";

/** How messages are read. */
export interface MessageReaderOptions
  extends Partial<Pick<Limits, "maxMessageBytes" | "maxFragments" | "maxEmptyFragments">> {
  /** Which end we are: a server wants masked frames, a client unmasked ones. */
  role: Role;
  /** The extensions in use, from `openExtensions`. None by default. */
  extensions?: ExtensionChain;
  /** Gets every control frame, in the order of the wire, when the chunk that brought it has been read. */
  control?: (frame: Frame) => void;
}

/** Extensions that are open. */
export const EXTENSION_CHAIN: Kind = like("extensions, from openExtensions", {});

/** What they take. */
export const MESSAGE_READER_OPTION_KINDS: OptionKinds<MessageReaderOptions> = {
  maxMessageBytes: LIMIT_KINDS.maxMessageBytes,
  maxFragments: LIMIT_KINDS.maxFragments,
  maxEmptyFragments: LIMIT_KINDS.maxEmptyFragments,
  role: required(ROLE),
  extensions: EXTENSION_CHAIN,
  control: CALLBACK,
};

/**
 * Reads bytes into messages: `FrameDecoderStream`, the extensions and `MessageDecoderStream` in one hop. A chunk is the batch of
 * messages that one chunk of bytes completed. Small messages that are whole take a shorter way, which costs less.
 *
 * Control frames go to `options.control`, beside the batches: you owe the peer a pong or a close frame, and
 * `MessageWriterStream.control` sends it.
 *
 * The stream errors with a `ProtocolError` or a `LimitError` where the peer broke a rule, after the messages before it, and with a
 * `ConnectionError` where the bytes end inside a frame or a message. The chunks written must not be used afterwards: binary messages
 * may lie in them.
 *
 * @example Messages of bytes
 * ```ts
 * import { MessageReaderStream } from "@sluice/websocket/pipeline";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new Blob([Uint8Array.of(0x81, 0x02, 0x68, 0x69, 0x81, 0x00)]).stream();
 * const batches = bytes.pipeThrough(new MessageReaderStream({ role: "client" }));
 * assertEquals(await Array.fromAsync(batches), [["hi", ""]]);
 * ```
 */
export class MessageReaderStream extends StageStream<Uint8Array<ArrayBuffer>, Message> {
  /**
   * Makes the stream.
   *
   * @param options The role, the limits, the extensions, and what gets the control frames.
   * @throws {TypeError} If there is no role, or an option has the wrong type.
   * @throws {RangeError} If a limit is out of range.
   */
  constructor(options: MessageReaderOptions) {
    checkValues(options, MESSAGE_READER_OPTION_KINDS);
    super(readingStage(options));
  }
}

function readingStage({ role, extensions, control = () => {}, ...limits }: MessageReaderOptions): Stage<
  Uint8Array<ArrayBuffer>,
  Message
> {
  const incoming = new Incoming({ role, chain: extensions, limits: resolveLimits(limits) });
  return {
    push(bytes, messages) {
      try {
        incoming.push(bytes, messages);
      } finally {
        for (const { frame } of incoming.takeControls()) control(frame);
      }
    },
    end: () => incoming.end(),
  };
}
