/**
 * RFC 6455 §5.2 a byte at a time, with no thought of speed: the oracle for the parser and the serializer.
 *
 * @module
 */
import type { Frame, Role } from "../../lib/pipeline/frames/frame.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { concat } from "./bytes.ts";

/** What there is to read in some bytes. */
export interface NaiveResult {
  /** The frames before the end, or before the error. */
  frames: Frame[];
  /** Why reading stopped: a close code, 1006 where the bytes end inside a frame, `undefined` where all is well. */
  closeCode: number | undefined;
  /** The number of bytes read until then. */
  at: number;
}

class Stop extends Error {
  constructor(readonly closeCode: number) {
    super();
  }
}

/** Reads frames. `receiver` is the end that reads; extensions own nothing. */
export function naiveFrames(bytes: Uint8Array, receiver: Role, maxMessageBytes = 2 ** 24): NaiveResult {
  const frames: Frame[] = [];
  let at = 0;
  let messageBytes: bigint | undefined;
  const must = (kept: boolean, closeCode = 1002) => {
    if (!kept) throw new Stop(closeCode);
  };
  const next = (): number => {
    must(at < bytes.length, 1006);
    return bytes[at++]!;
  };
  const number = (size: number) =>
    Array.from({ length: size }, next).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  try {
    while (at < bytes.length && frames.at(-1)?.opcode !== 8) {
      const first = next();
      const [fin, rsv, opcode] = [first >= 128, (first >> 4) % 8, first % 16];
      const control = opcode >= 8;
      must(rsv === 0);
      must([0, 1, 2, 8, 9, 10].includes(opcode));
      must(fin || !control);
      must(control || (opcode === 0) === (messageBytes !== undefined));
      const second = next();
      must((second >= 128) === (receiver === "server"));
      const code = second % 128;
      must(code <= 125 || !control);
      const length = code === 127 ? number(8) : code === 126 ? number(2) : BigInt(code);
      must(length < 2n ** 63n);
      must(length >= (code === 127 ? 65_536n : code === 126 ? 126n : 0n));
      if (!control) {
        must((messageBytes ?? 0n) + length <= BigInt(maxMessageBytes), 1009);
        messageBytes = fin ? undefined : (messageBytes ?? 0n) + length;
      }
      const key = second >= 128 ? [next(), next(), next(), next()] : [0, 0, 0, 0];
      const rest = bytes.length - at;
      if (length > rest) at = bytes.length;
      must(length <= rest, 1006);
      const payload = bytes.slice(at, at += Number(length));
      if (second >= 128) { for (let i = 0; i < payload.length; i++) payload[i]! ^= key[i % 4]!; }
      if (opcode === 8) {
        const closeCode = payload.length === 0 ? 1000 : payload.length === 1 ? 0 : payload[0]! * 256 + payload[1]!;
        must(
          [1000, 1001, 1002, 1003].includes(closeCode) || (closeCode >= 1007 && closeCode <= 1014) || closeCode >= 3000,
        );
        must(closeCode <= 4999);
        must(naiveText(payload.subarray(2)) !== undefined, 1007);
      }
      frames.push({ fin, rsv, opcode, payload });
    }
  } catch (error) {
    if (error instanceof Stop) return { frames, closeCode: error.closeCode, at };
    throw error;
  }
  return { frames, closeCode: undefined, at };
}

/** Puts well-formed frames together: the messages, and the control frames beside them. */
export function naiveMessages(frames: readonly Frame[]): { messages: Message[]; control: Frame[] } {
  const messages: Message[] = [];
  let parts: Uint8Array[] = [];
  let opcode = 0;
  for (const frame of frames.filter((frame) => frame.opcode < 8)) {
    if (frame.opcode !== 0) opcode = frame.opcode;
    parts.push(frame.payload);
    if (!frame.fin) continue;
    const whole = concat(parts);
    messages.push(opcode === 1 ? naiveText(whole)! : whole);
    parts = [];
  }
  return { messages, control: frames.filter((frame) => frame.opcode >= 8) };
}

/** Writes a frame; one that has a key is masked. */
export function naiveBytes({ fin, rsv, opcode, payload }: Frame, key?: readonly number[]): number[] {
  const { length } = payload;
  const code = length < 126 ? length : length < 65_536 ? 126 : 127;
  const size = [0, 2, 8][Math.max(code - 125, 0)]!;
  const bytes = [
    (fin ? 128 : 0) + rsv * 16 + opcode,
    (key === undefined ? 0 : 128) + code,
    ...Array.from({ length: size }, (_, i) => Number((BigInt(length) >> BigInt(8 * (size - 1 - i))) % 256n)),
    ...(key ?? []),
  ];
  for (let i = 0; i < length; i++) bytes.push(payload[i]! ^ (key?.[i % 4] ?? 0));
  return bytes;
}

/** The platform's strict decoder. */
export function naiveText(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
