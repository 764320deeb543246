/**
 * Frames that packages encode themselves, as Socket.IO does for a broadcast: `Sender.frame` encodes one, and `_sender.sendFrame` of
 * a socket sends it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { frame } from "../pipeline/frames/frame.ts";
import { FrameSerializer } from "../pipeline/frames/frame_serializer.ts";
import { type SendCallback, type SendData, toBytes, toMessageData } from "./message_data.ts";

/** A frame's options in `ws`. */
export interface SenderFrameOptions {
  /** The opcode: 1 for text, 2 for binary data. */
  readonly opcode: number;
  /** Whether it is the last frame of its message. @default {false} */
  readonly fin?: boolean;
  /** Whether to mask it, as a client has to. @default {false} */
  readonly mask?: boolean;
  /** The first reserved bit, which marks compressed data. @default {false} */
  readonly rsv1?: boolean;
  /** Has no effect: the data is never changed. */
  readonly readOnly?: boolean;
}

/** Encodes frames: the one function of the class `Sender` of `ws` that packages use. */
export interface FrameEncoder {
  /**
   * Encodes one frame.
   *
   * @param data The payload.
   * @param options The opcode and the bits of the header.
   * @returns The bytes of the frame, for `_sender.sendFrame`.
   */
  frame(data: Exclude<SendData, Blob>, options: SenderFrameOptions): Buffer[];
}

/** Sends encoded frames: the one method of `_sender` in `ws` that packages use. */
export interface FrameSender {
  /**
   * Sends a frame as it is, in its place among the messages.
   *
   * @param list The bytes of one or more frames.
   * @param callback Called when the bytes were written, or with the error that prevented it.
   */
  sendFrame(list: readonly Uint8Array[], callback?: SendCallback): void;
}

const SERIALIZERS = {
  client: new FrameSerializer({ role: "client" }),
  server: new FrameSerializer({ role: "server" }),
};

/** The class `Sender` of `ws`, as far as packages use it. */
export const Sender: FrameEncoder = {
  frame(data, { opcode, fin = false, mask = false, rsv1 = false }) {
    const { buffer, byteOffset, byteLength } = toBytes(toMessageData(data));
    const payload = new Uint8Array(buffer, byteOffset, byteLength);
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    SERIALIZERS[mask ? "client" : "server"].push([frame(opcode, payload, { fin, rsv: rsv1 ? 0b100 : 0 })], chunks);
    return chunks.map((chunk) => Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  },
};

/** The list that was joined last, and its bytes. A broadcast passes the same list to many sockets in one call stack. */
let newest: { readonly list: readonly Uint8Array[]; readonly bytes: Uint8Array<ArrayBuffer> } | undefined;

/** Copies encoded frames to one piece of memory, which the queues of several sockets may share. */
export function joinFrames(list: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  if (newest?.list === list) return newest.bytes;
  const bytes = new Uint8Array(list.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of list) {
    bytes.set(piece, at);
    at += piece.length;
  }
  if (newest === undefined) queueMicrotask(() => newest = undefined); // the caller may change the list later
  newest = { list, bytes };
  return bytes;
}
