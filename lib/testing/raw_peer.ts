/**
 * A peer that a test controls: it sends anything, valid or not, and does nothing by itself.
 *
 * @module
 */
import { checkOptions } from "../options.ts";
import { RAW_PEER_OPTION_KINDS, type RawPeerOptions } from "./testing_options.ts";
import { concatBytes } from "../pipeline/bytes/concat.ts";
import { type Frame, Opcode, ROLE, type Role } from "../pipeline/frames/frame.ts";
import { type ByteConnection, type BytePair, type Transport, transportOf, writeAll } from "../transport/transport.ts";
import { DEADLINE, ExpectationError, soon } from "./wait.ts";
import type { MemoryEnd } from "./memory_pair.ts";
import {
  codeOf,
  decodeRawFrame,
  describeFrame,
  encodeRawFrame,
  type RawFrame,
  type ReceivedFrame,
  sameFrame,
  violation,
} from "./raw_frame.ts";
import { fieldOf, type HeadFields, requestText, responseText } from "./raw_handshake.ts";

/** What a raw peer sends: a frame, bytes, or bytes as hexadecimal digits. Spaces between the digits are ignored. */
export type RawPart = RawFrame | Uint8Array | string;

const CRLF_CRLF = [13, 10, 13, 10];

/**
 * The peer that {@linkcode rawPeer} makes. Every wait has a timeout. The peer does nothing by itself: it stays silent until you
 * send, and if you do not read, the other side stalls once the connection is full.
 */
export class RawPeer implements Disposable {
  /** The peer's connection. */
  readonly conn: ByteConnection | BytePair;
  /** The role of the peer. */
  readonly role: Role;
  readonly #transport: Transport;
  readonly #deadline: number;
  /** Bytes that were read but not taken yet, from `#at` to `#end`. */
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(1024);
  #at = 0;
  #end = 0;
  #extended = false;

  /**
   * Makes a peer that has not sent anything yet.
   *
   * @param conn The connection. The peer owns it from now on.
   * @param role The role of the peer: a client masks.
   * @param options The timeout of its waits.
   * @throws {TypeError} If an option is unknown or has the wrong type.
   * @throws {RangeError} If the timeout is out of range.
   */
  constructor(conn: ByteConnection | BytePair, role: Role, options: RawPeerOptions = {}) {
    ROLE.check(role, "role");
    checkOptions("rawPeer()", options, RAW_PEER_OPTION_KINDS);
    this.conn = conn;
    this.role = role;
    this.#transport = transportOf(conn);
    this.#deadline = options.deadline ?? DEADLINE;
  }

  /**
   * Runs the handshake in its role: a client sends a request and expects 101, a server reads a request and responds with 101.
   *
   * @param fields Changes to the header fields that the peer sends.
   * @param line The first line that the peer sends.
   * @returns The head that the peer read.
   */
  async shakeHands(fields: HeadFields = {}, line?: string): Promise<string> {
    if (this.role === "client") {
      await this.send(utf8(requestText(fields, line)));
      return await this.expectStatus(101);
    }
    const request = await this.readHead();
    await this.respond(request, fields, line);
    return request;
  }

  /** Responds to a request that was read. See {@linkcode RawPeer.shakeHands}. */
  async respond(request: string, fields: HeadFields = {}, line?: string): Promise<void> {
    const response = await responseText(request, fields, line);
    this.#noteExtensions(response);
    await this.send(utf8(response));
  }

  /** Sends parts, in one write if there is room. */
  async send(...parts: RawPart[]): Promise<void> {
    await this.#soon(writeAll(this.#transport, concatBytes(parts.map((part) => this.#encode(part)))), "Room to send");
  }

  /** Reads bytes. */
  readBytes(size: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#read(`${size} bytes`, (bytes) => bytes.length < size ? -1 : size);
  }

