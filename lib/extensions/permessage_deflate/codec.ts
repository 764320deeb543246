/**
 * Compresses and decompresses the frames of one connection (RFC 7692 §6 and §7.2).
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

/** Counters of compressed messages. Uncompressed messages are not counted. */
export type CompressionStats = {
  /** Messages compressed. */
  messagesOut: number;
  /** Their bytes before compression. */
  bytesOut: number;
  /** Their bytes on the wire. */
  compressedOut: number;
  /** Messages decompressed. */
  messagesIn: number;
  /** Their bytes after decompression. */
  bytesIn: number;
  /** Their bytes on the wire. */
  compressedIn: number;
  /** Milliseconds spent on both. */
  time: number;
};

/** The settings that a codec uses. */
export interface CodecSettings {
  /** The size in bytes from which messages are compressed. */
  readonly threshold: number;
  /** From 0 (none) to 9 (smallest). */
  readonly level: number | undefined;
  /** From 1 (least memory) to 9 (fastest). */
  readonly memLevel: number;
  /** How many times larger a message may be than its compressed bytes. */
  readonly maxRatio: number;
}

/** Up to this many bytes any ratio is accepted: a page of spaces is not an attack. */
const RATIO_COUNTS_FROM = 1024 * 1024;

/** The settings for one direction. */
export interface DirectionSettings {
  /** Whether the context is kept from message to message. */
  readonly keepContext: boolean;
  /** The size of the window in bits. */
  readonly windowBits: number;
}

/** The settings for one end. */
export interface EndSettings {
  /** What this end compresses. */
  readonly outgoing: DirectionSettings;
  /** What the peer compresses. */
  readonly incoming: DirectionSettings;
}

/** Returns the settings for the end with this role (RFC 7692 §7.1). */
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

/** The codec of one connection. A context that is not kept is borrowed for one message and reset. */
export class Codec {
  readonly #context: CodecContext;
  readonly #options: CodecOptions;

  #inflater: Inflater | undefined;
  /** Whether the incoming message is compressed. Control frames between its fragments do not change that. */
  #inflating = false;
  /** Whether it is a text that is decoded here. */
  #textIn = false;
  /** The opcode for the first part of a decompressed message. */
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
      if (fin && this.#compressedIn === 0) throw new InflateError("Compressed data is empty"); // an empty message has one byte
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

  /** Delivers the parts as fragments of the message: the first has its opcode and its bits, the last its end. */
  #emit(
    pieces: readonly Uint8Array<ArrayBuffer>[],
    { fin, rsv, output }: { fin: boolean; rsv: number; output: Frame[] },
  ): void {
    // If another extension does not accept parts, a frame stays whole.
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

  /** Converts an error of decompression. The peer is at fault: its message is too large or invalid. */
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
    // Without context takeover, no later message depends on the discarded output.
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

/** §7.2.1: a message is sent without its last four bytes, and an empty one as a zero byte. */
function trimEnd(deflated: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return deflated.length === 0 ? Uint8Array.of(0) : deflated.subarray(0, deflated.length - 4);
}

/** Returns the level to use: the configured one, or the one that suits the window and the context. */
export function levelOf(
  { settings, outgoing: { windowBits, keepContext } }: Pick<CodecOptions, "settings" | "outgoing">,
): number {
  return settings.level ?? defaultLevel({ windowBits, keep: keepContext });
}

/** Returns counters of zero. */
export function newStats(): CompressionStats {
  return { messagesOut: 0, bytesOut: 0, compressedOut: 0, messagesIn: 0, bytesIn: 0, compressedIn: 0, time: 0 };
}

/**
 * How many contexts of each window size are kept. Everything is synchronous, so more are in use only while messages arrive in
 * fragments.
 */
const KEPT = 4;

/** A pool of contexts. They are reset before they are returned. */
export class ContextPool<Context extends { close(): void }> {
  readonly #free = new Map<number, Context[]>();

  /** Takes a context with a window of this many bits, if there is one. */
  take(windowBits: number): Context | undefined {
    return this.#free.get(windowBits)?.pop();
  }

  /** Returns a context to the pool. */
  give(windowBits: number, context: Context): void {
    let free = this.#free.get(windowBits);
    if (free === undefined) this.#free.set(windowBits, free = []);
    if (free.length < KEPT) free.push(context);
    else context.close();
  }
}
