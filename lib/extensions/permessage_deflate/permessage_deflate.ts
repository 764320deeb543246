/**
 * permessage-deflate, RFC 7692: compressed messages, both roles.
 *
 * @module
 */
import { LimitError, ProtocolError } from "../../errors.ts";
import { CloseCode } from "../../pipeline/frames/close_code.ts";
import { type Frame, isControl, Opcode, type OutgoingFrame, type Role, Rsv } from "../../pipeline/frames/frame.ts";
import type { CodecContext, Extension, ExtensionProcessor } from "../extension.ts";
import { ContextPool } from "./context_pool.ts";
import { joinPieces } from "./join_pieces.ts";
import { type DeflateParameters, readParameters, writeParameters } from "./parameters.ts";
import {
  canKeepContext,
  createDeflater,
  createInflater,
  deflateBytes,
  type Deflater,
  type DeflaterOptions,
  inflateBytes,
  InflateError,
  InflateOverflow,
  type Inflater,
} from "./zlib.ts";

/** How permessage-deflate is used. */
export interface PerMessageDeflateOptions {
  /**
   * Whether the server keeps its context from one message to the next, which compresses small messages far better and costs about
   * 256 KiB for each connection. A client asks the server for it, a server decides.
   *
   * @default {false} on a server, {true} on a client
   */
  serverContextTakeover?: boolean;
  /**
   * Whether the client keeps its context, which costs the server about 40 KiB for each connection.
   *
   * @default {false} on a server, {true} on a client
   */
  clientContextTakeover?: boolean;
  /** The most bits of the server's window, 8 to 15. @default {15} */
  serverMaxWindowBits?: number;
  /** The most bits of the client's window, 8 to 15. @default {15} */
  clientMaxWindowBits?: number;
  /** Bytes below which a message is sent as it is. @default {1024} */
  threshold?: number;
  /** From 0, store, to 9, smallest. @default {1}: on small JSON twice as fast as zlib's own 6, for 5 to 10 % more bytes */
  level?: number;
  /** From 1, little memory, to 9, fast. @default {8} */
  memLevel?: number;
  /**
   * How many times larger than its compressed bytes a message may be, judged above 1 MiB: the fence behind `maxMessageBytes`.
   * Deflate reaches 1032; text rarely 20.
   *
   * @default {256}
   */
  maxRatio?: number;
  /**
   * Bytes that the kept contexts of all connections may take together. A connection that would go over gets no context takeover.
   *
   * @default {67108864}, 64 MiB
   */
  contextBudget?: number;
}

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

/** permessage-deflate for any number of connections, with what it has done for all of them. */
export interface PerMessageDeflate extends Extension {
  /** Sums over all connections. */
  readonly stats: Readonly<CompressionStats>;
  /** Bytes that kept contexts take now, by zlib's own formula. */
  readonly contextBytes: number;
}

/** permessage-deflate on one connection. On a server `upgrade` may still change what is answered. */
export interface PerMessageDeflateProcessor extends ExtensionProcessor {
  /** What is answered. */
  readonly parameters: DeflateParameters;
  /** What it has done for this connection. */
  readonly stats: Readonly<CompressionStats>;
}

const DEFAULTS = {
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
  threshold: 1024,
  level: 1,
  memLevel: 8,
  maxRatio: 256,
  contextBudget: 64 * 1024 * 1024,
};

/** Below this many bytes the ratio does not matter: a page of blanks is no bomb. */
const RATIO_COUNTS_FROM = 1024 * 1024;

type Settings = Required<Omit<PerMessageDeflateOptions, "serverContextTakeover" | "clientContextTakeover">>;

/**
 * Makes permessage-deflate.
 *
 * @example Both ends
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { permessageDeflate } from "@sluice/websocket/permessage-deflate";
 * import { assertEquals } from "@std/assert";
 *
 * const deflate = permessageDeflate({ threshold: 0 });
 * await using server = serve({ port: 0, hostname: "127.0.0.1", extensions: [deflate] }, (socket) =>
 *   socket.readable.pipeTo(socket.writable));
 * await using socket = await connect(server.url, { perMessageDeflate: true });
 * assertEquals(socket.extensions, "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
 * await socket.send("ha".repeat(10_000));
 * for await (const message of socket) {
 *   assertEquals(message.length, 20_000);
 *   break;
 * }
 * assertEquals(deflate.stats.bytesIn, 20_000);
 * ```
 *
 * @param options How it is used.
 * @returns The extension. Give the same object to everything that shares the budget and the sums.
 * @throws {RangeError} If a number is out of range.
 */
