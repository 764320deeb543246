/**
 * Frames in tests: made at random, and written as lines.
 *
 * @module
 */
import { encodeHex } from "@std/encoding/hex";
import { type Frame, frame, Opcode, type Role } from "../../lib/pipeline/frames/frame.ts";
import { naiveBytes } from "./naive_frames.ts";
import { below, type Random, randomBytes } from "./random.ts";

/** Frames as lines such as `fin rsv=0 opcode=1 48656c6c6f`: quick to compare, and a failure can be read. */
export function lines(frames: readonly Frame[]): string[] {
  return frames.map(({ fin, rsv, opcode, payload }) =>
    `${fin ? "fin" : "   "} rsv=${rsv} opcode=${opcode} ${encodeHex(payload)}`
  );
}

/** The bytes of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Frames on the wire as `sender` sends them, by the naive writer; a client's under random keys. */
export function wire(frames: readonly Frame[], sender: Role, random: Random): Uint8Array<ArrayBuffer> {
  const key = () => sender === "client" ? [...randomBytes(random, 4)] : undefined;
  return Uint8Array.from(frames.flatMap((frame) => naiveBytes(frame, key())));
}

const ALPHABET = ["a", "é", "€", "𐍈", "\u{feff}", "\u{ffff}", "\u{10ffff}", "\0"];

/** A conversation: messages whole and in fragments, text cut inside characters, control frames anywhere, a close at the end. */
export function randomFrames(random: Random, messages = 12): Frame[] {
  const frames: Frame[] = [];
  for (let i = 0; i < messages; i++) {
    const text = below(random, 2) === 0;
    const length = [below(random, 8), below(random, 140), below(random, 700)][below(random, 3)]!;
    const payload = text
      ? utf8(Array.from({ length: length >> 1 }, () => ALPHABET[below(random, ALPHABET.length)]).join(""))
      : randomBytes(random, length);
    let opcode: number = text ? Opcode.TEXT : Opcode.BINARY;
    let at = 0;
    for (let cuts = Math.max(0, below(random, 7) - 2); cuts >= 0; cuts--) {
      while (below(random, 3) === 0) frames.push(randomControl(random));
      const end = cuts === 0 ? payload.length : at + below(random, payload.length - at + 1);
      frames.push(frame(opcode, payload.slice(at, end), { fin: cuts === 0 }));
      opcode = Opcode.CONTINUATION;
      at = end;
    }
  }
  return [...frames, frame(Opcode.CLOSE, Uint8Array.of(0x03, 0xe8, ...utf8("bye €")))];
}

function randomControl(random: Random): Frame {
  const payload = randomBytes(random, [0, 1, 4, 125][below(random, 4)]!);
  return frame(below(random, 2) === 0 ? Opcode.PING : Opcode.PONG, payload);
}
