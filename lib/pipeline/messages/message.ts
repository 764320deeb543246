/**
 * A message, RFC 6455 §5.6: text is a string, binary data is bytes.
 *
 * @module
 */

/**
 * A message. Several small binary messages of one read may share a `buffer`. To transfer one, or to keep it for long, copy it
 * with `message.slice()`.
 */
export type Message = string | Uint8Array<ArrayBuffer>;

/**
 * The values that can be sent: a string as text; an `ArrayBuffer` or a view of one, such as a `Uint8Array`, a Node `Buffer` or a
 * `DataView`, as binary data. The value may come from another realm. Copy shared memory and resizable buffers first, with
 * `bytes.slice()`.
 */
export type MessageData = string | ArrayBuffer | ArrayBufferView;

/**
 * Converts a value to a message. This is the one place that decides what can be sent. Text is returned unchanged; binary data is
 * returned as bytes, without a copy.
 *
 * @param data The value.
 * @returns The text, or a view of the same bytes.
 * @throws {TypeError} If the value is neither text nor binary data, if its memory is gone (detached, or cut off by a resize), or
 *    if its memory can change while it is masked or written because it is shared or its buffer is resizable.
 */
export function toMessage(data: MessageData): Message {
  return typeof data === "string" ? data : bytesOf(data);
}

/**
 * Returns the bytes of a buffer or a view of any realm, without a copy.
 *
 * @param data The buffer or view.
 * @returns A view of the same bytes.
 * @throws {TypeError} As {@linkcode toMessage}, and also for a string.
 */
export function bytesOf(data: MessageData): Uint8Array<ArrayBuffer> {
  // A view with bytes still has its memory.
  if (data instanceof Uint8Array && data.length > 0 && isPlain(data)) return data;
  if (ArrayBuffer.isView(data)) return bytesOfView(data);
  if (isArrayBuffer(data)) {
    if (data.resizable) throw resizable();
    if (isDetached(data)) throw detached();
    return new Uint8Array(data);
  }
  if (isSharedBuffer(data)) throw shared();
  throw new TypeError(`Cannot send ${describe(data)}`);
}

/** Whether a value is a buffer or a view of any realm, even if {@linkcode bytesOf} refuses its memory. */
export function isBinaryData(value: unknown): value is ArrayBuffer | ArrayBufferView {
  return ArrayBuffer.isView(value) || isArrayBuffer(value) || isSharedBuffer(value);
}

/** A subclass may behave differently from `Uint8Array`: `slice` of a Node `Buffer` does not copy. */
function isPlain(view: Uint8Array): view is Uint8Array<ArrayBuffer> {
  const { buffer } = view;
  return buffer instanceof ArrayBuffer && !buffer.resizable && Object.getPrototypeOf(view) === Uint8Array.prototype;
}

function bytesOfView(view: ArrayBufferView): Uint8Array<ArrayBuffer> {
  const { buffer } = view;
  if (!isArrayBuffer(buffer)) throw shared();
  if (buffer.resizable) throw resizable();
  if (isDetached(buffer)) throw detached();
  return new Uint8Array(buffer, view.byteOffset, view.byteLength);
}

const byteLengthOf = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "byteLength")?.get;

/** A buffer of another realm is not an `instanceof ArrayBuffer`, but has the same internal slots. A shared buffer does not. */
function isArrayBuffer(value: unknown): value is ArrayBuffer {
  if (typeof value !== "object" || value === null) return false;
  try {
    byteLengthOf?.call(value);
    return true;
  } catch {
    return false;
  }
}

function isSharedBuffer(value: unknown): boolean {
  return Object.prototype.toString.call(value) === "[object SharedArrayBuffer]";
}

/** Node 20 has no `detached`, but no runtime can make a view of a detached buffer. */
function isDetached(buffer: ArrayBuffer): boolean {
  if (buffer.byteLength > 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function detached(): TypeError {
  return new TypeError("Cannot send memory that is detached: its buffer was transferred. Transfer a copy instead");
}

function resizable(): TypeError {
  return new TypeError(
    "Cannot send memory of a resizable buffer: it could shrink meanwhile. Copy it first: bytes.slice()",
  );
}

function shared(): TypeError {
  return new TypeError("Cannot send memory that is shared: it could change meanwhile. Copy it first: bytes.slice()");
}

/** Describes a value that is not a message, and says how to convert it. */
function describe(value: unknown): string {
  const what = typeof value === "object" && value !== null
    ? `a value of type ${value.constructor?.name ?? "Object"}`
    : String(value);
  return `${what}: a message is a string, an ArrayBuffer or a view of one. ${adviceFor(value)}`;
}

function adviceFor(value: unknown): string {
  switch (Object.prototype.toString.call(value)) {
    case "[object Promise]":
      return "Await it first";
    case "[object Blob]":
    case "[object File]":
      return "Read it first: await blob.arrayBuffer()";
    case "[object Object]":
    case "[object Array]":
      return "Use JSON.stringify(value)";
    default:
      return "Use String(value) or JSON.stringify(value)";
  }
}

/**
 * Checks that a message still has its memory before it is delivered. Many small messages of one read share memory, and the
 * application may have transferred it with another message.
 *
 * @throws {TypeError} If the memory is gone.
 */
export function checkMemory(message: Message): void {
  if (message.length > 0 || typeof message === "string" || !isDetached(message.buffer)) return;
  throw new TypeError(
    "Cannot hand on a message: its memory was transferred with another message of the same read. Transfer message.slice().buffer",
  );
}

/** Copies a message to its own memory. */
export function ownCopy(message: Message): Message {
  return typeof message === "string" ? message : message.slice();
}

/** The overhead of a message: a view of a read takes 114 bytes in V8 with its place in an array, a text 10 to 42. */
export const MESSAGE_COST = 128;

/**
 * Returns the most bytes that a message takes in memory. A string may take two for each of its characters, and an empty message
 * is not free.
 *
 * @param message The message.
 * @returns The number of bytes.
 */
export function memoryOf(message: Message): number {
  return MESSAGE_COST + (typeof message === "string" ? 2 * message.length : message.byteLength);
}
