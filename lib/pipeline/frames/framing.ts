/**
 * An interface for protocols that frame differently from RFC 6455 §5.2, such as old drafts.
 *
 * @module
 */
import type { Limits } from "../../limits.ts";
import type { Stage } from "../stage.ts";
import type { Frame } from "./frame.ts";

/** Reads frames from bytes. `FrameParser` implements this for RFC 6455. */
export interface FramingParser extends Stage<Uint8Array<ArrayBuffer>, Frame> {
  /** Whether a message or a frame has started and not ended. */
  readonly insideMessage: boolean;
  /** Reads frames until `frames` has `most` (if given), and returns the position at which it stopped. See `FrameParser`. */
  push(bytes: Uint8Array<ArrayBuffer>, frames: Frame[], most?: number): number;
  /** Sets whether a message that exceeds a limit waits at its header. See `FrameParser`. */
  holdTooBig?(hold: boolean): void;
  /** Whether such a message is waiting. */
  readonly waiting?: boolean;
  /** Delivers messages of up to `max` bytes in parts, if the parser does not hold them in memory. See `FrameParser`. */
  stream?(max: number): void;
  /** Says that the transport ended. Throws `ConnectionError` if it ended inside a frame. */
  end(): void;
}

/** Writes and reads frames. */
export interface Framing {
  /**
   * Whether the protocol has close frames. If it has none, the end of the transport between two frames means the same as an empty
   * close frame.
   */
  readonly hasCloseFrame: boolean;
  /** Makes a parser for one connection. */
  createParser(limits?: Partial<Pick<Limits, "maxMessageBytes">>): FramingParser;
  /**
   * Writes one frame.
   *
   * @throws {TypeError} If the protocol cannot express the frame.
   */
  serialize(frame: Frame): Uint8Array<ArrayBuffer>;
}
