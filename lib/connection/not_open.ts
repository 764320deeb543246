/**
 * The errors of calls that need an open connection, and the recognition of errors that only say that a connection has ended.
 *
 * Such calls never throw for the state of a connection, because a peer may close at any moment and no caller can avoid that.
 *
 * @module
 */
import { handled } from "../async.ts";
import { ConnectionError, invalidState, LimitError, ProtocolError } from "../errors.ts";
import type { WebSocketConnection } from "./websocket_connection.ts";

/** Errors that were created because a connection ended. */
const ENDS = new WeakSet<object>();
/** The errors of {@linkcode cutOff}. */
const CUTS = new WeakSet<object>();

/**
 * Makes the error of a call that needs an open connection.
 *
 * @param action What was called, as the words after "Cannot".
 * @param connection The connection, which is not open.
 * @param cause The error that ended the connection, if one did.
 */
export function notOpen(
  action: string,
  { readyState }: Pick<WebSocketConnection, "readyState">,
  cause?: unknown,
): DOMException {
  return endOf(invalidState(`Cannot ${action}: the connection is ${readyState === 3 ? "closed" : "closing"}`, cause));
}

/**
 * The same as a promise. Ignoring it is safe; awaiting it throws.
 *
 * @param action What was called, as the words after "Cannot".
 * @param connection The connection, which is not open.
 * @param cause The error that ended the connection, if one did.
 */
export function rejectNotOpen(
  action: string,
  connection: Pick<WebSocketConnection, "readyState">,
  cause?: unknown,
): Promise<never> {
  return handled(Promise.reject(notOpen(action, connection, cause)));
}

/**
 * Returns the error of an end that the application caused. It may have thrown `undefined`, and an end without an error looks
 * clean.
 *
 * @param thrown The value that it threw, or the reason that it passed.
 */
export function causeOf(thrown: unknown): unknown {
  return thrown ?? new Error(`The application ended the connection, and its error is ${thrown}`);
}

/** Makes the error of pending calls when a connection ends cleanly or closes. */
export function tooLate(state: "closing" | "closed" = "closed"): DOMException {
  return endOf(
    invalidState(state === "closed" ? "The connection is closed" : "Cannot send: the connection is closing"),
  );
}

/** Marks an error as one that only says how a connection ended, which may not be the fault of the code that gets it. */
export function endOf<Reason>(error: Reason): Reason {
  // Any other error may come from the application, and stays its mistake.
  const ours = error instanceof ProtocolError || error instanceof LimitError || error instanceof ConnectionError ||
    isInvalidState(error);
  if (ours) ENDS.add(error);
  return error;
}

/** Whether an error only reports that some connection has ended. */
export function isEnd(error: unknown): boolean {
  return typeof error === "object" && error !== null && ENDS.has(error);
}

/** Makes the error for reading the rest of a message after a clean end, because the peer may close inside a message. */
export function cutOff(): ConnectionError {
  const error = endOf(new ConnectionError("The connection ended in the middle of a message"));
  CUTS.add(error);
  return error;
}

/** Whether an error says that a call, or a read of the rest of a message, came too late for a connection. */
export function isTooLate(error: unknown): boolean {
  if (error instanceof ConnectionError) return CUTS.has(error);
  return isEnd(error) && isInvalidState(error);
}

/**
 * Whether an error is an `InvalidStateError`. An application may have thrown a `Proxy`, on which any property access can throw.
 */
function isInvalidState(error: unknown): error is DOMException {
  try {
    return error instanceof DOMException && error.name === "InvalidStateError";
  } catch {
    return false;
  }
}
