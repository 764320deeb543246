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

/** The options of {@linkcode MessageReaderStream}. */
export interface MessageReaderOptions
  extends Partial<Pick<Limits, "maxMessageBytes" | "maxFragments" | "maxEmptyFragments">> {
  /** This end's role. A server requires masked frames, a client unmasked ones. */
  role: Role;
  /** The extensions in use, from `openExtensions`. None by default. */
  extensions?: ExtensionChain;
  /** Called with every control frame in wire order, after its chunk was read. */
  control?: (frame: Frame) => void;
}

/** Extensions that are open. */
export const EXTENSION_CHAIN: Kind = like("extensions, from openExtensions", {});

/** The option kinds. */
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
 * messages that one chunk of bytes completed. Small complete messages take a faster path.
 *
 * Control frames are passed to `options.control`, not to the batches. You have to reply to pings and close frames;
 * `MessageWriterStream.control` sends the replies.
 *
 * If the peer violates the protocol or a limit, the stream errors with a `ProtocolError` or a `LimitError` after the messages
 * before that. If the bytes end inside a frame or a message, it errors with a `ConnectionError`. Do not use the chunks after you
 * have written them, because binary messages may be views of them.
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
   * @param options The role, the limits, the extensions, and a function that gets the control frames.
   * @throws {TypeError} If the role is missing, or an option has the wrong type.
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
