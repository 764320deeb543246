/**
 * What the tests of extensions share: our end over a connection in memory and a raw peer, both after a handshake.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { connect, type ConnectOptions } from "../../lib/client/connect.ts";
import type { CodecContext } from "../../lib/extensions/extension.ts";
import { type Frame, Opcode, type Role } from "../../lib/pipeline/frames/frame.ts";
import type { WebSocketConnection } from "../../lib/pipeline/sockets/websocket_connection.ts";
import { accept, type AcceptOptions } from "../../lib/server/accept.ts";
import { lines } from "../_support/frames.ts";
import { connPair } from "../_support/pair.ts";
import { RawPeer, requestText } from "../_support/raw_peer.ts";
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
  const [conn, far] = connPair();
  const peer = new RawPeer(far, "client");
  const accepted = accept(conn, { pingInterval: 0, ...options });
  const head = await peer.ask(requestText({ "Sec-WebSocket-Extensions": offers }));
  return { socket: await soon(accepted, "The server's end"), peer, head };
}

/** Our client's end, of a server that answers `answer`. */
export async function client(answer: string | undefined, options: ConnectOptions = {}): Promise<Ends> {
  const [conn, far] = connPair();
  const peer = new RawPeer(far, "server");
  const connecting = connect("ws://127.0.0.1/", { conn, pingInterval: 0, ...options });
  connecting.catch(() => {}); // It is awaited below, when the answer is written.
  const head = await peer.answer(...(answer === undefined ? [] : [`Sec-WebSocket-Extensions: ${answer}`]));
  return { socket: await soon(connecting, "The client's end"), peer, head };
}

/** An end in either role where both sides say the same. */
export function end(role: Role, header: string, options: AcceptOptions & ConnectOptions = {}): Promise<Ends> {
  return role === "server" ? server(header, options) : client(header, options);
}

/** The values of the extension header in a head. */
export function extensionsOf(head: string): string | undefined {
  return /^sec-websocket-extensions: (.*)$/im.exec(head)?.[1];
}

/** Reads a frame of any opcode and with any reserved bits: what `RawPeer` itself does not allow. */
export async function readFrame(peer: RawPeer): Promise<Frame> {
  const [first = 0, second = 0] = await peer.readBytes(2);
  const code = second & 127;
  const extended = await peer.readBytes(code < 126 ? 0 : code === 126 ? 2 : 8);
  const length = extended.reduce((sum, byte) => sum * 256 + byte, extended.length === 0 ? code : 0);
  const key = await peer.readBytes(second >= 128 ? 4 : 0);
  const payload = (await peer.readBytes(length)).map((byte, i) => byte ^ (key[i % 4] ?? 0));
  return { fin: first >= 128, rsv: (first >> 4) & 7, opcode: first & 15, payload };
}

/** Reads as many frames as are given and asserts that they are the same. */
export async function expectFrames(peer: RawPeer, ...frames: Frame[]): Promise<void> {
  const received: Frame[] = [];
  for (const _ of frames) received.push(await readFrame(peer));
  assertEquals(lines(received), lines(frames));
}

/** Asserts that our end fails the connection with a close code, and ends it when the peer does. */
export async function expectFailure({ socket, peer }: Ends, closeCode: number): Promise<unknown> {
  const { opcode, payload } = await readFrame(peer);
  assertEquals([opcode, payload[0]! * 256 + payload[1]!], [Opcode.CLOSE, closeCode]);
  peer.close();
  const { error, ...info } = await soon(socket.closed, "The end of a failed connection");
  assertEquals(info, { closeCode: 1006, reason: "", wasClean: false });
  return error;
}

/** Closes from our end, with a peer that answers. */
export async function closeBoth({ socket, peer }: Ends): Promise<void> {
  const closing = socket.close();
  const { opcode, payload } = await readFrame(peer);
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
