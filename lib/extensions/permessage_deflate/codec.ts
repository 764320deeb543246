/**
 * The frames of one connection, deflated and inflated, RFC 7692 §6 and §7.2.
 *
 * @module
 */
import { LimitError, ProtocolError } from "../../errors.ts";
import { concatBytes } from "../../pipeline/bytes/concat.ts";
import { CloseCode } from "../../pipeline/frames/close_code.ts";
import { type Frame, isControl, Opcode, type OutgoingFrame, type Role, Rsv } from "../../pipeline/frames/frame.ts";
import type { CodecContext } from "../extension.ts";
import type { DeflateParameters } from "./parameters.ts";
import {
  createDeflater,
  createInflater,
  defaultLevel,
  type Deflater,
  type DeflaterOptions,
  InflateError,
  InflateOverflow,
  type Inflater,
} from "./zlib.ts";

/** What was compressed, by messages that were: others are not counted. */
export type CompressionStats = {
  /** Messages deflated. */
  messagesOut: number;
  /** Bytes of them before. */
  bytesOut: number;
  /** Bytes of them on the wire. */
  compressedOut: number;
  /** Messages inflated. */
  messagesIn: number;
  /** Bytes of them after. */
  bytesIn: number;
  /** Bytes of them on the wire. */
  compressedIn: number;
  /** Milliseconds spent on both. */
  time: number;
};

/** The settings that a codec looks at. */
export interface CodecSettings {
  /** Bytes below which a message is sent as it is. */
  readonly threshold: number;
  /** From 0, store, to 9, smallest. */
  readonly level: number | undefined;
  /** From 1, little memory, to 9, fast. */
  readonly memLevel: number;
  /** How many times larger than its compressed bytes a message may be. */
  readonly maxRatio: number;
}

/** Below this many bytes the ratio does not matter: a page of blanks is no bomb. */
const RATIO_COUNTS_FROM = 1024 * 1024;

/** What the parameters mean for one direction. */
export interface DirectionSettings {
  /** Whether the context is kept from message to message. */
  readonly keepContext: boolean;
  /** The bits of the window. */
  readonly windowBits: number;
}

/** What the parameters mean for one end. */
export interface EndSettings {
  /** What we compress. */
  readonly outgoing: DirectionSettings;
  /** What the peer compresses. */
  readonly incoming: DirectionSettings;
}

/** The settings of the end with this role (RFC 7692 §7.1). */
export function endSettings(parameters: DeflateParameters, role: Role): EndSettings {
  const { serverMaxWindowBits = 15, clientMaxWindowBits = 15 } = parameters;
  const server = { keepContext: !parameters.serverNoContextTakeover, windowBits: serverMaxWindowBits };
  const client = {
    keepContext: !parameters.clientNoContextTakeover,
    windowBits: clientMaxWindowBits === true ? 15 : clientMaxWindowBits,
  };
  return role === "server" ? { outgoing: server, incoming: client } : { outgoing: client, incoming: server };
}

export interface CodecOptions extends EndSettings {
  readonly settings: CodecSettings;
  readonly stats: readonly CompressionStats[];
  readonly deflaters: ContextPool<Deflater>;
  readonly inflaters: ContextPool<Inflater>;
}

/** One connection's frames. A context that is not kept is borrowed for the length of a message and reset. */
export class Codec {
  readonly #context: CodecContext;
  readonly #options: CodecOptions;

  #inflater: Inflater | undefined;
  /** Whether the message that is coming in is compressed; control frames between its fragments do not change that. */
  #inflating = false;
  /** Whether it is a text: what is inflated of it is decoded, and not handed on. */
  #textIn = false;
  /** The opcode that the first piece of an inflated message still has to carry. */
  #opcodeIn: number = Opcode.CONTINUATION;
  #bytesIn = 0;
  #compressedIn = 0;

  #deflater: Deflater | undefined;
  #deflating = false;

