/**
 * A message, RFC 6455 §5.6: text is a string, binary data is bytes.
 *
 * @module
 */

/**
 * A message. A binary one may share its `buffer` with others of the same connection: to transfer it, or to keep a small one for
 * long, take `message.slice()`.
 */
export type Message = string | Uint8Array<ArrayBuffer>;

/** What may be sent: a string as text; a buffer or a view of one as binary data. */
export type MessageData = string | BufferSource;

/**
 * The bytes of a buffer or a view, without a copy.
 *
 * @param data The buffer or view.
 * @returns A view of the same bytes.
 * @throws {TypeError} If it is neither, or is shared: another thread could change it while it is masked or written.
 */
export function bytesOf(data: BufferSource): Uint8Array<ArrayBuffer> {
  if (data instanceof Uint8Array && isUnshared(data)) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data) && data.buffer instanceof ArrayBuffer) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  throw new TypeError(
    `Cannot send ${describe(data)}: a message is a string, an ArrayBuffer or a view of an ArrayBuffer`,
  );
}

function isUnshared(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer;
}

function describe(value: unknown): string {
  if (value === null || typeof value !== "object") return String(value);
  return `a value of type ${value.constructor?.name ?? "Object"}`;
}

/** The same message in memory of its own. */
export function ownCopy(message: Message): Message {
  return typeof message === "string" ? message : message.slice();
}
