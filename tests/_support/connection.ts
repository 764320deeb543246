/**
 * What tests say of a connection of either role.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { Role } from "../../lib/pipeline/frames/frame.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";

/** Asserts what a connection tells that has just opened in memory, where neither side asked for anything. */
export function assertOpened(connection: WebSocketConnection, expected: { role: Role; url: string }): void {
  const { role, url, protocol, extensions, remoteAddr, localAddr, data, readyState } = connection;
  assertEquals({ role, url, protocol, extensions, remoteAddr, localAddr, data, readyState }, {
    ...expected,
    protocol: "",
    extensions: "",
    remoteAddr: undefined,
    localAddr: undefined,
    data: undefined,
    readyState: 1,
  });
}
