/**
 * A client of ordinary HTTP in raw bytes, which reads one answer after the other.
 *
 * @module
 */
import { assert } from "@std/assert";
import { BodyParser, responseFraming } from "../../lib/handshake/http_body.ts";
import { type ResponseHead, ResponseHeadParser } from "../../lib/handshake/http_head.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import type { ByteConnection } from "../../lib/transport/transport.ts";
import { RawPeer } from "../_support/raw_peer.ts";
import { utf8 } from "../_support/frames.ts";

/** An answer. */
export interface RawAnswer extends ResponseHead {
  /** Its body, out of its framing. */
  readonly body: string;
}

/** A client in raw bytes. */
export class RawClient extends RawPeer {
  /** @param conn The connection. */
  constructor(conn: ByteConnection) {
    super(conn, "client");
  }

  /** Connects over TCP. */
  static override async dial(port: number): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  /** Sends a request of these lines, with what follows its head. */
  async request(lines: string[], body = ""): Promise<void> {
    await this.send(utf8(`${lines.join("\r\n")}\r\n\r\n${body}`));
  }

  /** Reads a whole answer, to a request with this method, and no byte more. */
  async readAnswer(method = "GET"): Promise<RawAnswer> {
    const head = new ResponseHeadParser(DEFAULT_LIMITS).push(utf8(await this.readHead()));
    assert(head !== undefined);
    const parser = new BodyParser(method === "HEAD" ? 0 : responseFraming(head));
    let body = "";
    while (!parser.complete) parser.push(await this.readBytes(1), (piece) => body += new TextDecoder().decode(piece));
    return { ...head, body };
  }

  /** Asks and reads the answer. */
  async exchange(lines: string[], body = ""): Promise<RawAnswer> {
    await this.request(lines, body);
    return await this.readAnswer(lines[0]!.split(" ")[0]);
  }
}
