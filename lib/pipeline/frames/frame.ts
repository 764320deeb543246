/**
 * A frame and its terms (RFC 6455 §5.2).
 *
 * @module
 */
import { type Kind, oneOf } from "../../option_kinds.ts";

/** An end of a connection. A client masks what it sends, a server does not (RFC 6455 §5.1). */
export type Role = "client" | "server";

/** {@linkcode Role} as a type of option. */
export const ROLE: Kind = oneOf("client", "server");

/** The opcodes that RFC 6455 §5.2 defines. 3 to 7 and 11 to 15 belong to extensions. */
export const Opcode = {
  /** A further fragment of a fragmented message. */
  CONTINUATION: 0x0,
  /** A text message (UTF-8) or its first fragment. */
  TEXT: 0x1,
  /** A binary message, or its first fragment. */
  BINARY: 0x2,
  /** A close frame, part of the closing handshake. */
  CLOSE: 0x8,
  /** Asks whether the peer is still connected. */
  PING: 0x9,
  /** The reply to a ping, with the ping's payload. */
  PONG: 0xa,
} as const;

/** The reserved bits, with the values that {@linkcode Frame.rsv} uses. */
export const Rsv = {
  /** The highest of the three. permessage-deflate uses it. */
  RSV1: 0b100,
  /** The middle one. */
  RSV2: 0b010,
  /** The lowest. */
  RSV3: 0b001,
} as const;

/** A frame. Its mask and its length exist only on the wire. */
export interface Frame {
  /** Whether this is the last fragment of its message. */
  readonly fin: boolean;
  /** The reserved bits that are set, a sum of values of {@linkcode Rsv}; 0 unless an extension uses them. */
  readonly rsv: number;
  /** The opcode, 0 to 15. See {@linkcode Opcode}. */
  readonly opcode: number;
  /** The payload, unmasked. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** A frame to send. */
export interface OutgoingFrame extends Frame {
  /** Whether the sender wants the message compressed. If `undefined`, the extension decides. */
  readonly compress?: boolean | undefined;
}

/** Whether an opcode is a control opcode: 8 to 15 (RFC 6455 §5.5). */
export function isControl(opcode: number): boolean {
  return opcode >= 0x8;
}

/**
 * Makes a frame. By default it is the last of its message, without reserved bits.
 *
 * @example A fragmented text
 * ```ts
 * import { frame, isControl, Opcode } from "@sluice/websocket/frames";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = (text: string) => new TextEncoder().encode(text);
 * const [first, ping, last] = [
 *   frame(Opcode.TEXT, bytes("hel"), { fin: false }),
 *   frame(Opcode.PING),
 *   frame(Opcode.CONTINUATION, bytes("lo")),
 * ];
 * assertEquals([first, ping, last].map(({ opcode }) => isControl(opcode)), [false, true, false]);
 * ```
 */
export function frame(
  opcode: number,
  payload: Uint8Array<ArrayBuffer> = EMPTY,
  { fin = true, rsv = 0 }: { fin?: boolean; rsv?: number } = {},
): Frame {
  return { fin, rsv, opcode, payload };
}

const EMPTY = new Uint8Array(0);
