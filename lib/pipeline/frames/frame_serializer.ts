/**
 * Frames to bytes. One encoder for both roles: masking is an argument.
 *
 * @module
 */
import { CALLBACK, type OptionKinds, required } from "../../option_kinds.ts";
import { checkValues } from "../../options.ts";
import { type MaskKeySource, maskRange, randomMaskKey } from "../bytes/mask.ts";
import type { Stage } from "../stage.ts";
import { type Frame, ROLE, type Role } from "./frame.ts";

/** The most that a header takes: 2 bytes, a length of 8, a key of 4. */
export const MAX_HEADER_BYTES = 14;

/** Payloads of this many bytes and more are not copied behind their header where they need no masking. */
const TOO_BIG_TO_COPY = 64 * 1024;

/** The number of bytes that a frame's header takes, RFC 6455 §5.2. */
export function headerSize(payloadLength: number, masked: boolean): number {
  return 2 + (payloadLength < 126 ? 0 : payloadLength < 65_536 ? 2 : 8) + (masked ? 4 : 0);
}

/**
 * Writes a frame's header, RFC 6455 §5.2, with the length in its shortest form.
 *
 * @param target Where it goes; there must be room.
 * @param at Where it begins.
 * @param header The first byte (FIN, reserved bits, opcode), the payload's length, and the masking key or `undefined`.
 * @returns Where the payload begins.
 */
export function writeHeader(
  target: Uint8Array,
  at: number,
  header: { first: number; length: number; key: number | undefined },
): number {
  const { first, length, key } = header;
  const maskBit = key === undefined ? 0 : 0x80;
  target[at++] = first;
  if (length < 126) {
    target[at++] = maskBit | length;
  } else if (length < 65_536) {
    target[at++] = maskBit | 126;
    target[at++] = length >>> 8;
    target[at++] = length;
  } else {
    target[at++] = maskBit | 127;
    at = writeUint32(target, at, Math.floor(length / 2 ** 32));
    at = writeUint32(target, at, length);
  }
  return key === undefined ? at : writeUint32(target, at, key);
}

/** The first byte of a header. */
export function firstByte(opcode: number, fin = true, rsv = 0): number {
  return (fin ? 0x80 : 0) | (rsv << 4) | opcode;
}

/** How frames are written. */
export interface FrameSerializerOptions {
  /** Which end we are: a client masks, a server does not. */
  role: Role;
  /** Where masking keys come from: fresh random ones by default. Tests and known answers give their own. */
  maskKey?: MaskKeySource;
}

/** What they take. */
export const FRAME_SERIALIZER_OPTION_KINDS: OptionKinds<FrameSerializerOptions> = {
  role: required(ROLE),
  maskKey: CALLBACK,
};

/**
 * Writes frames to bytes: all frames of a batch in one chunk, so that a batch is one write.
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
   * @throws {TypeError} If there is no role, or an option is of another kind.
   */
  constructor(options: FrameSerializerOptions) {
    checkValues(options, FRAME_SERIALIZER_OPTION_KINDS);
    this.#maskKey = options.role === "client" ? options.maskKey ?? randomMaskKey : undefined;
  }

  /**
   * Writes a batch of frames.
   *
   * @param frames The batch.
   * @param chunks Where the bytes are appended: one chunk, and large unmasked payloads as chunks of their own, not copied.
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
      const key = this.#maskKey?.();
      at = writeHeader(target, at, { first: firstByte(opcode, fin, rsv), length: payload.length, key });
      if (copied(payload)) {
        target.set(payload, at);
        if (key !== undefined) maskRange(target, at, at + payload.length, key);
        at += payload.length;
      } else {
        chunks.push(target.subarray(start, at), payload);
        start = at;
      }
    }
    if (at > start) chunks.push(target.subarray(start, at));
  }
}

function writeUint32(target: Uint8Array, at: number, value: number): number {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
  return at + 4;
}
