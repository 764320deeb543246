/**
 * RFC 6455 §5 a byte at a time with limits and extensions: what `naive_frames.ts` is, and the section or limit of each refusal.
 *
 * @module
 */
import type { Frame } from "../../lib/pipeline/frames/frame.ts";
import type { FrameParserOptions } from "../../lib/pipeline/frames/frame_parser.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { naiveClose } from "./_naive_close.ts";
import { naiveDecode, naiveFirstBad } from "./_naive_utf8.ts";

/** What there is to read in some bytes. */
export interface NaiveReading {
  /** The frames before the end, or before the failure. */
  frames: Frame[];
  /** What came of a last data frame that is incomplete. */
  partial: Frame[];
  /** Why reading stopped: the close code with the section or the limit, `1006` inside a frame. */
  failure: string | undefined;
}

class Stop extends Error {}

function must(kept: boolean, failure: string): void {
  if (!kept) throw new Stop(failure);
}

/** Runs until it stops, and says why it did. */
function failureIn(run: () => void): string | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof Stop) return error.message;
    throw error;
  }
}

/** Reads frames. */
export function naiveReading(bytes: Uint8Array, options: FrameParserOptions): NaiveReading {
  const { role, maxMessageBytes: max = 2 ** 24, maxFragments = 131_072, maxEmptyFragments = 128 } = options;
  const { reservedBits = 0, reservedOpcodes = [] } = options;
  const opcodes = [0, 1, 2, 8, 9, 10, ...reservedOpcodes];
  const frames: Frame[] = [];
  const partial: Frame[] = [];
  /** The lengths of the fragments of the message that is open. */
  let open: bigint[] | undefined;
  let at = 0;
  const next = (): number => {
    must(at < bytes.length, "1006");
    return bytes[at++]!;
  };
  const number = (size: number): bigint => BigInt(`0x0${Array.from({ length: size }, () => hex(next())).join("")}`);

  const readFrame = (): void => {
    const first = next();
    const [fin, rsv, opcode] = [first >= 128, Math.floor(first / 16) % 8, first % 16];
    const control = opcode >= 8;
    const owned = typeof reservedBits === "number"
      ? reservedBits
      : reservedBits[control ? "control" : opcode === 0 ? "continuation" : "first"] ?? 0;
    must((rsv & ~owned) === 0, "1002 RFC 6455 §5.2");
    must(opcodes.includes(opcode), "1002 RFC 6455 §5.2");
    must(fin || !control, "1002 RFC 6455 §5.5");
    must(control || (opcode === 0) === (open !== undefined), "1002 RFC 6455 §5.4");
    const second = next();
    const masked = second >= 128;
    const code = second % 128;
    must(masked === (role === "server"), "1002 RFC 6455 §5.1");
    must(!control || code < 126, "1002 RFC 6455 §5.5");
    const length = code === 126 ? number(2) : code === 127 ? number(8) : BigInt(code);
    must(length < 2n ** 63n, "1002 RFC 6455 §5.2");
    must(code < 126 || length >= (code === 126 ? 126n : 65_536n), "1002 RFC 6455 §5.2");
    if (!control) {
      open = [...open ?? [], length];
      must(max === Infinity || open.reduce((sum, part) => sum + part) <= BigInt(max), "1009 maxMessageBytes");
      must(open.length <= maxFragments, "1008 maxFragments");
      const empty = open.length - 1 - open.findLastIndex((part) => part > 0n);
      must(length > 0n || (fin && open.length === 1) || empty <= maxEmptyFragments, "1008 maxEmptyFragments");
    }
    const key = masked ? [next(), next(), next(), next()] : [0, 0, 0, 0];
    const payload: number[] = [];
    if (!control && length > 0n) partial[0] = { fin: false, rsv, opcode, payload: new Uint8Array(0) };
    for (let i = 0; i < length && at < bytes.length; i++) payload.push(next() ^ key[i % 4]!);
    if (partial[0] !== undefined) partial[0] = { ...partial[0], payload: Uint8Array.from(payload) };
    must(payload.length === Number(length), "1006");
    partial.length = 0;
    if (!control && fin) open = undefined;
    if (opcode === 8) {
      const { failure } = naiveClose(Uint8Array.from(payload));
      must(failure === undefined, failure ?? "");
    }
    frames.push({ fin, rsv, opcode, payload: Uint8Array.from(payload) });
  };

  const failure = failureIn(() => {
    while (at < bytes.length && frames.at(-1)?.opcode !== 8) readFrame();
  });
  return { frames, partial: partial.filter(({ payload }) => payload.length > 0), failure };
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/** What there is to put together from some frames. */
export interface NaiveAssembly {
  /** The messages before the end, or before the failure. */
  messages: Message[];
  /** The control frames before the end, or before the failure. */
  control: Frame[];
  /** Why it stopped, as {@linkcode NaiveReading.failure}; `1006` inside a message. */
  failure: string | undefined;
}

/** Puts frames together, whether or not they are in sequence. */
export function naiveAssembly(frames: readonly Frame[], max: number): NaiveAssembly {
  const messages: Message[] = [];
  const control: Frame[] = [];
  let open: Frame[] = [];
  const failure = failureIn(() => {
    for (const frame of frames) {
      if (frame.opcode >= 8) {
        control.push(frame);
        if (frame.opcode === 8) return;
        continue;
      }
      must(frame.opcode <= 2, "1002 RFC 6455 §5.2"); // an extension's own, which no extension took
      must((frame.opcode === 0) === (open.length > 0), "1002 RFC 6455 §5.4");
      open.push(frame);
      const bytes = Uint8Array.from(open.flatMap(({ payload }) => [...payload]));
      must(bytes.length <= max, "1009 maxMessageBytes");
      const isText = open[0]!.opcode === 1;
      const text = isText && frame.fin ? naiveDecode(bytes) : "";
      must(!isText || (text !== undefined && naiveFirstBad(bytes) === -1), "1007 RFC 6455 §8.1");
      if (!frame.fin) continue;
      messages.push(isText ? text! : bytes);
      open = [];
    }
    must(open.length === 0, "1006");
  });
  return { messages, control, failure };
}

/** Frames without regard to any rule: as many as there are whole ones. */
export function looseFrames(bytes: Uint8Array<ArrayBuffer>): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const [first, second] = [bytes[at]!, bytes[at + 1]!];
    const payload = bytes.slice(at + 2, at + 2 + second % 128);
    frames.push({ fin: first >= 128, rsv: Math.floor(first / 16) % 8, opcode: first % 16, payload });
    at += 2 + payload.length;
  }
  return frames;
}
