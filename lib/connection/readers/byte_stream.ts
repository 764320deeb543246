/**
 * The bytes of a connection on which only binary messages are expected: `bytes` of a connection.
 *
 * @module
 */
import { ProtocolError } from "../../errors.ts";
import { CloseCode } from "../../pipeline/frames/close_code.ts";
import type { DrivenConnection } from "../driven_connection.ts";

/**
 * Binary messages, one chunk each. A text message fails the connection with 1003 (RFC 6455 §7.4.1), and the stream with it.
 *
 * @param connection The connection.
 * @param cancel Closes the connection if the stream is cancelled.
 */
export function byteStream(
  connection: DrivenConnection,
  cancel: (reason: unknown) => Promise<void>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  // The connection's own iterator, so that the rest of a batch from an earlier loop is read here.
  const messages = connection[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const { done, value } = await messages.next();
      if (done) return controller.close();
      if (typeof value !== "string") return controller.enqueue(value);
      const error = new ProtocolError(
        `Text message of ${value.length} characters where only binary messages are read`,
        "RFC 6455 §7.4.1",
        CloseCode.UNSUPPORTED_DATA,
      );
      connection.fail(error);
      throw error;
    },
    cancel,
  }, { highWaterMark: 0 });
}
