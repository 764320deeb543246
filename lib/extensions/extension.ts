/**
 * The extension API (RFC 6455 §9): what an extension negotiates, which bits and opcodes it uses, how it changes frames, and when
 * it releases its resources.
 *
 * @module
 */
import { type Kind, like } from "../option_kinds.ts";
import type { ExtensionParam } from "../handshake/extension_header.ts";
import type { Frame, OutgoingFrame, Role } from "../pipeline/frames/frame.ts";
import type { ReservedBits } from "../pipeline/frames/frame_parser.ts";
import type { Stage } from "../pipeline/stage.ts";

/**
 * An extension, as passed to `serve`, `accept` and `connect`. One object serves any number of connections: the state of a
 * connection is in its processor and its codec.
 */
export interface Extension {
  /** The registered name, such as `permessage-deflate`. */
  readonly name: string;
  /**
   * Returns what a client offers: a list of parameters for each offer, in order of preference.
   *
   * @returns At least one offer.
   */
  offer(): readonly (readonly ExtensionParam[])[];
  /**
   * Returns the server's answer to one offer.
   *
   * @param params The offer's parameters.
   * @returns The processor for the connection, or `undefined` to decline this offer. The next offer is then tried.
   */
  accept(params: readonly ExtensionParam[]): ExtensionProcessor | undefined;
  /**
   * Checks the server's answer on the client.
   *
   * @param params The answer's parameters.
   * @returns The processor for the connection.
   * @throws {Error} If the answer does not match an offer. The handshake then fails.
   */
  confirm(params: readonly ExtensionParam[]): ExtensionProcessor;
}

/** An extension as a type of option. */
export const EXTENSION: Kind = like("an extension: an object with a name, and the methods offer, accept and confirm", {
  methods: ["offer", "accept", "confirm"],
});

/** An extension that was negotiated for one connection. On a server, `upgrade` can still configure it or leave it out. */
export interface ExtensionProcessor {
  /** The extension's name. */
  readonly name: string;
  /** The answer's parameters. They are read when the answer is written, after `upgrade`. */
  readonly params: readonly ExtensionParam[];
  /** The reserved bits that it uses. No two processors of a connection may use the same one. */
  readonly reservedBits?: ReservedBits;
  /** The opcodes that it uses, from 3 to 7 and 11 to 15. No two processors of a connection may use the same one. */
  readonly reservedOpcodes?: readonly number[];
  /**
   * Whether it accepts a data frame in parts, as fragments that an intermediary might make (RFC 6455 §5.4).
   *
   * @default {false}
   */
  readonly splittable?: boolean;
  /**
   * A key for its encoding. Processors with the same key make the same frames from a message, whatever came before it, so a hub
   * encodes a message once for all their connections. `undefined` if the encoding depends on more than that.
   */
  readonly encoding?: string | undefined;
  /** Its counters by name, if it has any. */
  readonly stats?: Readonly<Record<string, number>>;
  /**
   * Opens the extension for the connection.
   *
   * @param context What the codec needs to know.
   * @returns The codec that changes this connection's frames.
   */
  open(context: CodecContext): ExtensionCodec;
  /**
   * Called when the handshake is over: release what was reserved if the connection was not opened. It may be called more than
   * once, and also after `open`; it must then do nothing.
   */
  release?(): void;
}

/** What a codec needs to know about its connection. */
export interface CodecContext {
  /** The role of this end. */
  readonly role: Role;
  /**
   * The maximum number of bytes of one message after decoding. A codec that makes messages larger must enforce it. Read it each
   * time: it becomes `Infinity` when the application starts to read messages as streams.
   */
  readonly maxMessageBytes: number;
  /** Whether all extensions of the connection accept data frames in parts. Only then may a codec split frames. */
  readonly split: boolean;
  /** Returns the time in milliseconds, from a monotonic clock. */
  readonly now: () => number;
  /**
   * Sends a frame of the extension itself, with an opcode or reserved bits that it uses, without passing through `encode`. It
   * does nothing once the connection is closing.
   */
  readonly send: (frame: Frame) => void;
}

/** Changes the frames of one connection. */
export interface ExtensionCodec {
  /**
   * Decodes frames from the peer: removes the extension's bits and opcodes. A `ProtocolError` or `LimitError` fails the
   * connection.
   */
  readonly decode: Stage<readonly Frame[], Frame>;
  /**
   * Encodes the frames of messages to the peer: adds the extension's bits and opcodes. The connection's control frames do not
   * pass through it. A payload is valid only during the call, because its memory may be reused.
   */
  readonly encode: Stage<readonly OutgoingFrame[], OutgoingFrame>;
  /** Called once, when the connection has ended: release memory and handles. */
  release?(): void;
}
