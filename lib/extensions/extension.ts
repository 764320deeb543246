/**
 * The extension API, RFC 6455 §9: what an extension negotiates, which bits and opcodes it owns, how it changes frames, and when
 * it lets go.
 *
 * @module
 */
import { type Kind, like } from "../option_kinds.ts";
import type { ExtensionParam } from "../handshake/extension_header.ts";
import type { Frame, OutgoingFrame, Role } from "../pipeline/frames/frame.ts";
import type { ReservedBits } from "../pipeline/frames/frame_parser.ts";
import type { Stage } from "../pipeline/stage.ts";

/**
 * An extension, as it is given to `serve`, `accept` and `connect`. One object serves any number of connections: what belongs to one
 * of them is in its processor and its codec.
 */
export interface Extension {
  /** The registered name, such as `permessage-deflate`. */
  readonly name: string;
  /**
   * What a client offers: a list of parameters for each offer, the best first.
   *
   * @returns At least one offer.
   */
  offer(): readonly (readonly ExtensionParam[])[];
  /**
   * The server's answer to one offer.
   *
   * @param params The offer's parameters.
   * @returns What takes part in the connection, or `undefined` to decline this offer: the next one is tried.
   */
  accept(params: readonly ExtensionParam[]): ExtensionProcessor | undefined;
  /**
   * The client's check of the server's answer.
   *
   * @param params The answer's parameters.
   * @returns What takes part in the connection.
   * @throws {Error} If the answer is not one to the offers made: the handshake fails.
   */
  confirm(params: readonly ExtensionParam[]): ExtensionProcessor;
}

/** An extension, to the checks of options. */
export const EXTENSION: Kind = like("an extension: an object with a name, and the methods offer, accept and confirm", {
  methods: ["offer", "accept", "confirm"],
});

/** An extension that was agreed on for one connection. On a server, `upgrade` may still configure it, or leave it out. */
export interface ExtensionProcessor {
  /** The extension's name. */
  readonly name: string;
  /** The answer's parameters. They are read when the answer is written, after `upgrade`. */
  readonly params: readonly ExtensionParam[];
  /** The reserved bits that it owns. No two processors of a connection share one. */
  readonly reservedBits?: ReservedBits;
  /** The opcodes that it owns, from 3 to 7 and 11 to 15. No two processors of a connection share one. */
  readonly reservedOpcodes?: readonly number[];
  /**
   * Whether it copes with a data frame that comes in parts, as the fragments an intermediary might make of it (RFC 6455 §5.4).
   *
   * @default {false}
   */
  readonly splittable?: boolean;
  /**
   * How it encodes: processors of the same encoding make the same frames of a message, whatever came before it, so that a hub
   * encodes a message once for all their connections. `undefined` where encoding depends on more.
   */
  readonly encoding?: string | undefined;
  /** What it has counted, by name, where it counts. */
  readonly stats?: Readonly<Record<string, number>>;
  /**
   * The connection opens.
   *
   * @param context What the codec needs to know.
   * @returns What changes this connection's frames.
   */
  open(context: CodecContext): ExtensionCodec;
  /**
   * The handshake is over: what was reserved for a connection that was not opened goes. May be called more than once, and after
   * `open`, where it changes nothing.
   */
  release?(): void;
}

/** What a codec needs to know of its connection. */
export interface CodecContext {
  /** Which end we are. */
  readonly role: Role;
  /**
   * Bytes of one message after decoding: a codec that makes messages larger must stop there. Read it when it matters: it becomes
   * `Infinity` where the application begins to read messages as streams.
   */
  readonly maxMessageBytes: number;
  /** Whether all extensions of the connection cope with a data frame in parts: only then may a codec make parts of one. */
  readonly split: boolean;
  /** Milliseconds on a clock that only goes forward. */
  readonly now: () => number;
  /**
   * Sends a frame of the extension's own, past `encode`: with an opcode or reserved bits that it owns. Once the connection is
   * closing, nothing is sent any more.
   */
  readonly send: (frame: Frame) => void;
}

/** Changes the frames of one connection. */
export interface ExtensionCodec {
  /** Frames from the peer: takes its own bits and opcodes out. A `ProtocolError` or `LimitError` fails the connection. */
  readonly decode: Stage<readonly Frame[], Frame>;
  /**
   * The frames of messages to the peer: puts its own bits and opcodes in. The connection's control frames pass it by. A payload is
   * good for the length of the call: the memory may be used again.
   */
  readonly encode: Stage<readonly OutgoingFrame[], OutgoingFrame>;
  /** The connection has ended: memory and handles go. Is called once. */
  release?(): void;
}
