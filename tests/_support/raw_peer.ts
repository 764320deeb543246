/**
 * The peer that users' tests have too, over TCP as well, and what the tests say to it.
 *
 * @module
 */
import type { Role } from "../../lib/pipeline/frames/frame.ts";
import type { ByteConnection } from "../../lib/transport/transport.ts";
import { type HeadFields, requestText as requestOf } from "../../lib/testing/raw_handshake.ts";
import { RawPeer as Peer } from "../../lib/testing/raw_peer.ts";
import { utf8 } from "./frames.ts";

export { binary, closeFrame as close, ping, pong, text } from "../../lib/testing/raw_frame.ts";
export { KEY } from "../../lib/testing/raw_handshake.ts";

/** The answer to `KEY`, RFC 6455 §1.3. */
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/** The lines of a request that is in order, but for what `changes` says; `undefined` leaves a field out. */
export function requestText(changes: HeadFields = {}, line = "GET /chat?x=1 HTTP/1.1"): string {
  return requestOf(changes, line);
}

/** A peer over a connection, playing one role. */
export class RawPeer extends Peer {
  declare readonly conn: ByteConnection;

  /**
   * @param conn The connection, which now belongs to the peer.
   * @param role Which end the peer plays: a client masks.
   */
  constructor(conn: ByteConnection, role: Role) {
    super(conn, role);
  }

  /** Connects over TCP as a client that has said nothing yet. */
  static async dial(port: number): Promise<RawPeer> {
    return new RawPeer(await Deno.connect({ hostname: "127.0.0.1", port }), "client");
  }

  /** Connects over TCP as a client and shakes hands. */
  static async connect(port: number, changes: HeadFields = {}): Promise<RawPeer> {
    const peer = await RawPeer.dial(port);
    await peer.ask(requestText(changes));
    return peer;
  }

  /** Sends a request and reads the head of the answer, which must be 101. */
  async ask(request: string): Promise<string> {
    await this.send(utf8(request));
    return await this.expectStatus(101);
  }

  /** Reads a request and answers 101, with more header lines. */
  async answer(...more: string[]): Promise<string> {
    const head = await this.readHead();
    await this.answerTo(head, ...more);
    return head;
  }

  /** Answers 101 to a request that was read, with more header lines. */
  async answerTo(head: string, ...more: string[]): Promise<void> {
    await this.respond(head, Object.fromEntries(more.map((line) => line.split(": "))));
  }
}
