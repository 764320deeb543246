/**
 * A message between hubs as bytes, in the form in which a broker carries it:
 *
 * ```text
 *  byte  0        1          2               4                   20                  28
 *       ┌────────┬──────────┬───────────────┬───────────────────┬───────────────────┬───────┬──────┐
 *       │ format │ opcode   │ topic length  │ sender            │ sequence number   │ topic │ data │
 *       │ 1      │ 1 text   │ 2 bytes       │ a UUID, 16 bytes  │ 8 bytes           │ UTF-8 │      │
 *       │        │ 2 binary │               │                   │                   │       │      │
 *       └────────┴──────────┴───────────────┴───────────────────┴───────────────────┴───────┴──────┘
 * ```
 *
 * Numbers are big-endian. A hub recognizes its own messages by the sender, and duplicates by the number.
 *
 * @module
 */
import { Opcode } from "../pipeline/frames/frame.ts";
import type { BrokerMessage } from "./broker.ts";

/** A message with its sender and its number. */
export interface Envelope extends BrokerMessage {
  /** The sender: 32 hexadecimal digits. */
  readonly sender: string;
  /** The sender's number for it, greater than all earlier ones. */
  readonly sequence: number;
}

/** Bytes before the topic. */
export const ENVELOPE_BYTES = 28;

/**
 * Bytes of a topic in UTF-8. In a NATS subject a byte takes up to three characters, and a line of NATS holds 4096.
 */
export const MAX_TOPIC_BYTES = 1_024;

const FORMAT = 1;
const SENDER = 4;
const SEQUENCE = 20;

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Writes an envelope.
 *
 * @param envelope The contents.
 * @returns Its bytes, or `undefined` if the topic is too long or not well-formed Unicode, which would arrive as another topic.
 */
export function encodeEnvelope({ sender, sequence, topic, data }: Envelope): Uint8Array<ArrayBuffer> | undefined {
  if (topic.length > MAX_TOPIC_BYTES || !topic.isWellFormed()) return undefined;
  const name = encoder.encode(topic);
  if (name.byteLength > MAX_TOPIC_BYTES) return undefined;
  const payload = typeof data === "string" ? encoder.encode(data) : data;
  const bytes = new Uint8Array(ENVELOPE_BYTES + name.byteLength + payload.byteLength);
  const view = new DataView(bytes.buffer);
  bytes[0] = FORMAT;
  bytes[1] = typeof data === "string" ? Opcode.TEXT : Opcode.BINARY;
  view.setUint16(2, name.byteLength);
  for (let at = 0; at < 16; at += 4) view.setUint32(SENDER + at, parseInt(sender.slice(2 * at, 2 * at + 8), 16));
  view.setUint32(SEQUENCE, Math.floor(sequence / 2 ** 32));
  view.setUint32(SEQUENCE + 4, sequence % 2 ** 32);
  bytes.set(name, ENVELOPE_BYTES);
  bytes.set(payload, ENVELOPE_BYTES + name.byteLength);
  return bytes;
}

/**
 * Reads an envelope.
 *
 * @param bytes Any bytes from the broker.
 * @returns The contents with a copy of the data, or `undefined` if this is not an envelope.
 */
export function decodeEnvelope(bytes: Uint8Array): Envelope | undefined {
  if (bytes.byteLength < ENVELOPE_BYTES || bytes[0] !== FORMAT) return undefined;
  const opcode = bytes[1];
  if (opcode !== Opcode.TEXT && opcode !== Opcode.BINARY) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, ENVELOPE_BYTES);
  const end = ENVELOPE_BYTES + view.getUint16(2);
  const sequence = view.getUint32(SEQUENCE) * 2 ** 32 + view.getUint32(SEQUENCE + 4);
  if (end - ENVELOPE_BYTES > MAX_TOPIC_BYTES || end > bytes.byteLength || !Number.isSafeInteger(sequence)) {
    return undefined;
  }
  try {
    const topic = strict.decode(bytes.subarray(ENVELOPE_BYTES, end));
    const payload = bytes.subarray(end);
    const data = opcode === Opcode.TEXT ? strict.decode(payload) : new Uint8Array(payload);
    return { sender: hex(bytes.subarray(SENDER, SEQUENCE)), sequence, topic, data };
  } catch {
    return undefined; // not UTF-8
  }
}

/** Converts bytes to hexadecimal digits, because Node 20 lacks `toHex`. */
function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
