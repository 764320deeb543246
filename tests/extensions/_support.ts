/**
 * What the tests of extensions share: our end over a connection in memory and a raw peer, both after a handshake.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import type { ConnectOptions } from "../../lib/client/client_options.ts";
import type { CodecContext } from "../../lib/extensions/extension.ts";
import { type Frame, Opcode, type Role } from "../../lib/pipeline/frames/frame.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import type { AcceptOptions } from "../../lib/server/server_options.ts";
import { fieldOf } from "../../lib/testing/raw_handshake.ts";
import { rawClient, rawServer } from "../../lib/testing/raw_pair.ts";
import type { RawPeer } from "../../lib/testing/raw_peer.ts";
import { soon } from "../_support/wait.ts";

/** A connection and the peer's end of it. */
export interface Ends {
  /** Our end. */
  readonly socket: WebSocketConnection;
  /** The peer's. */
  readonly peer: RawPeer;
  /** The head that the peer read: the request on a server, the answer on a client. */
  readonly head: string;
}

/** Both roles, for what holds for either. */
export const ROLES: readonly Role[] = ["server", "client"];

/** Our server's end, of a client that offers `offers`. */
export async function server(offers: string | undefined, options: AcceptOptions = {}): Promise<Ends> {
  const fields = { "Sec-WebSocket-Extensions": offers };
  const { server: socket, peer, head } = await rawClient({ server: { pingInterval: 0, ...options }, fields });
  return { socket, peer, head };
}

/** Our client's end, of a server that answers `answer`. */
export async function client(answer: string | undefined, options: ConnectOptions = {}): Promise<Ends> {
  const fields = { "Sec-WebSocket-Extensions": answer };
  const { client: socket, peer, head } = await rawServer({ client: { pingInterval: 0, ...options }, fields });
  return { socket, peer, head };
}

/** An end in either role where both sides say the same. */
export function end(role: Role, header: string, options: AcceptOptions & ConnectOptions = {}): Promise<Ends> {
  return role === "server" ? server(header, options) : client(header, options);
}

/** The values of the extension header in a head. */
export function extensionsOf(head: string): string | undefined {
  return fieldOf(head, "Sec-WebSocket-Extensions");
}

/** Asserts that our end fails the connection with a close code, and ends it when the peer does. */
export async function expectFailure({ socket, peer }: Ends, closeCode: number): Promise<unknown> {
  await peer.expectClose(closeCode);
  peer.close();
  const { error, ...info } = await soon(socket.closed, "The end of a failed connection");
  assertEquals(info, { closeCode: 1006, reason: "", wasClean: false });
  return error;
}

/** Closes from our end, with a peer that answers. */
export async function closeBoth({ socket, peer }: Ends): Promise<void> {
  const closing = socket.close();
  const { opcode, payload } = await peer.readFrame();
  assertEquals(opcode, Opcode.CLOSE);
  await peer.send({ fin: true, rsv: 0, opcode, payload });
  peer.close();
  await soon(closing, "The closing handshake");
}

/** A codec's context without a connection, and the frames it was given to send. */
export function contextOf(role: Role, options: Partial<CodecContext> = {}): CodecContext & { sent: Frame[] } {
  const sent: Frame[] = [];
  return {
    role,
    maxMessageBytes: 16 * 1024 * 1024,
    split: true,
    now: () => 0,
    send: (frame) => void sent.push(frame),
    ...options,
    sent,
  };
}
