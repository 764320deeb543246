/**
 * What a row of the cases says, and what rows are made of.
 *
 * @module
 */
import { type Frame, frame, Opcode } from "../../lib/pipeline/frames/frame.ts";

/** What a reply may be other than what is expected, by the RFC's leave. */
export type Leave =
  /**
   * RFC 6455 §5.5.3: only the latest ping needs its pong; and no section orders a pong against a message. The suite wants every
   * pong in its place, and says itself that "this is not required by the Spec".
   */
  | "pongs"
  /**
   * RFC 6455 §5.5.1: an answer to what came right before the peer's close frame may come too late. The suite calls the case
   * informational. It is allowed only to an application whose messages wait in a queue of its own.
   */
  | "closed";

/** What the peer does next. */
export type Step =
  /** Sends frames, cut as {@linkcode Case.chop} says. */
  | { readonly send: readonly Frame[] }
  /** Sends the header of a frame of `length` bytes and the start of its payload. */
  | { readonly begin: Frame; readonly length: number }
  /** Sends more of that payload. */
  | { readonly proceed: Uint8Array<ArrayBuffer> }
  /** Waits for messages and pongs. A message may come in fragments. */
  | { readonly expect: readonly Frame[]; readonly leave?: Leave };

/** How it ends. Nothing may come between the last reply and the close frame, nor behind that but the end of the transport. */
export type End =
  /** The peer's close frame, which the steps sent, is answered with this code; 1005 for none. */
  | { readonly closes: number }
  /** The endpoint fails the connection (RFC 6455 §7.1.7) with one of these codes, whatever the peer does. */
  | { readonly fails: readonly number[] };

/** A row. */
export interface Case {
  /** The suite's number. */
  readonly id: string;
  /** What the endpoint does. */
  readonly title: string;
  /** What the peer does. */
  readonly steps: readonly Step[];
  /** How it ends; by default the peer closes with 1000 and is answered with 1000. */
  readonly end?: End;
  /** Bytes of each write and read, or a write for each frame. By default it is run with a step in one write, and again octet-wise. */
  readonly chop?: number | "frames";
  /** It is large, and need not be run with every kind of application. */
  readonly once?: true;
}

export const KiB = 1024;
export const MiB = 1024 * KiB;

export const PROTOCOL_ERROR: End = { fails: [1002] };
export const NOT_UTF8: End = { fails: [1007] };

/** A continuation; the last one with `fin`. */
export const more = (payload: Uint8Array<ArrayBuffer>, fin = false): Frame =>
  frame(Opcode.CONTINUATION, payload, { fin });
/** A text's first fragment. */
export const start = (payload: Uint8Array<ArrayBuffer>): Frame => frame(Opcode.TEXT, payload, { fin: false });
/** A text of bytes, right or wrong. */
export const textOf = (payload: Uint8Array<ArrayBuffer>): Frame => frame(Opcode.TEXT, payload);

/** A message in fragments of `size` bytes, and the rest: an empty one, as in the suite, where nothing is left. */
export function fragments(opcode: number, payload: Uint8Array<ArrayBuffer>, size: number): Frame[] {
  const last = Math.floor(payload.length / size);
  return Array.from({ length: last + 1 }, (_, i) => {
    const part = payload.subarray(i * size, (i + 1) * size);
    return frame(i === 0 ? opcode : Opcode.CONTINUATION, part, { fin: i === last });
  });
}

/** A message goes there and comes back. */
export const echo = (
  message: Frame,
  sent: readonly Frame[] = [message],
): Step[] => [{ send: sent }, { expect: [message] }];
