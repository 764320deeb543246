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
  /** Whether it is compressed, and whether both ends keep their contexts: RFC 7692. */
  readonly deflate?: "alone" | "takeover";
  /** Bytes of a fragment, where a client sends it in several. */
  readonly fragment?: number | undefined;
}

/** A message of so many bytes, letters all of them. */
export function letters(size: number, options: Omit<Message, "payload"> = {}): Message {
  const payload = new Uint8Array(size);
  for (let at = 0; at < size; at++) payload[at] = 97 + at % 26;
  return { payload, ...options };
}

/** JSON as an API sends it, about 94 bytes for each record, to be compressed. */
export function json(records: number, deflate: Message["deflate"] = "alone"): Message {
  const rows = Array.from({ length: records }, (_, id) => ({
    id: 1000 + id * 37,
    name: `customer ${id * 7919 % 1000}`,
    email: `user${id * 104_729 % 10_000}@example.com`,
    active: id % 3 !== 0,
    score: id * 17.25,
  }));
  return { payload: new TextEncoder().encode(JSON.stringify(rows)), text: true, deflate };
}

/** The frames that a client sends: masked. */
export function requestFrame(message: Message): Uint8Array<ArrayBuffer> {
  return encode(message.deflate ? { ...message, payload: deflated(message.payload) } : message, KEY);
}

/** The frames that a server answers, where it does not deflate. */
export function replyFrame(message: Message): Uint8Array<ArrayBuffer> {
  return encode(message, []);
}

/** RFC 6455 §5.2 and §5.4. */
function encode(message: Message, key: readonly number[]): Uint8Array<ArrayBuffer> {
  const { payload, fragment = payload.length } = message;
  const frames = Array.from({ length: Math.ceil(payload.length / fragment) || 1 }, (_, index) => {
    const part = payload.slice(index * fragment, (index + 1) * fragment);
    if (key.length > 0) part.forEach((byte, at) => part[at] = byte ^ key[at & 3]!);
    const last = (index + 1) * fragment >= payload.length;
    return [Uint8Array.from(header(message, part.length, { first: index === 0, last, key })), part];
  });
  return concat(frames.flat());
}

const KEY = [0x12, 0x34, 0x56, 0x78];

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

/** What a frame has in front of its payload. */
function header(
  { text = false, deflate }: Message,
  size: number,
  { first, last, key }: { first: boolean; last: boolean; key: readonly number[] },
): number[] {
  const kind = (last ? 0x80 : 0) | (first ? (deflate ? 0x40 : 0) | (text ? 1 : 2) : 0);
  const mask = key.length > 0 ? 0x80 : 0;
  if (size < 126) return [kind, mask | size, ...key];
  if (size < 65_536) return [kind, mask | 126, size >>> 8, size & 255, ...key];
  return [kind, mask | 127, 0, 0, 0, 0, size >>> 24, (size >>> 16) & 255, (size >>> 8) & 255, size & 255, ...key];
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
