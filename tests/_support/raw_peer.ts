/**
 * A peer that does what a test tells it, right or wrong: frames from the naive writer and reader, HTTP by hand, and a deadline
 * on everything it waits for. Nothing of `lib` runs in it but the names of opcodes.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { decodeHex } from "@std/encoding/hex";
import { type Frame, frame, Opcode, type Role } from "../../lib/pipeline/frames/frame.ts";
import type { ByteConnection } from "../../lib/pipeline/sockets/transport.ts";
import { lines, utf8 } from "./frames.ts";
import { naiveBytes, naiveFrames } from "./naive_frames.ts";
import { soon } from "./wait.ts";

/** The example of RFC 6455 §1.3. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
/** The answer to {@linkcode KEY}. */
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const MASK = [0x37, 0xfa, 0x21, 0x3d];
const MOST = 2 ** 31;

/** A text frame. */
export const text = (payload: string): Frame => frame(Opcode.TEXT, utf8(payload));
/** A binary frame. */
export const binary = (payload: Uint8Array<ArrayBuffer>): Frame => frame(Opcode.BINARY, payload);
/** A ping. */
export const ping = (payload = ""): Frame => frame(Opcode.PING, utf8(payload));
/** A pong. */
export const pong = (payload = ""): Frame => frame(Opcode.PONG, utf8(payload));
/** A close frame; empty with no code. */
export const close = (code?: number, reason = ""): Frame =>
  frame(Opcode.CLOSE, code === undefined ? undefined : Uint8Array.of(code >> 8, code & 255, ...utf8(reason)));

/** The lines of a request that is in order, but for what `changes` says; `undefined` leaves a field out. */
export function requestText(changes: Record<string, string | undefined> = {}, line = "GET /chat?x=1 HTTP/1.1"): string {
  const fields: Record<string, string | undefined> = {
    Host: "127.0.0.1",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
    ...changes,
  };
  const lines = Object.entries(fields).filter(([, value]) => value !== undefined).map((field) => field.join(": "));
  return [line, ...lines, "", ""].join("\r\n");
}

/** A peer over a connection, playing one role. */
export class RawPeer implements Disposable {
  readonly conn: ByteConnection;
  readonly role: Role;
  #pending = new Uint8Array(0);
  #closed = false;

  /**
   * @param conn The connection, which now belongs to the peer.
   * @param role Which end the peer plays: a client masks.
   */
  constructor(conn: ByteConnection, role: Role) {
    this.conn = conn;
    this.role = role;
  }

  /** Connects over TCP as a client that has said nothing yet. */
  static async dial(port: number): Promise<RawPeer> {
    return new RawPeer(await Deno.connect({ hostname: "127.0.0.1", port }), "client");
  }

  /** Connects over TCP as a client and shakes hands. */
  static async connect(port: number, changes: Record<string, string | undefined> = {}): Promise<RawPeer> {
    const peer = await RawPeer.dial(port);
    await peer.ask(requestText(changes));
    return peer;
  }

  /** Sends a request and reads the head of the answer, which must be 101. */
  async ask(request: string): Promise<string> {
    await this.send(utf8(request));
    const head = await this.readHead();
    assertEquals(head.split("\r\n")[0], "HTTP/1.1 101 Switching Protocols");
    return head;
  }

  /** Reads a request and answers 101, with more header lines. */
  async answer(...more: string[]): Promise<string> {
    const head = await this.readHead();
    await this.answerTo(head, ...more);
    return head;
  }

