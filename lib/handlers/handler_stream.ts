/**
 * Receives and sends the messages of an open connection for a handler, one call for each message.
 *
 * @module
 */
import { handled } from "../async.ts";
import { concatBytes } from "../pipeline/bytes/concat.ts";
import { Connection } from "../connection/connection.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import { bytesOf, type Message, type MessageData, ownCopy, toMessage } from "../pipeline/messages/message.ts";

/** Options for sending a message. */
export interface SendMessageOptions {
  /**
   * Whether the message is binary. If `true`, a string is sent as its UTF-8 bytes; if `false`, bytes are sent as text and must be
   * UTF-8. By default strings are sent as text and bytes as binary. The first part of a message decides for the whole message.
   */
  binary?: boolean;
  /**
   * Whether this part ends the message. Earlier parts are held back, and the message is sent whole, because fragments have no
   * meaning for the client (RFC 6455 §5.4).
   *
   * @default {true}
   */
  end?: boolean;
}

/** The connection during `transferData`. A promise that is not awaited never becomes an unhandled rejection. */
export interface HandlerStream extends AsyncIterable<Message> {
  /**
   * Waits for a message.
   *
   * @returns A string or bytes, or `null` when both sides have closed.
   * @throws {WebSocketError} If the connection ended in another way: the client violated the protocol, or the connection was
   *    lost.
   */
  receiveMessage(): Promise<Message | null>;
  /**
   * Sends a message, or a part of one.
   *
   * @returns Resolves when there is room for more. Await it: otherwise a client that does not read is disconnected at
   *    `maxQueuedBytes`. It rejects with an `InvalidStateError` if the connection is closing or closed.
   * @throws {TypeError} At the call, if the data is invalid, is sent as text but is not UTF-8, or continues a message of the
   *    other type.
   */
  sendMessage(data: MessageData, options?: SendMessageOptions): Promise<void>;
  /**
   * Sends a ping.
   *
   * @returns The round trip in milliseconds, when the pong has arrived. It rejects with an `InvalidStateError` if the connection
   *    is closing or closed.
   * @throws {RangeError} At the call, if the payload is longer than 125 bytes.
   */
  sendPing(payload?: MessageData): Promise<number>;
  /**
   * Closes the connection, and waits until the client has replied. What the client still sends is discarded.
   *
   * @param code 1000-1003, 1007-1014 or 3000-4999; `null` for a close frame without a code. 1000 by default.
   * @param reason At most 123 bytes of UTF-8.
   * @returns Resolves when both sides have closed. It rejects with a {@linkcode WebSocketError} if the client's reply is not a
   *    valid close frame, or does not arrive within `closeTimeout`.
   * @throws {RangeError} At the call, if the code must not be sent or the reason is too long.
   */
  closeConnection(code?: number | null, reason?: string): Promise<void>;
}

/** Makes the handler's view of a connection. */
export function createHandlerStream(socket: WebSocketConnection): HandlerStream {
  const messages = socket[Symbol.asyncIterator]();
  /** The parts of an unfinished message. */
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

/** Joins the parts of a message: as text if all are strings, otherwise as bytes. */
function join([first, ...more]: readonly MessageData[]): MessageData {
  if (first === undefined || more.length === 0) return first ?? "";
  const parts = [first, ...more];
  if (parts.every((part) => typeof part === "string")) return parts.join("");
  return concatBytes(parts.map((part) => typeof part === "string" ? ENCODER.encode(part) : bytesOf(part)));
}

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Converts the message to the type that it is sent as. */
function convert(data: MessageData, binary: boolean): MessageData {
  if (binary) return typeof data === "string" ? ENCODER.encode(data) : data;
  return typeof data === "string" ? data : DECODER.decode(data);
}
