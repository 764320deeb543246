/**
 * Frames over a connection, cut into writes as a case says, and read strictly: what `RawPeer` does, but quick at 16 MiB. Nothing of
 * `lib` runs in it but the names of opcodes.
 *
 * @module
 */
import { assert } from "@std/assert";
import { type Frame, isControl, Opcode, type Role } from "../../lib/pipeline/frames/frame.ts";
import type { ByteConnection } from "../../lib/transport/transport.ts";
import { concat } from "../_support/bytes.ts";
import { seeded } from "../_support/random.ts";
import { turn } from "../_support/wait.ts";

/** How what is sent at a time is cut into writes: all in one, a write for each frame, or writes of so many bytes. */
export type Chop = "whole" | "frames" | number;

/** The frames of one connection, both ways. */
export class Wire {
  readonly #conn: ByteConnection;
  readonly #role: Role;
  // The same keys in every run.
  readonly #random = seeded(6455);
  #key: Uint8Array | undefined;
  #masked = 0;

  readonly #buffer = new Uint8Array(64 * 1024);
  #start = 0;
  #end = 0;
  #peeked: Frame | undefined;
  #fragments: Frame[] = [];

  /**
   * @param conn The connection, after the handshake.
   * @param role Who we are: a client masks, and a server is sent masked frames.
   */
  constructor(conn: ByteConnection, role: Role) {
    this.#conn = conn;
    this.#role = role;
    conn.setNoDelay?.(true);
  }

  /** Sends frames. */
  async send(frames: readonly Frame[], chop: Chop = "whole"): Promise<void> {
    const encoded = frames.map((frame) => this.#encode(frame));
    if (chop === "frames") {
      for (const [i, bytes] of encoded.entries()) {
        // Without a turn between them, they would be read together.
        if (i > 0) await turn();
        await this.#write(bytes);
      }
    } else {
      const bytes = joined(encoded);
      const size = chop === "whole" ? bytes.length : chop;
      for (let at = 0; at < bytes.length; at += size) await this.#write(bytes.subarray(at, at + size));
    }
  }

  /** Sends the header of a frame whose payload has `length` bytes, and the start of it. */
  begin(frame: Frame, length: number): Promise<void> {
    return this.#write(this.#encode(frame, length));
  }

  /** Sends more of that payload. */
  proceed(payload: Uint8Array): Promise<void> {
    const bytes = payload.slice();
    this.#mask(bytes);
    return this.#write(bytes);
  }

  /** Ends the writing side. */
  async end(): Promise<void> {
    await this.#conn.closeWrite?.();
  }

  /** The next message, whole, or control frame. */
  async read(): Promise<Frame> {
    const next = await this.peek();
    this.#peeked = undefined;
    return next;
  }

  /** The same, which stays. */
  async peek(): Promise<Frame> {
    while (this.#peeked === undefined) {
      const frame = await this.#readFrame();
      if (isControl(frame.opcode)) {
        this.#peeked = frame;
      } else {
        assert((frame.opcode === Opcode.CONTINUATION) === this.#fragments.length > 0, "Got a fragment out of place");
        this.#fragments.push(frame);
        if (!frame.fin) continue;
        const { opcode } = this.#fragments[0]!;
        this.#peeked = { fin: true, rsv: 0, opcode, payload: joined(this.#fragments.map(({ payload }) => payload)) };
        this.#fragments = [];
      }
    }
    return this.#peeked;
  }

  /** Asserts that the other side ends its writing with nothing more. */
  async expectEnd(): Promise<void> {
    assert(!await this.#fill(), `Got ${this.#end - this.#start} bytes behind the close frame`);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(at === 0 ? bytes : bytes.subarray(at));
  }

  #encode({ fin, rsv, opcode, payload }: Frame, length = payload.length): Uint8Array<ArrayBuffer> {
    const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
    const masks = this.#role === "client";
    const bytes = new Uint8Array(2 + extended + (masks ? 4 : 0) + payload.length);
    bytes[0] = (fin ? 128 : 0) + rsv * 16 + opcode;
    bytes[1] = (masks ? 128 : 0) + (extended === 0 ? length : extended === 2 ? 126 : 127);
    for (let i = 0; i < extended; i++) bytes[1 + extended - i] = Math.floor(length / 256 ** i) % 256;
    const body = bytes.subarray(bytes.length - payload.length);
    body.set(payload);
    this.#masked = 0;
    if (masks) {
      this.#key = new Uint8Array(4).map(() => this.#random() * 256);
      bytes.set(this.#key, 2 + extended);
      this.#mask(body);
    }
    return bytes;
  }

  /** Masks what follows what was masked before. */
  #mask(bytes: Uint8Array): void {
    const key = this.#key;
    if (key === undefined) return;
    for (let i = 0; i < bytes.length; i++) bytes[i] = bytes[i]! ^ key[this.#masked++ & 3]!;
  }

  async #readFrame(): Promise<Frame> {
    const header = await this.#take(2);
    const [first, second] = [header[0]!, header[1]!];
    const [fin, rsv, opcode] = [first >= 128, (first >> 4) % 8, first % 16];
    const code = second % 128;
    const extended = code < 126 ? 0 : code === 126 ? 2 : 8;
    const length = extended === 0 ? code : (await this.#take(extended)).reduce((sum, byte) => sum * 256 + byte, 0);
    assert(rsv === 0, `Got reserved bits ${rsv}`);
    assert([0, 1, 2, 8, 9, 10].includes(opcode), `Got opcode ${opcode}`);
    assert(!isControl(opcode) || (fin && length < 126), "Got a control frame that is too long or fragmented");
    assert(length >= [0, 0, 126, 0, 0, 0, 0, 0, 65_536][extended]!, `Got length ${length} in ${extended} bytes`);
    // RFC 6455 §5.1.
    assert(
      (second >= 128) === (this.#role === "server"),
      "Got a masked frame of a server, or an unmasked one of a client",
    );
    const key = second >= 128 ? await this.#take(4) : undefined;
    const payload = await this.#take(length);
    if (key !== undefined) { for (let i = 0; i < length; i++) payload[i] = payload[i]! ^ key[i & 3]!; }
    return { fin, rsv, opcode, payload };
  }

  async #take(size: number): Promise<Uint8Array<ArrayBuffer>> {
    const taken = new Uint8Array(size);
    for (let at = 0; at < size;) {
      assert(await this.#fill(), "The connection ended where a frame should come");
      const part = this.#buffer.subarray(this.#start, Math.min(this.#end, this.#start + size - at));
      taken.set(part, at);
      at += part.length;
      this.#start += part.length;
    }
    return taken;
  }

  /** Reads, unless something is here. `false` at the end. */
  async #fill(): Promise<boolean> {
    if (this.#start < this.#end) return true;
    const count = await this.#conn.read(this.#buffer);
    this.#start = 0;
    this.#end = count ?? 0;
    return count !== null;
  }
}

/** Parts as one, without a copy of 16 MiB where there is one part. */
function joined(parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  return parts.length === 1 ? parts[0]! : concat(parts);
}
