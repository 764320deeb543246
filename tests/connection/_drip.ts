/**
 * A connection that is brought its bytes read by read, and the frames for it.
 *
 * @module
 */
import { Opcode, type Role } from "../../lib/pipeline/frames/frame.ts";
import type { ByteConnection } from "../../lib/transport/transport.ts";
import { concat } from "../_support/bytes.ts";
import { until } from "../_support/wait.ts";

/** A connection whose reads bring what a test says, when it says it, and whose writes go nowhere. */
export class Drip implements ByteConnection {
  /** Room that the reads had, in order. */
  readonly offers: number[] = [];
  /** What was given to `write`. */
  readonly writes: Uint8Array[] = [];
  /** Writes of so many bytes are under way until the end. */
  stuckFrom = Infinity;
  #reading: { buffer: Uint8Array; brought: (count: number) => void } | undefined;

  /** Brings bytes in as many reads as they take. */
  async bring(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      await until(() => this.#reading !== undefined, "A read");
      const { buffer, brought } = this.#reading!;
      this.#reading = undefined;
      const part = bytes.subarray(at, at + buffer.length);
      buffer.set(part);
      at += part.length;
      brought(part.length);
    }
    await until(() => this.#reading !== undefined, "The next read");
  }

  read(buffer: Uint8Array): Promise<number> {
    this.offers.push(buffer.length);
    return new Promise((brought) => this.#reading = { buffer, brought });
  }

  write(bytes: Uint8Array): Promise<number> {
    this.writes.push(bytes);
    return bytes.length < this.stuckFrom ? Promise.resolve(bytes.length) : new Promise(() => {});
  }

  close(): void {}
}

/** The header of a frame with an all-zero key where it is masked. */
export function header(role: Role, opcode: number, length: number, fin = true): Uint8Array {
  const masked = role === "server" ? 128 : 0;
  const size = length < 126
    ? [length]
    : length < 65_536
    ? [126, length >> 8, length]
    : [127, 0, 0, 0, 0, ...be32(length)];
  const [code, ...rest] = size;
  return Uint8Array.of((fin ? 128 : 0) + opcode, masked + code!, ...rest, ...masked ? [0, 0, 0, 0] : []);
}

/** A frame of binary data. */
export function frame(role: Role, payload: Uint8Array, { fin = true } = {}): Uint8Array {
  return concat([header(role, Opcode.BINARY, payload.length, fin), payload]);
}

function be32(value: number): number[] {
  return [value >>> 24, value >>> 16, value >>> 8, value];
}