  constructor(context: CodecContext, options: CodecOptions) {
    this.#context = context;
    this.#options = options;
  }

  decode(frames: readonly Frame[], output: Frame[]): void {
    for (const frame of frames) {
      if (isControl(frame.opcode)) {
        output.push(frame);
        continue;
      }
      if (frame.opcode !== Opcode.CONTINUATION) this.#beginIn(frame);
      if (this.#inflating) this.#inflate(frame, output);
      else output.push(frame);
    }
  }

  encode(frames: readonly OutgoingFrame[], output: OutgoingFrame[]): void {
    for (const frame of frames) {
      if (isControl(frame.opcode)) {
        output.push(frame);
        continue;
      }
      if (frame.opcode !== Opcode.CONTINUATION) this.#deflating = this.#wantsDeflate(frame);
      output.push(this.#deflating ? this.#deflate(frame) : frame);
    }
  }

  release(): void {
    this.#inflater?.close();
    this.#deflater?.close();
    this.#inflater = undefined;
    this.#deflater = undefined;
  }

  #beginIn({ opcode, rsv }: Frame): void {
    this.#inflating = (rsv & Rsv.RSV1) !== 0;
    this.#opcodeIn = opcode;
    this.#textIn = opcode === Opcode.TEXT;
    this.#bytesIn = 0;
    this.#compressedIn = 0;
  }

  #inflate({ fin, rsv, payload }: Frame, output: Frame[]): void {
    const { incoming: { keepContext, windowBits }, inflaters, stats } = this.#options;
    const { maxMessageBytes, now } = this.#context;
    const started = now();
    this.#inflater ??= (keepContext ? undefined : inflaters.take(windowBits)) ?? createInflater(windowBits);
    this.#compressedIn += payload.length;
    const max = Math.min(maxMessageBytes, this.#mostByRatio()) - this.#bytesIn;
    let pieces: Uint8Array<ArrayBuffer>[];
    try {
      if (fin && this.#compressedIn === 0) throw new InflateError("Compressed data is empty"); // an empty message has one
      pieces = this.#inflater.inflate(payload, { last: fin, forget: !keepContext, max, shares: this.#textIn });
    } catch (error) {
      this.#inflater.close();
      this.#inflater = undefined;
      throw this.#failure(error);
    }
    let bytes = 0;
    for (const piece of pieces) bytes += piece.length;
    this.#bytesIn += bytes;
    if (fin && !keepContext) {
      inflaters.give(windowBits, this.#inflater);
      this.#inflater = undefined;
    }
    const time = now() - started;
    for (const sum of stats) {
      sum.bytesIn += bytes;
      sum.compressedIn += payload.length;
      sum.time += time;
      if (fin) sum.messagesIn++;
    }
    this.#emit(pieces, { fin, rsv: rsv & ~Rsv.RSV1, output });
  }

  /** Hands the pieces on as fragments of the message: the first carries its opcode and its bits, the last its end. */
  #emit(
    pieces: readonly Uint8Array<ArrayBuffer>[],
    { fin, rsv, output }: { fin: boolean; rsv: number; output: Frame[] },
  ): void {
    // Where another extension copes with no parts, a frame stays a frame.
    const whole = !this.#context.split || (pieces.length === 0 && (fin || rsv !== 0));
    const parts = whole ? [concatBytes(pieces)] : pieces;
    parts.forEach((payload, index) => {
      const last = index === parts.length - 1;
      output.push({ fin: fin && last, rsv: index === 0 ? rsv : 0, opcode: this.#opcodeIn, payload });
      this.#opcodeIn = Opcode.CONTINUATION;
    });
  }

  #mostByRatio(): number {
    return Math.max(this.#compressedIn * this.#options.settings.maxRatio, RATIO_COUNTS_FROM);
  }

  /** What goes wrong with compressed data is the peer's fault: D1 too large, D2 invalid. */
  #failure(error: unknown): unknown {
    if (error instanceof InflateError) {
      return new ProtocolError(error.message, "RFC 7692 §7.2.2", CloseCode.INVALID_PAYLOAD);
    }
    if (!(error instanceof InflateOverflow)) return error;
    const { maxMessageBytes } = this.#context;
    const { maxRatio } = this.#options.settings;
    return this.#mostByRatio() < maxMessageBytes
      ? new LimitError(
        `Message of ${this.#compressedIn} compressed bytes inflates more than maxRatio ${maxRatio} times`,
        {
          limit: "maxRatio",
          max: maxRatio,
          closeCode: CloseCode.MESSAGE_TOO_BIG,
        },
      )
      : new LimitError(`Message inflates to more than maxMessageBytes ${maxMessageBytes}`, {
        limit: "maxMessageBytes",
        max: maxMessageBytes,
        closeCode: CloseCode.MESSAGE_TOO_BIG,
      });
  }

  /** A message whose size is not known is compressed as it is sent. */
  #wantsDeflate({ fin, payload, compress }: OutgoingFrame): boolean {
    return compress ?? (!fin || payload.length >= this.#options.settings.threshold);
  }

  #deflate(frame: OutgoingFrame): OutgoingFrame {
    const { outgoing: { keepContext, windowBits }, deflaters, settings, stats } = this.#options;
    const started = this.#context.now();
    const { fin, opcode, payload } = frame;
    const options: DeflaterOptions = {
      windowBits,
      level: levelOf(this.#options),
      memLevel: settings.memLevel,
    };
    this.#deflater ??= (keepContext ? undefined : deflaters.take(windowBits)) ?? createDeflater(options);
    const flushed = concatBytes(this.#deflater.deflate(payload));
    const deflated = fin ? trimEnd(flushed) : flushed;
    if (fin && !keepContext) {
      this.#deflater.reset();
      deflaters.give(windowBits, this.#deflater);
      this.#deflater = undefined;
    }
    const time = this.#context.now() - started;
    for (const sum of stats) sum.time += time;
    // Without takeover no later message depends on the discarded output.
    if (fin && opcode !== Opcode.CONTINUATION && !keepContext && deflated.length >= payload.length) return frame;
    for (const sum of stats) {
      sum.bytesOut += payload.length;
      sum.compressedOut += deflated.length;
      if (fin) sum.messagesOut++;
    }
    const rsv = opcode === Opcode.CONTINUATION ? frame.rsv : frame.rsv | Rsv.RSV1;
    return { fin, rsv, opcode, payload: deflated };
  }
}

/** §7.2.1: a message ends without the last four bytes, and an empty one is a zero byte. */
function trimEnd(deflated: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return deflated.length === 0 ? Uint8Array.of(0) : deflated.subarray(0, deflated.length - 4);
}

/** The level in force: the one asked for, or what fits the window and the context. */
export function levelOf(
  { settings, outgoing: { windowBits, keepContext } }: Pick<CodecOptions, "settings" | "outgoing">,
): number {
  return settings.level ?? defaultLevel({ windowBits, keep: keepContext });
}

/** Nothing counted yet. */
export function newStats(): CompressionStats {
  return { messagesOut: 0, bytesOut: 0, compressedOut: 0, messagesIn: 0, bytesIn: 0, compressedIn: 0, time: 0 };
}

/** Contexts kept of each window size. Everything is synchronous, so more are in use only while messages come in fragments. */
const KEPT = 4;

/** A pool of contexts, which are reset before they are given back. */
export class ContextPool<Context extends { close(): void }> {
  readonly #free = new Map<number, Context[]>();

  /** Takes a context with a window of so many bits, if there is one. */
  take(windowBits: number): Context | undefined {
    return this.#free.get(windowBits)?.pop();
  }

  /** Gives a context back. */
  give(windowBits: number, context: Context): void {
    let free = this.#free.get(windowBits);
    if (free === undefined) this.#free.set(windowBits, free = []);
    if (free.length < KEPT) free.push(context);
    else context.close();
  }
}