  /** Answers 101 to a request that was read, with more header lines. */
  async answerTo(head: string, ...more: string[]): Promise<void> {
    const key = /^sec-websocket-key: (.*)$/im.exec(head)?.[1] ?? "";
    const digest = await crypto.subtle.digest("SHA-1", utf8(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`));
    const lines = [
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${btoa(String.fromCharCode(...new Uint8Array(digest)))}`,
      ...more,
    ];
    await this.send(utf8([...lines, "", ""].join("\r\n")));
  }

  /** Sends hexadecimal digits, in which spaces count for nothing, or bytes, or frames, in one write where there is room. */
  async send(...parts: (string | Uint8Array | Frame)[]): Promise<void> {
    let bytes: Uint8Array = Uint8Array.from(parts.flatMap((part) => [...this.#encode(part)]));
    while (bytes.length > 0) bytes = bytes.subarray(await soon(this.conn.write(bytes), "Room to send"));
  }

  #encode(part: string | Uint8Array | Frame): Iterable<number> {
    if (typeof part === "string") return decodeHex(part.replaceAll(" ", ""));
    if (part instanceof Uint8Array) return part;
    return naiveBytes(part, this.role === "client" ? MASK : undefined);
  }

  /** Reads bytes until `find` says how many of them are wanted. */
  async #read(what: string, find: (bytes: Uint8Array) => number): Promise<Uint8Array<ArrayBuffer>> {
    const buffer = new Uint8Array(256 * 1024);
    for (;;) {
      const size = find(this.#pending);
      if (size >= 0) {
        const taken = this.#pending.slice(0, size);
        this.#pending = this.#pending.slice(size);
        return taken;
      }
      const count = await soon(this.conn.read(buffer), what);
      if (count === null) {
        throw new Error(`${what} did not come: the connection ended after ${this.#pending.length} bytes`);
      }
      const joined = new Uint8Array(this.#pending.length + count);
      joined.set(this.#pending);
      joined.set(buffer.subarray(0, count), this.#pending.length);
      this.#pending = joined;
    }
  }

  /** Reads `size` bytes. */
  readBytes(size: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#read(`${size} bytes`, (bytes) => bytes.length < size ? -1 : size);
  }

  /** Reads the head of an HTTP message. */
  async readHead(): Promise<string> {
    const head = await this.#read("A head", (bytes) => {
      const end = String.fromCharCode(...bytes.subarray(0, 32 * 1024)).indexOf("\r\n\r\n");
      return end < 0 ? -1 : end + 4;
    });
    return new TextDecoder().decode(head);
  }

  /** Reads everything to the end of the connection, as text. */
  async readText(): Promise<string> {
    const rest = await this.readToEnd();
    return new TextDecoder().decode(rest);
  }

  /** Reads everything to the end of the connection. */
  async readToEnd(): Promise<Uint8Array> {
    const buffer = new Uint8Array(64 * 1024);
    const all: number[] = [...this.#pending];
    for (;;) {
      const count = await soon(this.conn.read(buffer), "The end");
      if (count === null) return Uint8Array.from(all);
      for (const byte of buffer.subarray(0, count)) all.push(byte);
    }
  }

  /** Reads a frame. */
  async readFrame(): Promise<Frame> {
    let found: Frame | undefined;
    const receiver = this.role;
    await this.#read("A frame", (bytes) => {
      const size = frameSize(bytes);
      if (size < 0 || bytes.length < size) return -1;
      const result = naiveFrames(bytes.subarray(0, size), receiver, MOST);
      found = result.frames[0];
      if (found === undefined) throw new Error(`Got a frame that breaks the rules: ${result.closeCode}`);
      return size;
    });
    return found!;
  }

  /** Reads as many frames as are given and asserts that they are the same. */
  async expect(...frames: Frame[]): Promise<void> {
    const received: Frame[] = [];
    for (const _ of frames) received.push(await this.readFrame());
    assertEquals(lines(received), lines(frames));
  }

  /** Asserts that the other side ends its writing, and sends nothing before. */
  async expectEnd(): Promise<void> {
    assertEquals([...await this.readToEnd()], [], "bytes before the end");
  }

  /** Ends the writing side. */
  async closeWrite(): Promise<void> {
    await this.conn.closeWrite?.();
  }

  /** Closes the connection. Over TCP, unread bytes make that a reset. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.conn.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The size of the frame that begins `bytes`, or -1 where its header has not all come. */
function frameSize(bytes: Uint8Array): number {
  if (bytes.length < 2) return -1;
  const code = bytes[1]! & 127;
  const lengthSize = code < 126 ? 0 : code === 126 ? 2 : 8;
  const masked = bytes[1]! >= 128 ? 4 : 0;
  if (bytes.length < 2 + lengthSize) return -1;
  const extended = bytes.subarray(2, 2 + lengthSize).reduce((sum, byte) => sum * 256 + byte, 0);
  return 2 + lengthSize + masked + (lengthSize === 0 ? code : extended);
}
