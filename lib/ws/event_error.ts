/**
 * The errors for listeners of `error`, with the `code` of `ws` or Node. The error of Sluice is the `cause`.
 *
 * @module
 */
import { omitStack } from "../descriptors.ts";
import { ConnectionError, HandshakeError, LimitError, ProtocolError } from "../errors.ts";

/** An error with a code. */
export interface CodedError extends Error {
  /** The code, such as `WS_ERR_INVALID_UTF8` or `ECONNREFUSED`. */
  code?: string;
}

/** The beginning of an error message, and the code of `ws` for it. */
const PROTOCOL_CODES: readonly (readonly [beginning: RegExp, code: string])[] = [
  [/^Reserved bits 1/, "WS_ERR_UNEXPECTED_RSV_1"],
  [/^Reserved bits/, "WS_ERR_UNEXPECTED_RSV_2_3"],
  [/^(Opcode|Continuation frame|Data frame)/, "WS_ERR_INVALID_OPCODE"],
  [/^Control frame .* is fragmented/, "WS_ERR_EXPECTED_FIN"],
  [/^(Control frame .* more than 125|Close frame has a payload of one byte)/, "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH"],
  [/^Client frame is not masked/, "WS_ERR_EXPECTED_MASK"],
  [/^Server frame is masked/, "WS_ERR_UNEXPECTED_MASK"],
  [/^Length/, "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH"],
  [/^Close code/, "WS_ERR_INVALID_CLOSE_CODE"],
  [/not UTF-8/, "WS_ERR_INVALID_UTF8"],
];

/** The names of Deno's errors for which Node has codes. */
const SYSTEM_CODES: Readonly<Record<string, string>> = {
  AddrInUse: "EADDRINUSE",
  AddrNotAvailable: "EADDRNOTAVAIL",
  ConnectionRefused: "ECONNREFUSED",
  ConnectionReset: "ECONNRESET",
  NotFound: "ENOENT",
  PermissionDenied: "EACCES",
  TimedOut: "ETIMEDOUT",
};

/**
 * Makes the error of a connection that did not open or did not end cleanly.
 *
 * @param cause The error of Sluice.
 * @param message The message; by default that of the cause.
 */
export function eventError(cause: unknown, message: string = messageOf(cause)): CodedError {
  const code = codeOf(cause);
  const made: CodedError = cause instanceof ProtocolError || cause instanceof LimitError
    ? new RangeError(message, { cause })
    : new Error(message, { cause });
  if (code !== undefined) made.code = code;
  omitStack(made);
  return made;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function codeOf(cause: unknown): string | undefined {
  if (cause instanceof ProtocolError) return PROTOCOL_CODES.find(([beginning]) => beginning.test(cause.message))?.[1];
  if (cause instanceof LimitError) {
    if (Number(cause.actual) > Number.MAX_SAFE_INTEGER) return "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH";
    if (cause.limit === "maxMessageBytes") return "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
    return /Fragments$/.test(cause.limit) ? "WS_ERR_TOO_MANY_BUFFERED_PARTS" : undefined;
  }
  if (cause instanceof ConnectionError || cause instanceof HandshakeError) return codeOf(cause.cause);
  if (!(cause instanceof Error)) return undefined;
  const code: unknown = Reflect.get(cause, "code");
  return typeof code === "string" ? code : SYSTEM_CODES[cause.name];
}

const STATES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"] as const;

/** Returns the error of `ws` for a call in another state than `OPEN`. */
export function notOpen(readyState: 0 | 1 | 2 | 3): Error {
  return new Error(`WebSocket is not open: readyState ${readyState} (${STATES[readyState]})`);
}
