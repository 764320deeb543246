/**
 * An HTTP/2 stream as a transport (RFC 8441 §5): END_STREAM is TCP's FIN, RST_STREAM with CANCEL its RST, and the stream's window
 * provides backpressure.
 *
 * @module
 */
import { constants, type Http2Session, type Http2Stream } from "node:http2";
import { ConnectionError } from "../errors.ts";
import { addressesOf, nodeConnection } from "../transport/node_connection.ts";
import type { ByteConnection } from "../transport/transport.ts";

/**
 * Makes a connection from a stream.
 *
 * @param stream A stream that no other code reads. The connection owns it from now on, but not its session.
 * @returns The connection. Its addresses are those of the session's socket.
 */
export function streamConnection(stream: Http2Stream): ByteConnection {
  const { session } = stream;
  const { read, write } = nodeConnection(stream);
  return {
    async read(buffer) {
      let cause: unknown;
      try {
        const count = await read(buffer);
        // Without this check, a reset with NO_ERROR would look like an orderly end.
        if (count !== null || !stream.aborted) return count;
      } catch (error) {
        cause = error;
      }
      throw lostStream(stream, session, cause);
    },
    // A response that may have no body has ended with its head.
    write: (bytes) => bytes.length === 0 ? Promise.resolve(0) : write(bytes),
    closeWrite: () =>
      new Promise((resolve, reject) => {
        if (stream.writableEnded || stream.destroyed) return resolve();
        stream.end((error?: Error | null) => error ? reject(error) : resolve());
      }),
    close() {
      // An orderly end: the peer has ended, so this end may too. What the peer does not read is not waited for.
      if (stream.readableEnded && stream.writableLength === 0) stream.end();
      else if (stream.pending) stream.destroy(); // the server does not know this stream yet
      else stream.close(constants.NGHTTP2_CANCEL);
      // The peer had reset the stream, so no event follows that would end pending reads and writes.
      if (stream.aborted) stream.destroy();
    },
    ...addressesOf(session?.socket ?? {}),
    secure: session?.encrypted === true,
  };
}

/** The error codes of RFC 9113 §7. */
const ERROR_CODES = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

/** Returns the error for a stream that did not end in order. A stream that has ended no longer knows its session. */
export function lostStream(
  { rstCode }: Http2Stream,
  session: Http2Session | undefined,
  cause?: unknown,
): ConnectionError {
  const gone = session === undefined || session.destroyed;
  const message = gone ? "The HTTP/2 session ended" : `The stream was reset with ${ERROR_CODES[rstCode] ?? rstCode}`;
  return new ConnectionError(message, { cause });
}
