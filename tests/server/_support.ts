/**
 * Accepting connections in memory.
 *
 * @module
 */
import { assertRejects } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import { accept } from "../../lib/server/accept.ts";
import type { AcceptOptions } from "../../lib/server/server_options.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { utf8 } from "../_support/frames.ts";
import { connPair, type MemoryConn } from "../_support/pair.ts";
import { RawPeer, requestText } from "../_support/raw_peer.ts";
import { soon } from "../_support/wait.ts";

/** A connection on its way, and who asks for it. */
export interface Accepting<Data> {
  /** What accept does with the server's end. */
  accepting: Promise<WebSocketConnection<Data>>;
  peer: RawPeer;
  conn: MemoryConn;
}

/** Starts to accept a connection in memory. */
export function accepts<Data = unknown>(options?: AcceptOptions<Data>): Accepting<Data> {
  const [conn, far] = connPair();
  const accepting = soon(accept(conn, options), "The handshake");
  accepting.catch(() => {}); // looked at later
  return { accepting, peer: new RawPeer(far, "client"), conn };
}

/** Asks for a connection that is refused, and returns the whole answer and what accept threw. */
export async function refused<Data>(
  { accepting, peer }: Accepting<Data>,
  request: string = requestText(),
): Promise<{ answer: string; error: HandshakeError }> {
  await peer.send(utf8(request));
  const answer = await peer.readText();
  peer.close();
  return { answer, error: await assertRejects(() => accepting, HandshakeError) };
}

/** The status line of an answer. */
export const statusLine = (answer: string): string => answer.slice(0, answer.indexOf("\r\n"));
