/**
 * Data as `ws` gives it to listeners and takes it from callers.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { isBinaryData, type Message, type MessageData } from "../pipeline/messages/message.ts";
import { utf8Length } from "../pipeline/bytes/utf8.ts";
import { isBlob } from "../connection/message_source.ts";

/** As what binary messages come. */
export type BinaryDataType = "nodebuffer" | "arraybuffer" | "fragments" | "blob";

/** A message as listeners get it: text is a `Buffer` too, and binary data what `binaryType` says. */
export type RawData = Buffer | ArrayBuffer | Buffer[] | Blob;

/** What `send`, `ping` and `pong` take. Numbers become text, lists of numbers bytes, and pieces are joined. */
export type SendData = MessageData | Blob | number | readonly number[] | readonly Uint8Array[] | null | undefined;

/** Every {@linkcode BinaryDataType}: TypeScript holds the list complete. */
const BINARY_TYPES: Readonly<Record<BinaryDataType, true>> = {
  nodebuffer: true,
  arraybuffer: true,
  fragments: true,
  blob: true,
};

/** Whether a value is a {@linkcode BinaryDataType}. */
export function isBinaryType(value: unknown): value is BinaryDataType {
  return typeof value === "string" && Object.hasOwn(BINARY_TYPES, value);
}

/** A message as listeners get it. */
export function toRawData(message: Message, type: BinaryDataType): RawData {
  if (typeof message === "string") return Buffer.from(message);
  if (type === "nodebuffer") return bufferOf(message);
  if (type === "fragments") return [bufferOf(message)];
  if (type === "blob") return new Blob([message]);
  return message.byteLength === message.buffer.byteLength ? message.buffer : message.slice().buffer;
}

/** Bytes as a `Buffer`, not copied. */
export function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/**
 * What is sent for a value that is no blob.
 *
 * @param data The value. What `ws` takes for nothing is an empty message.
 * @returns Text, or bytes that are sent where they lie.
 * @throws {TypeError} If nothing can be sent for it.
 */
export function toMessageData(data: Exclude<SendData, Blob>): MessageData {
  if (typeof data === "string" || isBinaryData(data)) return data;
  if (typeof data === "number") return String(data);
  if (data === undefined || data === null) return Buffer.alloc(0);
  return isPieces(data) ? Buffer.concat(data) : Buffer.from(data);
}

function isPieces(data: readonly number[] | readonly Uint8Array[]): data is readonly Uint8Array[] {
  return data[0] instanceof Uint8Array;
}

/** The text of what is sent as text. */
export function toText(data: MessageData): string {
  return typeof data === "string" ? data : toBytes(data).toString();
}

/** The bytes of what is sent as binary data, or in a control frame. */
export function toBytes(data: MessageData): Buffer<ArrayBuffer> {
  if (typeof data === "string") return Buffer.from(data);
  if (!ArrayBuffer.isView(data)) return Buffer.from(data);
  const { buffer, byteOffset, byteLength } = data;
  return buffer instanceof ArrayBuffer
    ? Buffer.from(buffer, byteOffset, byteLength)
    : Buffer.from(new Uint8Array(buffer, byteOffset, byteLength)); // shared memory is copied
}

/** The bytes that a value takes on the wire, its header aside. */
export function lengthOf(data: SendData): number {
  if (isBlob(data)) return data.size;
  const message = toMessageData(data);
  return typeof message === "string" ? utf8Length(message) : message.byteLength;
}
