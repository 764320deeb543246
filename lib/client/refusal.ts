/**
 * Errors for refusals by the server or a proxy, and the place on the route that they name.
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

/** The longest time to read a refusal's body. A body without a length may end with the connection, or never. */
const BODY_TIME = 1_000;

/**
 * Makes the error for a refusal, with its body up to the limit.
 *
 * @param message Says what was answered, and by which server.
 * @param head The head of the response.
 * @param body The source of its body, the bytes of it that were read with the head, and the most bytes to keep.
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
    // The status is more useful than how the connection ended or how the body is malformed.
  }
  return new HandshakeError(message, { status, headers: toHeaders(fields), body: read.take() });
}

/**
 * Adds the place on the route to an error.
 *
 * @param error Any error on the route.
 * @param reword Makes the message.
 * @returns An error of the same class with the new message and the same properties. Other errors, such as a missing permission,
 *   are returned unchanged.
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