export function permessageDeflate(options: PerMessageDeflateOptions = {}): PerMessageDeflate {
  const settings = checkSettings(options);
  const { serverContextTakeover, clientContextTakeover } = options;
  const stats = newStats();
  const deflaters = new ContextPool<Deflater>();
  const inflaters = new ContextPool<Inflater>();
  let contextBytes = 0;

  /** What the kept contexts of a connection take, on this end. */
  const cost = (parameters: DeflateParameters, role: Role): number => {
    const { keepOut, keepIn, bitsOut, bitsIn } = sides(parameters, role);
    return (keepOut ? deflateBytes({ windowBits: bitsOut, memLevel: settings.memLevel }) : 0) +
      (keepIn ? inflateBytes(bitsIn) : 0);
  };

  const processor = (role: Role, parameters: DeflateParameters): PerMessageDeflateProcessor => {
    const own = newStats();
    return {
      name: NAME,
      parameters,
      get params() {
        return writeParameters(parameters);
      },
      stats: own,
      reservedBits: { first: Rsv.RSV1 },
      splittable: true,
      open(context) {
        const bytes = cost(parameters, role);
        contextBytes += bytes;
        const codec = new Codec(context, {
          ...sides(parameters, role),
          settings,
          stats: [own, stats],
          deflaters,
          inflaters,
        });
        return {
          decode: { push: (frames, output) => codec.decode(frames, output) },
          encode: { push: (frames, output) => codec.encode(frames, output) },
          release() {
            contextBytes -= bytes;
            codec.release();
          },
        };
      },
    };
  };

  return {
    name: NAME,
    stats,
    get contextBytes() {
      return contextBytes;
    },
    offer() {
      const canKeep = canKeepContext();
      const offer: DeflateParameters = {
        serverNoContextTakeover: !(serverContextTakeover ?? true) || !canKeep,
        clientNoContextTakeover: !(clientContextTakeover ?? true) || !canKeep,
        serverMaxWindowBits: settings.serverMaxWindowBits === 15 ? undefined : settings.serverMaxWindowBits,
        clientMaxWindowBits: settings.clientMaxWindowBits === 15 ? true : settings.clientMaxWindowBits,
      };
      // A server that knows no window bits may still take the second offer, unless a smaller window is a must.
      const plain = { ...offer, clientMaxWindowBits: undefined };
      return [offer, plain].map(writeParameters);
    },
    accept(params) {
      const offer = tolerate(() => readParameters(params, "client"));
      if (offer === undefined) return undefined;
      const canKeep = canKeepContext();
      const answer: DeflateParameters = {
        serverNoContextTakeover: offer.serverNoContextTakeover || !(serverContextTakeover ?? false) || !canKeep,
        clientNoContextTakeover: offer.clientNoContextTakeover || !(clientContextTakeover ?? false) || !canKeep,
        serverMaxWindowBits: smaller(offer.serverMaxWindowBits, settings.serverMaxWindowBits),
        // §7.1.2.2: only where the client said that it can be limited.
        clientMaxWindowBits: offer.clientMaxWindowBits === undefined ? undefined : smaller(
          offer.clientMaxWindowBits === true ? undefined : offer.clientMaxWindowBits,
          settings.clientMaxWindowBits,
        ),
      };
      if (contextBytes + cost(answer, "server") > settings.contextBudget) {
        answer.serverNoContextTakeover = answer.clientNoContextTakeover = true;
      }
      return processor("server", answer);
    },
    confirm(params) {
      const answer = readParameters(params, "server");
      const canKeep = canKeepContext();
      // §7.1.1.1, §7.1.2.1: what was asked of the server it must have granted.
      if ((!(serverContextTakeover ?? true) || !canKeep) && !answer.serverNoContextTakeover) {
        throw new RangeError("Parameter server_no_context_takeover was asked for and not granted");
      }
      if ((answer.serverMaxWindowBits ?? 15) > settings.serverMaxWindowBits) {
        throw new RangeError(`Parameter server_max_window_bits must be ${settings.serverMaxWindowBits} or less`);
      }
      // §7.1.1.2, §7.1.2.2: what we said of ourselves holds whether or not the server repeats it.
      answer.clientNoContextTakeover ||= !(clientContextTakeover ?? true) || !canKeep;
      const { clientMaxWindowBits: bits } = answer;
      answer.clientMaxWindowBits = smaller(bits === true ? undefined : bits, settings.clientMaxWindowBits);
      return processor("client", answer);
    },
  };
}

/** The extensions of options that may ask for compression in short. */
export function withPerMessageDeflate(
  options: { extensions?: readonly Extension[]; perMessageDeflate?: boolean | PerMessageDeflateOptions },
): readonly Extension[] {
  const { extensions = [], perMessageDeflate = false } = options;
  if (perMessageDeflate === false) return extensions;
  return [permessageDeflate(perMessageDeflate === true ? {} : perMessageDeflate), ...extensions];
}

const NAME = "permessage-deflate";

