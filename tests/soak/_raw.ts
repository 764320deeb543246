/**
 * A client that enforces no rule by itself: bytes on a TCP connection.
 *
 * @module
 */
import { naiveBytes } from "../_support/naive_frames.ts";
import { type Random, randomBytes } from "../_support/random.ts";

/** The largest piece that is read at a time. */
const buffer = new Uint8Array(64 * 1024);

/** A raw connection. */
export interface RawClient extends Disposable {
  /** Writes all of `bytes`. */
  write(bytes: Uint8Array): Promise<void>;
  /** Reads and drops until the server ends the connection; returns the number of bytes. */
  drain(): Promise<number>;
  /** Says that nothing more will be written. */
  endWriting(): Promise<void>;
}

/** The bytes of a handshake that is in order. */
export function handshake(port: number): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(
    `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
  );
}

/** A frame, masked. */
export function masked(
  random: Random,
  opcode: number,
  payload: Uint8Array<ArrayBuffer>,
  fin = true,
): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(naiveBytes({ fin, rsv: 0, opcode, payload }, [...randomBytes(random, 4)]));
}

/** Connects to 127.0.0.1. Disposing of it closes it, over unread bytes with a reset. */
export async function dial(port: number): Promise<RawClient> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
    },
    async drain() {
      let total = 0;
      for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) total += count;
      return total;
    },
    endWriting: () => conn.closeWrite(),
    [Symbol.dispose]: () => conn.close(),
  };
}
