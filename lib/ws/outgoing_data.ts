/**
 * The outgoing data of a socket of `./ws`: messages, fragments and blobs in the order of the calls, with callbacks when they are
 * written.
 *
 * @module
 */
import { isBlob } from "../connection/message_source.ts";
import type { Connection } from "../connection/connection.ts";
import { frame, Opcode } from "../pipeline/frames/frame.ts";
import { toMessage } from "../pipeline/messages/message.ts";
import { notOpen } from "./event_error.ts";
import { type FrameSender, joinFrames } from "./frame_sender.ts";
import { type SendCallback, type SendData, toBytes, toMessageData, toText } from "./message_data.ts";

/** The options of `send`. */
export interface SendOptions {
  /** Whether the data is binary. By default a string is text and anything else is binary. */
  binary?: boolean | undefined;
  /** Whether to compress it, if compression was negotiated. By default the extension decides. */
  compress?: boolean | undefined;
  /** Whether it is the last fragment of its message. @default {true} */
  fin?: boolean | undefined;
  /** Has no effect: a client masks, a server does not. */
  mask?: boolean | undefined;
}

/** The sending side of one open socket. */
export class OutgoingData implements FrameSender {
  readonly #connection: Connection;
  /** Whether a message has begun and not ended. */
  #fragmented = false;
  /** Resolves when the connection has all messages. It is set only while a blob is being read. */
  #turn: Promise<void> | undefined;
  /** Bytes of blobs that are being read. */
  #waiting = 0;
  #callbacks: SendCallback[] | undefined;

  /** @param connection The connection, which is open. */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The bytes, including headers, that the operating system has not taken yet. */
  get bufferedAmount(): number {
    return this.#connection.bufferedAmount + this.#waiting;
  }

  /**
   * Sends data.
   *
   * @throws {TypeError} If the data cannot be sent.
   */
  send(data: SendData, options: SendOptions | undefined, callback: SendCallback | undefined): void {
    if (isBlob(data)) return this.#sendBlob(data, options, callback);
    const message = toMessageData(data);
    if (this.#turn === undefined) this.#pass(message, options, callback);
    else this.#turn = this.#turn.then(() => this.#pass(message, options, callback));
  }

  sendFrame(list: readonly Uint8Array[], callback?: SendCallback): void {
    const bytes = joinFrames(list);
    if (this.#turn === undefined) this.#passFrames(bytes, callback);
    else this.#turn = this.#turn.then(() => this.#passFrames(bytes, callback));
  }

  /** Calls back when all sent data is written. */
  whenWritten(callback: SendCallback | undefined): void {
    if (callback === undefined) return;
    if (this.#callbacks === undefined) {
      this.#callbacks = [];
      queueMicrotask(() => this.#settle()); // behind the batch in hand, which leaves in one write
    }
    this.#callbacks.push(callback);
  }

  /** Calls back when the connection has all messages, so that the close frame can follow. */
  close(then: () => void): void {
    if (this.#turn === undefined) then();
    else void this.#turn.then(then);
  }

  #pass(
    data: ReturnType<typeof toMessageData>,
    options: SendOptions | undefined,
    callback: SendCallback | undefined,
  ): void {
    const connection = this.#connection;
    const { binary = typeof data !== "string", compress, fin = true } = options ?? {};
    const how = compress === undefined ? undefined : { compress };
    if (connection.readyState !== 1) {
      // It was open at the call, which came while a blob was being read.
      callback?.(new Error("WebSocket is not open: the connection ended while a blob was read"));
      return;
    }
    if (fin && !this.#fragmented && (binary === (typeof data !== "string"))) {
      void connection.sendMessage(toMessage(data), how);
    } else if (fin && !this.#fragmented && typeof data === "string") {
      void connection.sendMessage(toMessage(toBytes(data)), how);
    } else {
      const opcode = this.#fragmented ? Opcode.CONTINUATION : binary ? Opcode.BINARY : Opcode.TEXT;
      this.#fragmented = !fin;
      connection.sendFragment(frame(opcode, plain(toBytes(data)), { fin }), how);
    }
    this.whenWritten(callback);
  }

  #passFrames(bytes: Uint8Array<ArrayBuffer>, callback: SendCallback | undefined): void {
    const connection = this.#connection;
    if (connection.readyState === 1) {
      connection.sendEncoded(bytes);
      connection.flushLater();
      this.whenWritten(callback);
    } else if (callback !== undefined) {
      const error = notOpen(connection.readyState);
      queueMicrotask(() => callback(error));
    }
  }

  /** Sends a blob, which is read first. */
  #sendBlob(blob: Blob, options: SendOptions | undefined, callback: SendCallback | undefined): void {
    this.#waiting += blob.size;
    const before = this.#turn;
    const read = async (): Promise<void> => {
      await before;
      try {
        const data = await blob.arrayBuffer();
        this.#pass(options?.binary === false ? toText(data) : data, { ...options, binary: undefined }, callback);
      } catch (error) {
        callback?.(error instanceof Error ? error : new Error(String(error)));
        this.#connection.fail(error); // for example a deleted file; later messages may depend on this one
      }
      this.#waiting -= blob.size;
      if (this.#turn === turn) this.#turn = undefined;
    };
    const turn = read();
    this.#turn = turn;
  }

  #settle(): void {
    const callbacks = this.#callbacks ?? [];
    this.#callbacks = undefined;
    const call = (error?: Error) => {
      for (const callback of callbacks) error === undefined ? callback() : callback(error);
    };
    const connection = this.#connection;
    if (connection.readyState === 3) return call(new Error("The connection has ended"));
    connection.flushed().then(
      () => call(),
      (cause) => call(new Error("The connection has ended before everything was sent", { cause })),
    );
  }
}

/** The same bytes, with no class of Node's on top. */
function plain({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
