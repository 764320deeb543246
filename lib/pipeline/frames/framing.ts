/**
 * How frames become bytes and back, where that is not RFC 6455 §5.2: the seam for drafts that frame in another way.
 *
 * @module
 */
import type { Limits } from "../../limits.ts";
import type { Stage } from "../stage.ts";
import type { Frame } from "./frame.ts";

/** Reads frames from bytes. `FrameParser` is RFC 6455's. */
export interface FramingParser extends Stage<Uint8Array<ArrayBuffer>, Frame> {
  /** Whether something has begun and not ended: a message, or a frame. */
  readonly insideMessage: boolean;
  /** Reads frames until `frames` holds `most`, where that is given, and says where it stopped: see `FrameParser`. */
  push(bytes: Uint8Array<ArrayBuffer>, frames: Frame[], most?: number): number;
  /** Whether a message that goes over a limit waits at its header: see `FrameParser`. */
  holdTooBig?(hold: boolean): void;
  /** Whether such a message waits. */
  readonly waiting?: boolean;
  /** Lets messages of up to `max` bytes through in parts, where it holds none in memory: see `FrameParser`. */
  stream?(max: number): void;
  /** Says that the transport ended. Throws `ConnectionError` if it ended inside a frame. */
  end(): void;
}

/** A way to write and read frames. */
export interface Framing {
  /**
   * Whether there are close frames. Where there are none, the end of the transport between two frames says what an empty close
   * frame says.
   */
  readonly hasCloseFrame: boolean;
  /** Makes a parser for one connection. */
  createParser(limits?: Partial<Pick<Limits, "maxMessageBytes">>): FramingParser;
  /**
   * Writes one frame.
   *
   * @throws {TypeError} For a frame that it has no bytes for.
   */
  serialize(frame: Frame): Uint8Array<ArrayBuffer>;
}
