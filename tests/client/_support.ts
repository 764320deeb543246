/**
 * Connecting in memory and on the loopback interface.
 *
 * @module
 */
import { assertRejects } from "@std/assert";
import { connect, type ConnectOptions } from "../../lib/client/connect.ts";
import { HandshakeError } from "../../lib/errors.ts";
import type { WebSocketConnection } from "../../lib/pipeline/sockets/websocket_connection.ts";
import { utf8 } from "../_support/frames.ts";
import { connPair, type MemoryConn } from "../_support/pair.ts";
import { RawPeer } from "../_support/raw_peer.ts";
import { soon } from "../_support/wait.ts";

/** Where {@linkcode connects} says it goes. */
export const URL_HERE = "ws://example.com/chat?x=1";

/** A client on its way, and who answers it. */
export interface Connecting<Data> {
  /** What connect does with the client's end. */
  connecting: Promise<WebSocketConnection<Data>>;
  /** The server's end. */
  peer: RawPeer;
  /** The client's end. */
  conn: MemoryConn;
}

/** Starts to connect in memory. */
export function connects<Data = unknown>(options?: ConnectOptions<Data>, url = URL_HERE): Connecting<Data> {
  const [conn, far] = connPair();
  const connecting = soon(connect(url, { pingInterval: 0, conn, ...options }), "The handshake");
  connecting.catch(() => {}); // looked at later
  return { connecting, peer: new RawPeer(far, "server"), conn };
}

/** Listens on a free port of the loopback interface. */
export const listen = () => Deno.listen({ hostname: "127.0.0.1", port: 0 });

/** Sends a whole answer and ends, and returns what connect threw. */
export async function refused<Data>({ connecting, peer }: Connecting<Data>, answer: string): Promise<HandshakeError> {
  await peer.readHead();
  await peer.send(utf8(answer));
  await peer.closeWrite();
  return await assertRejects(() => connecting, HandshakeError);
}