  /** Reads the head of an HTTP message, including its empty line. */
  async readHead(): Promise<string> {
    const bytes = await this.#read("A head", (bytes) => {
      for (let at = bytes.indexOf(13); at >= 0; at = bytes.indexOf(13, at + 1)) {
        if (CRLF_CRLF.every((byte, i) => bytes[at + i] === byte)) return at + 4;
      }
      return -1;
    });
    const head = new TextDecoder().decode(bytes);
    this.#noteExtensions(head);
    return head;
  }

  /**
   * Reads a frame.
   *
   * @throws {ExpectationError} If the frame breaks a rule of RFC 6455 §5. Reserved bits and opcodes are not checked if extensions
   *    were negotiated.
   */
  async readFrame(): Promise<Frame> {
    let received: ReceivedFrame | undefined;
    await this.#read("A frame", (bytes) => {
      received = decodeRawFrame(bytes);
      return received?.size ?? -1;
    });
    const broken = violation(received!, this.role === "client" ? "server" : "client", this.#extended);
    if (broken !== undefined) throw new ExpectationError(`Got a frame that breaks RFC 6455: ${broken}`);
    return received!.frame;
  }

  /** Reads everything to the end of the connection. */
  async readToEnd(): Promise<Uint8Array<ArrayBuffer>> {
    while (await this.#more("The end"));
    return this.#take(this.#end - this.#at);
  }

  /** Reads everything to the end of the connection, as text. */
  async readText(): Promise<string> {
    return new TextDecoder().decode(await this.readToEnd());
  }

  /**
   * Reads as many frames as are given, and expects them to be equal to those.
   *
   * @param frames The frames. The encoding of their headers is not compared.
   * @throws {ExpectationError} If another frame arrives, or none.
   */
  async expect(...frames: Frame[]): Promise<void> {
    for (const [at, expected] of frames.entries()) {
      const frame = await this.readFrame();
      if (sameFrame(frame, expected)) continue;
      const which = frames.length === 1 ? "frame" : `frame ${at + 1} of ${frames.length}`;
      throw new ExpectationError(`Got ${which} ${describeFrame(frame)}, not ${describeFrame(expected)}`);
    }
  }

  /**
   * Reads a frame, and expects a close frame.
   *
   * @param code The expected code; 1005 for a close frame without a code.
   * @returns The reason.
   * @throws {ExpectationError} If another frame arrives, or none.
   */
  async expectClose(code: number): Promise<string> {
    const frame = await this.readFrame();
    if (frame.opcode !== Opcode.CLOSE || codeOf(frame.payload) !== code) {
      throw new ExpectationError(`Got frame ${describeFrame(frame)}, not close ${code}`);
    }
    return new TextDecoder().decode(frame.payload.subarray(2));
  }

  /**
   * Reads the head of an HTTP response, and expects a status.
   *
   * @param status The expected status.
   * @returns The head.
   * @throws {ExpectationError} If the response has another status.
   */
  async expectStatus(status: number): Promise<string> {
    const head = await this.readHead();
    const [line = ""] = head.split("\r\n");
    if (!line.startsWith(`HTTP/1.1 ${status} `)) throw new ExpectationError(`Got response "${line}", not ${status}`);
    return head;
  }

  /**
   * Expects the other side to end its writing without sending anything else.
   *
   * @throws {ExpectationError} If bytes arrive, or the end does not.
   */
  async expectEnd(): Promise<void> {
    const { length } = await this.readToEnd();
    if (length > 0) throw new ExpectationError(`Got ${length} bytes before the end`);
  }

  /** Ends the writing side. It sends no close frame. */
  async closeWrite(): Promise<void> {
    await this.#soon(this.#transport.closeWrite(), "The end of writing");
  }

  /** Closes the connection. It sends no close frame. It may be called again. Over TCP, unread bytes turn this into a reset. */
  close(): void {
    this.#transport.close();
  }

  /**
   * Ends a connection in memory as a reset does.
   *
   * @throws {TypeError} If the connection does not come from `memoryPair`.
   */
  reset(): void {
    if (!isMemoryEnd(this.conn)) throw new TypeError("Cannot reset the connection: it does not come from memoryPair");
    this.conn.reset();
  }

  /** Closes the connection. */
  [Symbol.dispose](): void {
    this.close();
  }

  #encode(part: RawPart): Uint8Array<ArrayBuffer> {
    if (typeof part === "string") return decodeHex(part);
    // Copies the bytes: a connection may keep what is written to it, and the test may overwrite its bytes.
    return part instanceof Uint8Array ? part.slice() : encodeRawFrame(part, this.role);
  }

  #noteExtensions(head: string): void {
    if (head.startsWith("HTTP/1.1 101 ")) this.#extended ||= fieldOf(head, "Sec-WebSocket-Extensions") !== undefined;
  }

  /** Reads until `find` returns how many of the bytes to take. */
  async #read(what: string, find: (bytes: Uint8Array) => number): Promise<Uint8Array<ArrayBuffer>> {
    for (;;) {
      const pending = this.#buffer.subarray(this.#at, this.#end);
      const size = find(pending);
      if (size >= 0) return this.#take(size);
      if (await this.#more(what)) continue;
      throw new ExpectationError(`${what} did not come: the connection ended after ${pending.length} bytes`);
    }
  }

  /** Reads one more chunk. */
  async #more(what: string): Promise<boolean> {
    const chunk = await this.#soon(this.#transport.read(), what);
    if (chunk === null) return false;
    const length = this.#end - this.#at;
    if (this.#end + chunk.length > this.#buffer.length) {
      const grown = new Uint8Array(2 * (length + chunk.length));
      grown.set(this.#buffer.subarray(this.#at, this.#end));
      this.#buffer = grown;
      this.#at = 0;
    }
    this.#end = this.#at + length + chunk.length;
    this.#buffer.set(chunk, this.#end - chunk.length);
    return true;
  }

  #take(size: number): Uint8Array<ArrayBuffer> {
    return this.#buffer.slice(this.#at, this.#at += size);
  }

  #soon<T>(promise: Promise<T>, what: string): Promise<T> {
    return soon(promise, what, this.#deadline);
  }
}