/** What the parameters mean for one end. */
interface Sides {
  /** Whether our context is kept, and the bits of our window. */
  readonly keepOut: boolean;
  readonly bitsOut: number;
  /** The same of the peer. */
  readonly keepIn: boolean;
  readonly bitsIn: number;
}

function sides(parameters: DeflateParameters, role: Role): Sides {
  const { serverMaxWindowBits = 15, clientMaxWindowBits = 15 } = parameters;
  const server = { keep: !parameters.serverNoContextTakeover, bits: serverMaxWindowBits };
  const client = {
    keep: !parameters.clientNoContextTakeover,
    bits: clientMaxWindowBits === true ? 15 : clientMaxWindowBits,
  };
  const [out, into] = role === "server" ? [server, client] : [client, server];
  return { keepOut: out.keep, bitsOut: out.bits, keepIn: into.keep, bitsIn: into.bits };
}

interface CodecOptions extends Sides {
  readonly settings: Settings;
  readonly stats: readonly CompressionStats[];
  readonly deflaters: ContextPool<Deflater>;
  readonly inflaters: ContextPool<Inflater>;
}

/** One connection's frames. A context that is not kept is borrowed for the length of a message and reset. */
class Codec {
  readonly #context: CodecContext;
  readonly #options: CodecOptions;

  #inflater: Inflater | undefined;
  /** Whether the message that is coming in is compressed; control frames between its fragments do not change that. */
  #inflating = false;
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
    this.#bytesIn = 0;
    this.#compressedIn = 0;
  }

  #inflate({ fin, rsv, payload }: Frame, output: Frame[]): void {
    const { keepIn, bitsIn, inflaters, stats } = this.#options;
    const { maxMessageBytes, now } = this.#context;
    const started = now();
    this.#inflater ??= (keepIn ? undefined : inflaters.take(bitsIn)) ?? createInflater(bitsIn);
    this.#compressedIn += payload.length;
    const max = Math.min(maxMessageBytes, this.#mostByRatio()) - this.#bytesIn;
    let pieces: Uint8Array<ArrayBuffer>[];
    try {
      pieces = this.#inflater.inflate(payload, { last: fin, forget: !keepIn, max });
    } catch (error) {
      this.#inflater.close();
      this.#inflater = undefined;
      throw this.#failure(error);
    }
    let bytes = 0;
    for (const piece of pieces) bytes += piece.length;
    this.#bytesIn += bytes;
    if (fin && !keepIn) {
      inflaters.give(bitsIn, this.#inflater);
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
    const parts = whole ? [joinPieces(pieces)] : pieces;
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
    const { keepOut, bitsOut, deflaters, settings, stats } = this.#options;
    const started = this.#context.now();
    const { fin, opcode, payload } = frame;
    const options: DeflaterOptions = { windowBits: bitsOut, level: settings.level, memLevel: settings.memLevel };
    this.#deflater ??= (keepOut ? undefined : deflaters.take(bitsOut)) ?? createDeflater(options);
    const flushed = joinPieces(this.#deflater.deflate(payload));
    const deflated = fin ? trimEnd(flushed) : flushed;
    if (fin && !keepOut) {
      this.#deflater.reset();
      deflaters.give(bitsOut, this.#deflater);
      this.#deflater = undefined;
    }
    const time = this.#context.now() - started;
    for (const sum of stats) sum.time += time;
    // Without takeover nobody misses what was deflated in vain.
    if (fin && opcode !== Opcode.CONTINUATION && !keepOut && deflated.length >= payload.length) return frame;
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

function newStats(): CompressionStats {
  return { messagesOut: 0, bytesOut: 0, compressedOut: 0, messagesIn: 0, bytesIn: 0, compressedIn: 0, time: 0 };
}

function smaller(asked: number | undefined, ours: number): number | undefined {
  const bits = Math.min(asked ?? 15, ours);
  return asked === undefined && bits === 15 ? undefined : bits;
}

/** §7: an offer that cannot be read is declined, and the next one is tried (H19). */
function tolerate<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function checkSettings(options: PerMessageDeflateOptions): Settings {
  const range = (name: keyof Settings, least: number, most: number): number => {
    const value = options[name] ?? DEFAULTS[name];
    if (!(Number.isInteger(value) || value === most) || value < least || value > most) {
      throw new RangeError(`Cannot use ${name} ${value}: it must be a whole number from ${least} to ${most}`);
    }
    return value;
  };
  return {
    serverMaxWindowBits: range("serverMaxWindowBits", 8, 15),
    clientMaxWindowBits: range("clientMaxWindowBits", 8, 15),
    threshold: range("threshold", 0, Infinity),
    level: range("level", 0, 9),
    memLevel: range("memLevel", 1, 9),
    maxRatio: range("maxRatio", 1, Infinity),
    contextBudget: range("contextBudget", 0, Infinity),
  };
}
