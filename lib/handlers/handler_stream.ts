/**
 * Messages of an open connection as a handler receives and sends them, one call each.
 *
 * @module
 */
import { handled } from "../async.ts";
import { concatBytes } from "../pipeline/bytes/concat.ts";
import { Connection } from "../connection/connection.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import { bytesOf, type Message, type MessageData, ownCopy, toMessage } from "../pipeline/messages/message.ts";

/** How a message is sent. */
export interface SendMessageOptions {
  /**
   * Whether it is binary: then a string goes as its UTF-8, and if not, bytes go as the text that they are the UTF-8 of. By
   * default a string is text and bytes are binary; the first part of a message decides for all.
   */
  binary?: boolean;
  /**
   * Whether it ends with this. Parts before the last are held, and the message leaves whole: how it is cut means nothing to
   * the client (RFC 6455 §5.4).
   *
   * @default {true}
   */
  end?: boolean;
}

/**
 * The connection, for the length of `transferData`. A promise that is not awaited never becomes an unhandled rejection.
 */
export interface HandlerStream extends AsyncIterable<Message> {
  /**
   * Waits for a message.
   *
   * @returns A string or bytes, or `null` when both sides have closed.
   * @throws {WebSocketError} If the connection ended in another way: the client broke the protocol, or was lost.
   */
  receiveMessage(): Promise<Message | null>;
  /**
   * Sends a message, or a part of one.
   *
   * @returns Resolves when there is room for more: await it, or a client that does not read is cut off at `maxQueuedBytes`. It
   *   rejects with an `InvalidStateError` if the connection is closing or closed.
   * @throws {TypeError} At the call: if the data is none, is not UTF-8 where it is sent as text, or continues a message of the other type.
   */
  sendMessage(data: MessageData, options?: SendMessageOptions): Promise<void>;
  /**
   * Sends a ping.
   *
   * @returns The round trip in milliseconds, when the pong is here. It rejects with an `InvalidStateError` if the connection is
   *   closing or closed.
   * @throws {RangeError} At the call: if the payload is more than 125 bytes.
   */
  sendPing(payload?: MessageData): Promise<number>;
  /**
   * Closes, and waits until the client has acknowledged it. What the client still sends is discarded.
   *
   * @param code 1000-1003, 1007-1014 or 3000-4999; `null` for a close frame without one. 1000 by default.
   * @param reason At most 123 bytes of UTF-8.
   * @returns Resolves when both sides have closed. It rejects with a {@linkcode WebSocketError} if the client answers with anything
   *   but a valid close frame, or not within `closeTimeout`.
   * @throws {RangeError} At the call: if the code may not be sent or the reason is too long.
   */
  closeConnection(code?: number | null, reason?: string): Promise<void>;
}

/** The handler's view of a connection. */
export function createHandlerStream(socket: WebSocketConnection): HandlerStream {
  const messages = socket[Symbol.asyncIterator]();
  /** The parts of a message that has not ended. */
  let held: { readonly binary: boolean; readonly parts: MessageData[] } | undefined;

  const receiveMessage = async (): Promise<Message | null> => {
    const { value, done } = await messages.next();
    return done ? null : value;
  };

  const sendMessage = (data: MessageData, options: SendMessageOptions = {}): Promise<void> => {
    const { binary = held?.binary ?? typeof data !== "string", end = true } = options;
    if (held !== undefined && binary !== held.binary) {
      throw new TypeError(`Cannot continue a ${held.binary ? "binary" : "text"} message: binary is ${binary}`);
    }
    const part = toMessage(data);
    const { parts } = held ??= { binary, parts: [] };
    if (!end) {
      parts.push(ownCopy(part));
      return Promise.resolve();
    }
    held = undefined;
    return socket.send(convert(join([...parts, part]), binary));
  };

  const closeConnection = (code: number | null = 1000, reason = ""): Promise<void> => {
    if (code === null && reason !== "") throw new RangeError("Cannot send a close reason without a close code");
    const closing = code === null && socket instanceof Connection
      ? socket.closeWithoutCode()
      : socket.close(code ?? undefined, reason);
    return handled(closing.then(({ wasClean, error }) => {
      if (!wasClean) throw error;
    }));
  };

  return {
    receiveMessage,
    sendMessage,
    sendPing: (payload) => socket.ping(payload),
    closeConnection,
    async *[Symbol.asyncIterator]() {
      for (let message = await receiveMessage(); message !== null; message = await receiveMessage()) yield message;
    },
  };
}

/** One message of its parts: text where all are strings, otherwise bytes. */
function join([first, ...more]: readonly MessageData[]): MessageData {
  if (first === undefined || more.length === 0) return first ?? "";
  const parts = [first, ...more];
  if (parts.every((part) => typeof part === "string")) return parts.join("");
  return concatBytes(parts.map((part) => typeof part === "string" ? ENCODER.encode(part) : bytesOf(part)));
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The message as the type that it is sent as. */
function convert(data: MessageData, binary: boolean): MessageData {
  if (binary) return typeof data === "string" ? ENCODER.encode(data) : data;
  return typeof data === "string" ? data : DECODER.decode(data);
}