/**
 * Makes a raw peer over a connection: TCP, or one end of `memoryPair`. Use `rawClient` and `rawServer` to get a connection after
 * the handshake.
 *
 * @example A client over TCP that does not mask
 * ```ts
 * import { serve } from "@sluice/websocket";
 * import { rawPeer, text } from "@sluice/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const left = Promise.withResolvers<number>();
 * await using server = serve({ port: 0, hostname: "127.0.0.1" }, {
 *   message: (socket, data) => void socket.send(data),
 *   close: (_, { closeCode }) => left.resolve(closeCode),
 * });
 * const { hostname, port } = new URL(server.url);
 * using peer = rawPeer(await Deno.connect({ hostname, port: Number(port) }), "client");
 * await peer.shakeHands({ Cookie: "id=7" }, "GET /chat HTTP/1.1");
 * await peer.send(text("hello", { masked: false }));
 * await peer.expectClose(1002);
 * peer.close();
 * assertEquals(await left.promise, 1006);
 * ```
 *
 * @param conn The connection. The peer owns it from now on.
 * @param role The role of the peer: a client masks.
 * @param options The timeout of its waits.
 * @returns The peer, which has not sent anything yet.
 */
export function rawPeer(conn: ByteConnection | BytePair, role: Role, options: RawPeerOptions = {}): RawPeer {
  return new RawPeer(conn, role, options);
}

function isMemoryEnd(conn: ByteConnection | BytePair): conn is MemoryEnd {
  return "reset" in conn;
}

function decodeHex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replaceAll(" ", "");
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) {
    throw new TypeError(
      `Cannot send ${JSON.stringify(text)}: it is not hexadecimal. Use text() to make a frame`,
    );
  }
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
