/**
 * The rule for when a client reconnects.
 *
 * @module
 */
import { ConnectionError, HandshakeError, WebSocketError } from "../errors.ts";
import { CloseCode } from "../pipeline/frames/close_code.ts";
import type { CloseInfo } from "../connection/websocket_connection.ts";

/** Close codes after which the same client would only be closed again. */
const FINAL_CODES: ReadonlySet<number> = new Set([
  CloseCode.NORMAL, // the purpose is fulfilled (RFC 6455 §7.4.1)
  CloseCode.PROTOCOL_ERROR,
  CloseCode.UNSUPPORTED_DATA,
  CloseCode.INVALID_PAYLOAD,
  CloseCode.POLICY_VIOLATION,
  CloseCode.MESSAGE_TOO_BIG,
  CloseCode.MANDATORY_EXTENSION,
  3000, // unauthorized (IANA)
  3003, // forbidden (IANA)
]);

/** Client errors that may pass with time: Request Timeout, Too Early, Too Many Requests. */
const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * Decides whether a client should reconnect: the default rule of `reconnecting`, to call in a rule of your own.
 *
 * `false` after a close code that means success or that would only come again (1000, 1002, 1003, 1007 to 1010, 3000, 3003), after
 * a refusal with a 4xx status except 408, 425 and 429, after a response that is not a WebSocket's, and after a mistake in the
 * caller's arguments. `true` after anything else, such as a lost connection, 1001, 1005, 1011 to 1014, or a 503.
 *
 * @example An application's own close code that is final
 * ```ts
 * import { reconnecting, serve, shouldReconnect } from "@sluice/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0, hostname: "127.0.0.1" }, (socket) => void socket.close(4001, "banned"));
 * const connection = reconnecting(server.url, {
 *   shouldReconnect: (info) => info.closeCode !== 4001 && shouldReconnect(info),
 * });
 * assertEquals((await connection.closed).reason, "banned");
 * ```
 *
 * @param info How the connection ended. For a failed attempt, 1006 and the error.
 * @returns Whether to try again.
 */
export function shouldReconnect({ closeCode, error }: CloseInfo): boolean {
  if (error instanceof HandshakeError) return isPassing(error.status);
  // If we closed the connection, our code counts, not the peer's reply.
  if (error instanceof WebSocketError && !(error instanceof ConnectionError)) {
    return !FINAL_CODES.has(error.closeCode ?? closeCode);
  }
  return (error === undefined || error instanceof ConnectionError) && !FINAL_CODES.has(closeCode);
}

function isPassing(status: number): boolean {
  // With 101, the response did not match our request, and would not match the next time (§4.1).
  if (status === 101) return false;
  return status < 400 || status > 499 || PASSING_STATUSES.has(status);
}
