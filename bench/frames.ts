/**
 * Frames, encoded here so that what drives the servers does not depend on what is measured.
 *
 * @module
 */
import { constants, deflateRawSync } from "node:zlib";

/** What is sent and, by an echo, answered. */
export interface Message {
  readonly payload: Uint8Array<ArrayBuffer>;
  readonly text?: boolean;
  /** Whether it is compressed: RFC 7692, without context takeover. */
  readonly deflate?: boolean;
}

/** A message of so many bytes, letters all of them. */
export function letters(size: number, options: Omit<Message, "payload"> = {}): Message {
  return { payload: Uint8Array.from({ length: size }, (_, at) => 97 + at % 26), ...options };
}

/** About 1 KB of JSON, as an API sends it. */
export const JSON_1K: Message = {
  payload: new TextEncoder().encode(JSON.stringify(
    Array.from({ length: 11 }, (_, id) => ({
      id: 1000 + id * 37,
      name: `customer ${id * 7919 % 1000}`,
      email: `user${id * 104_729 % 10_000}@example.com`,
      active: id % 3 !== 0,
      score: id * 17.25,
    })),
  )),
  text: true,
  deflate: true,
};

/** The frame that a client sends: masked. */
export function requestFrame(message: Message): Uint8Array<ArrayBuffer> {
  const payload = message.deflate ? deflated(message.payload) : message.payload;
  const key = [0x12, 0x34, 0x56, 0x78];
  const head = [...header(message, payload.length, 0x80), ...key];
  return join(head, payload.map((byte, at) => byte ^ key[at & 3]!));
}

/** The frame that a server answers, where it does not deflate. */
export function replyFrame(message: Message): Uint8Array<ArrayBuffer> {
  return join(header(message, message.payload.length, 0), message.payload);
}

/** One after the other, `count` times. */
export function repeat(bytes: Uint8Array, count: number): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(bytes.length * count);
  for (let at = 0; at < block.length; at += bytes.length) block.set(bytes, at);
  return block;
}

/** The bytes of a message and of its sync flush, without the four that RFC 7692 §7.2.1 leaves out. */
function deflated(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4));
}

/** RFC 6455 §5.2, all but the key. */
function header({ text = false, deflate = false }: Message, size: number, mask: number): number[] {
  const first = 0x80 | (deflate ? 0x40 : 0) | (text ? 1 : 2);
  if (size < 126) return [first, mask | size];
  if (size < 65_536) return [first, mask | 126, size >>> 8, size & 255];
  return [first, mask | 127, 0, 0, 0, 0, size >>> 24, (size >>> 16) & 255, (size >>> 8) & 255, size & 255];
}

function join(head: number[], payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(head.length + payload.length);
  bytes.set(head);
  bytes.set(payload, head.length);
  return bytes;
}
