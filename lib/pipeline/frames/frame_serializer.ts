/**
 * Frames to bytes. Both roles use the same encoder: masking is an argument.
 *
 * @module
 */
import { CALLBACK, type OptionKinds, required } from "../../option_kinds.ts";
import { checkValues } from "../../options.ts";
import { type MaskKeySource, randomMaskKey } from "../bytes/mask.ts";
import type { Stage } from "../stage.ts";
import { type Frame, ROLE, type Role } from "./frame.ts";
import { firstByte, headerSize, writeFrame, writeHeader } from "./frame_layout.ts";

/** Payloads of at least this many bytes are not copied behind their header, unless they must be masked. */
const TOO_BIG_TO_COPY = 64 * 1024;

/** Options for writing frames. */
export interface FrameSerializerOptions {
  /** The role of this end: a client masks its frames, a server does not. */
  role: Role;
  /** Returns the masking keys. By default each key is random. Tests and known answers pass their own. */
  maskKey?: MaskKeySource;
}

/** The types of these options. */
export const FRAME_SERIALIZER_OPTION_KINDS: OptionKinds<FrameSerializerOptions> = {
  role: required(ROLE),
  maskKey: CALLBACK,
};

/**
 * Writes frames to bytes. All frames of a batch are in one chunk, so that a batch needs one write.
 *
 * @example Write one frame
 * ```ts
 * import { frame, FrameSerializer, Opcode } from "@sluice/websocket/frames";
 * import { assertEquals } from "@std/assert";
 *
 * const chunks: Uint8Array<ArrayBuffer>[] = [];
 * const hello = frame(Opcode.TEXT, new TextEncoder().encode("Hello"));
 * new FrameSerializer({ role: "server" }).push([hello], chunks);
 * assertEquals(chunks, [Uint8Array.of(0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f)]);
 * ```
 */
export class FrameSerializer implements Stage<readonly Frame[], Uint8Array<ArrayBuffer>> {
  readonly #maskKey: MaskKeySource | undefined;

  /**
   * Makes a serializer.
   *
   * @param options The role and the source of masking keys.
   * @throws {TypeError} If the role is missing, or an option has the wrong type.
   */
  constructor(options: FrameSerializerOptions) {
    checkValues(options, FRAME_SERIALIZER_OPTION_KINDS);
    this.#maskKey = options.role === "client" ? options.maskKey ?? randomMaskKey : undefined;
  }

  /**
   * Writes a batch of frames.
   *
   * @param frames The batch.
   * @param chunks The array that the bytes are appended to: one chunk, and large unmasked payloads as separate chunks, which are
   *    not copied.
   */
  push(frames: readonly Frame[], chunks: Uint8Array<ArrayBuffer>[]): void {
    const masked = this.#maskKey !== undefined;
    const copied = (payload: Uint8Array) => masked || payload.length < TOO_BIG_TO_COPY;
    let size = 0;
    for (const { payload } of frames) {
      size += headerSize(payload.length, masked) + (copied(payload) ? payload.length : 0);
    }
    const target = new Uint8Array(size);
    let start = 0;
    let at = 0;
    for (const { fin, rsv, opcode, payload } of frames) {
      const first = firstByte(opcode, fin, rsv);
      const key = this.#maskKey?.();
      if (copied(payload)) {
        at = writeFrame(target, at, { first, key }, payload);
      } else {
        at = writeHeader(target, at, { first, length: payload.length, key });
        chunks.push(target.subarray(start, at), payload);
        start = at;
      }
    }
    if (at > start) chunks.push(target.subarray(start, at));
  }
}
