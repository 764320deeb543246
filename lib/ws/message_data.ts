/**
 * The data types of `ws` for listeners and callers.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { isBinaryData, type Message, type MessageData } from "../pipeline/messages/message.ts";
import { utf8Length } from "../pipeline/bytes/utf8.ts";
import { isSendableCloseCode, MAX_REASON_BYTES } from "../pipeline/frames/close_code.ts";
import { isBlob } from "../connection/message_source.ts";

/** The type of binary messages. */
export type BinaryDataType = "nodebuffer" | "arraybuffer" | "fragments" | "blob";

/** A message for listeners. Text is a `Buffer` too; binary data has the type of `binaryType`. */
export type RawData = Buffer | ArrayBuffer | Buffer[] | Blob;

/**
 * The data that `send`, `ping` and `pong` take. Numbers become text, lists of numbers become bytes, and lists of buffers are
 * joined.
 */
export type SendData = MessageData | Blob | number | readonly number[] | readonly Uint8Array[] | null | undefined;

/** Called when the data was passed to the operating system, or with the error that prevented it. */
export type SendCallback = (error?: Error) => void;

/** Every {@linkcode BinaryDataType}: TypeScript checks that the list is complete. */
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

/** Converts a message for listeners. */
export function toRawData(message: Message, type: BinaryDataType): RawData {
  if (typeof message === "string") return Buffer.from(message);
  if (type === "nodebuffer") return bufferOf(message);
  if (type === "fragments") return [bufferOf(message)];
  if (type === "blob") return new Blob([message]);
  return message.byteLength === message.buffer.byteLength ? message.buffer : message.slice().buffer;
}

/** Returns bytes as a `Buffer` without a copy. */
export function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/**
 * Converts a value that is not a blob to a message.
 *
 * @param data The value. Values that `ws` treats as no data become an empty message.
 * @returns Text, or bytes that are sent without a copy.
 * @throws {TypeError} If the value cannot be sent.
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

/** Converts a value that is sent as text. */
export function toText(data: MessageData): string {
  return typeof data === "string" ? data : toBytes(data).toString();
}

/** Converts a value that is sent as binary data or in a control frame. */
export function toBytes(data: MessageData): Buffer<ArrayBuffer> {
  if (typeof data === "string") return Buffer.from(data);
  if (!ArrayBuffer.isView(data)) return Buffer.from(data);
  const { buffer, byteOffset, byteLength } = data;
  return buffer instanceof ArrayBuffer
    ? Buffer.from(buffer, byteOffset, byteLength)
    : Buffer.from(new Uint8Array(buffer, byteOffset, byteLength)); // shared memory is copied
}

/**
 * Returns the bytes of a close reason.
 *
 * @throws {TypeError} If the code may not be sent.
 * @throws {RangeError} If the reason is too long.
 */
export function toCloseReason(code: number | undefined, reason: string | Uint8Array): Buffer {
  if (code !== undefined && !isSendableCloseCode(code)) {
    throw new TypeError(`First argument must be a valid error code number: ${code} may not be sent`);
  }
  const bytes = toBytes(typeof reason === "string" ? reason : new Uint8Array(reason));
  if (bytes.length > MAX_REASON_BYTES) {
    throw new RangeError(`The message must not be greater than 123 bytes: it has ${bytes.length}`);
  }
  return bytes;
}

/** Returns the bytes of a value on the wire, without the header. */
export function lengthOf(data: SendData): number {
  if (isBlob(data)) return data.size;
  const message = toMessageData(data);
  return typeof message === "string" ? utf8Length(message) : message.byteLength;
}
