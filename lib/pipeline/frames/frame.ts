/**
 * A frame and its vocabulary, RFC 6455 §5.2.
 *
 * @module
 */
import { type Kind, oneOf } from "../../option_kinds.ts";

/** Which end of a connection one is. A client masks what it sends, a server does not (RFC 6455 §5.1). */
export type Role = "client" | "server";

/** A {@linkcode Role}, to the checks of options. */
export const ROLE: Kind = oneOf("client", "server");

/** The opcodes that RFC 6455 §5.2 defines. 3 to 7 and 11 to 15 belong to extensions. */
export const Opcode = {
  /** A further fragment of the message before. */
  CONTINUATION: 0x0,
  /** A text message, or its first fragment: UTF-8. */
  TEXT: 0x1,
  /** A binary message, or its first fragment. */
  BINARY: 0x2,
  /** The closing handshake. */
  CLOSE: 0x8,
  /** A question whether the peer is there. */
  PING: 0x9,
  /** The answer to a ping, with the ping's payload. */
  PONG: 0xa,
} as const;

/** The reserved bits, as {@linkcode Frame.rsv} counts them. */
export const Rsv = {
  /** The highest of the three; permessage-deflate's. */
  RSV1: 0b100,
  /** The middle one. */
  RSV2: 0b010,
  /** The lowest. */
  RSV3: 0b001,
} as const;

/** One frame. The mask and the length are the wire's business and are dealt with on the way. */
export interface Frame {
  /** Whether it is the last fragment of its message. */
  readonly fin: boolean;
  /** The reserved bits that are set, a sum of {@linkcode Rsv}'s values; 0 unless an extension owns them. */
  readonly rsv: number;
  /** 0 to 15, see {@linkcode Opcode}. */
  readonly opcode: number;
  /** The payload, unmasked. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** A frame on its way out. */
export interface OutgoingFrame extends Frame {
  /** Whether the sender wants its message compressed; `undefined` leaves it to the extension. */
  readonly compress?: boolean | undefined;
}

/** Whether an opcode is a control frame's: 8 to 15 (RFC 6455 §5.5). */
export function isControl(opcode: number): boolean {
  return opcode >= 0x8;
}

/**
 * Makes a frame: by default the last one, with no reserved bit.
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
