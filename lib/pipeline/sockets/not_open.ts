/**
 * What a call hears that comes when the connection is closing or closed.
 *
 * @module
 */
import { invalidState } from "../../errors.ts";
import type { WebSocketConnection } from "./websocket_connection.ts";

/**
 * The error of a call that needs an open connection.
 *
 * @param action What was called, as it stands behind "Cannot".
 * @param connection The connection, which is not open.
 */
export function notOpen(action: string, { readyState }: Pick<WebSocketConnection, "readyState">): DOMException {
  return invalidState(`Cannot ${action}: the connection is ${readyState === 3 ? "closed" : "closing"}`);
}
