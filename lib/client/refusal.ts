/**
 * A refusal's error, the server's or a proxy's, and how an error says where on the way it happened.
 *
 * @module
 */
import { ConnectionError, HandshakeError } from "../errors.ts";
import { BodyParser, responseFraming } from "../handshake/http_body.ts";
import { toHeaders } from "../handshake/http_fields.ts";
import type { ResponseHead } from "../handshake/http_head.ts";
import { GrowingBuffer } from "../pipeline/bytes/growing_buffer.ts";
import { withDeadline } from "../transport/opening.ts";
import type { Transport } from "../transport/transport.ts";

/** A refusal's body may take this long: one that says no length may end with the connection, or never. */
const BODY_TIME = 1_000;

/**
 * Makes the error of a refusal, with as much of its body as comes before its end or the limit.
 *
 * @param message What was answered, and by which server.
 * @param head The answer's head.
 * @param body Where its body comes from, what came of it with the head, and the most bytes to keep.
 * @returns The error.
 */
export async function refusal(
  message: string,
  head: Pick<ResponseHead, "status" | "fields">,
  body: { transport: Transport; rest: Uint8Array<ArrayBuffer>; max: number },
): Promise<HandshakeError> {
  const { transport, rest, max } = body;
  const { status, fields } = head;
  const parser = new BodyParser(responseFraming(head));
  const read = new GrowingBuffer();
  const take = (piece: Uint8Array) => read.append(piece.subarray(0, max - read.length));
  const readAll = async () => {
    parser.push(rest, take);
    while (!parser.complete && read.length < max) {
      const bytes = await transport.read();
      if (bytes === null) break;
      parser.push(bytes, take);
    }
  };
  try {
    await withDeadline(readAll(), { time: BODY_TIME, late: () => new ConnectionError("The body did not end") });
  } catch {
    // The status says more than how the connection ended, or how the body is malformed.
  }
  return new HandshakeError(message, { status, headers: toHeaders(fields), body: read.take() });
}

/**
 * Makes an error say where on the way it happened.
 *
 * @param error Anything thrown on the way.
 * @param reword Makes the message.
 * @returns The same kind of error with its facts and that message. What is not ours, such as a missing permission, stays as it is.
 */
export function reworded(error: unknown, reword: (message: string) => string): unknown {
  if (error instanceof ConnectionError) return new ConnectionError(reword(error.message), { cause: error.cause });
  if (!(error instanceof HandshakeError)) return error;
  const { status, headers, body, cause } = error;
  return new HandshakeError(reword(error.message), {
    status,
    headers,
    ...(body !== undefined && { body }),
    ...(cause !== undefined && { cause }),
  });
}
