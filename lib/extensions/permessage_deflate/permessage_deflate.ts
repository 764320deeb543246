/**
 * permessage-deflate (RFC 7692): compressed messages, for both roles.
 *
 * @module
 */
import { COUNT, FLAG, type Kind, type OptionKinds, whole } from "../../option_kinds.ts";
import { checkOptions } from "../../options.ts";
import { type Role, Rsv } from "../../pipeline/frames/frame.ts";
import type { Extension, ExtensionProcessor } from "../extension.ts";
import {
  Codec,
  type CodecSettings,
  type CompressionStats,
  ContextPool,
  endSettings,
  levelOf,
  newStats,
} from "./codec.ts";
import { type DeflateParameters, readParameters, writeParameters } from "./parameters.ts";
import { canKeepContext, deflateBytes, type Deflater, inflateBytes, type Inflater, requireZlib } from "./zlib.ts";

/** Options for permessage-deflate. */
export interface PerMessageDeflateOptions {
  /**
   * Whether the server keeps its context from one message to the next. That compresses small messages far better, and costs about
   * 256 KiB for each connection. A client requests it, the server decides.
   * @default {false} on a server, {true} on a client
   */
  serverContextTakeover?: boolean;
  /**
   * Whether the client keeps its context from one message to the next. That costs the server about 40 KiB for each connection.
   * @default {false} on a server, {true} on a client
   */
  clientContextTakeover?: boolean;
  /** The largest window of the server, in bits from 8 to 15. @default {15} */
  serverMaxWindowBits?: number;
  /** The largest window of the client, in bits from 8 to 15. @default {15} */
  clientMaxWindowBits?: number;
  /** The size in bytes from which messages are compressed. Smaller ones are sent uncompressed. @default {1024} */
  threshold?: number;
  /**
   * The compression level, from 0 (none) to 9 (smallest). Compared with level 6, zlib's own default, level 1 takes a tenth to a
   * half of the time. Its output is 16 % larger for messages of 200 bytes, 30 % for 1 KiB, and 50 to 80 % for larger ones
   * (measured with JSON and text).
   *
   * @default {1}, or 6 with a window of 10 bits or fewer, or with context takeover, which is used to save bytes
   */
  level?: number;
  /** The memory for compression, from 1 (least memory) to 9 (fastest). @default {8} */
  memLevel?: number;
  /**
   * How many times larger a message may be than its compressed bytes, checked above 1 MiB. A larger ratio closes the
   * connection with code 1009. Deflate can reach 1032; text rarely exceeds 20.
   * @default {256}
   */
  maxRatio?: number;
  /**
   * The maximum number of bytes of memory for the contexts of all connections, including pending handshakes. A connection that
   * would exceed it gets no context takeover. A client then requests none, but keeps the context if the server insists.
   * @default {67108864}, 64 MiB
   */
  contextBudget?: number;
}

/** A compression level, from 0 (none) to 9 (smallest). */
export const LEVEL: Kind = whole({ most: 9, infinite: false });
/** The size in bytes from which messages are compressed. */
export const THRESHOLD: Kind = whole({ unit: "bytes" });
const WINDOW_BITS = whole({ least: 8, most: 15, infinite: false });

/** The types of {@linkcode PerMessageDeflateOptions}. */
export const PER_MESSAGE_DEFLATE_OPTION_KINDS: OptionKinds<PerMessageDeflateOptions> = {
  serverContextTakeover: FLAG,
  clientContextTakeover: FLAG,
  serverMaxWindowBits: WINDOW_BITS,
  clientMaxWindowBits: WINDOW_BITS,
  threshold: THRESHOLD,
  level: LEVEL,
  memLevel: whole({ least: 1, most: 9, infinite: false }),
  maxRatio: COUNT,
  contextBudget: whole({ unit: "bytes" }),
};

/** permessage-deflate for any number of connections, with counters for all of them. */
export interface PerMessageDeflate extends Extension {
  /** The sums over all connections. */
  readonly stats: Readonly<CompressionStats>;
  /** The bytes of memory that kept contexts use now, by zlib's own formula. */
  readonly contextBytes: number;
}

/** permessage-deflate on one connection. On a server, `upgrade` can still change the answer. */
export interface PerMessageDeflateProcessor extends ExtensionProcessor {
  /** The parameters of the answer. */
  readonly parameters: DeflateParameters;
  /** The counters of this connection. */
  readonly stats: Readonly<CompressionStats>;
}

/** The settings that have a default. {@linkcode PerMessageDeflateOptions} has the reasons. */
interface Settings extends CodecSettings {
  readonly serverMaxWindowBits: number;
  readonly clientMaxWindowBits: number;
  readonly contextBudget: number;
}

const DEFAULTS: Settings = {
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
  threshold: 1024,
  level: undefined,
  memLevel: 8,
  maxRatio: 256,
  contextBudget: 64 * 1024 * 1024,
};

/**
 * Makes the permessage-deflate extension.
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
 * @param options The settings.
 * @returns The extension. Pass the same object to all servers and clients that share the budget and the counters.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type, or if this runtime cannot compress (a browser, or Node
 *    before 20.16 and 22.3).
 */
export function permessageDeflate(options: PerMessageDeflateOptions = {}): PerMessageDeflate {
  requireZlib();
  const settings = settingsOf(options);
  const { serverContextTakeover, clientContextTakeover } = options;
  const stats = newStats();
  const deflaters = new ContextPool<Deflater>();
  const inflaters = new ContextPool<Inflater>();
  let contextBytes = 0;

  /** The memory for the kept contexts of a connection, on this end. */
  const cost = (parameters: DeflateParameters, role: Role): number => {
    const { outgoing, incoming } = endSettings(parameters, role);
    return (outgoing.keepContext ? deflateBytes({ windowBits: outgoing.windowBits, memLevel: settings.memLevel }) : 0) +
      (incoming.keepContext ? inflateBytes(incoming.windowBits) : 0);
  };

  /** Whether a connection's contexts would exceed the budget. */
  const over = (parameters: DeflateParameters, role: Role): boolean => {
    const bytes = cost(parameters, role);
    return bytes > 0 && contextBytes + bytes > settings.contextBudget;
  };

  const processor = (role: Role, parameters: DeflateParameters): PerMessageDeflateProcessor => {
    const own = newStats();
    // Reserved from the moment of the check until the connection takes over or the handshake fails.
    let reserved = cost(parameters, role);
    contextBytes += reserved;
    const releaseReserved = () => {
      contextBytes -= reserved;
      reserved = 0;
    };
    return {
      name: NAME,
      parameters,
      get params() {
        return writeParameters(parameters);
      },
      stats: own,
      reservedBits: { first: Rsv.RSV1 },
      splittable: true,
      get encoding() {
        const { outgoing } = endSettings(parameters, role);
        const { threshold, memLevel } = settings;
        const level = levelOf({ settings, outgoing });
        return outgoing.keepContext ? undefined : [outgoing.windowBits, threshold, level, memLevel].join();
      },
      open(context) {
        releaseReserved();
        const bytes = cost(parameters, role); // `upgrade` may have changed the parameters
        contextBytes += bytes;
        const codec = new Codec(context, {
          ...endSettings(parameters, role),
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
      release: releaseReserved,
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
      if (over(offer, "client")) offer.serverNoContextTakeover = offer.clientNoContextTakeover = true;
      // A server that does not know `client_max_window_bits` may still accept the second offer, unless a smaller window is
      // required.
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
        // §7.1.2.2: only if the client offered to limit the window.
        clientMaxWindowBits: offer.clientMaxWindowBits === undefined ? undefined : smaller(
          offer.clientMaxWindowBits === true ? undefined : offer.clientMaxWindowBits,
          settings.clientMaxWindowBits,
        ),
      };
      if (over(answer, "server")) {
        answer.serverNoContextTakeover = answer.clientNoContextTakeover = true;
      }
      return processor("server", answer);
    },
    confirm(params) {
      const answer = readParameters(params, "server");
      const canKeep = canKeepContext();
      // §7.1.1.1, §7.1.2.1: the server must have granted what was requested of it.
      if ((!(serverContextTakeover ?? true) || !canKeep) && !answer.serverNoContextTakeover) {
        throw new RangeError("Parameter server_no_context_takeover was requested but not granted");
      }
      if ((answer.serverMaxWindowBits ?? 15) > settings.serverMaxWindowBits) {
        throw new RangeError(`Parameter server_max_window_bits must be ${settings.serverMaxWindowBits} or less`);
      }
      // §7.1.1.2, §7.1.2.2: the client's parameters for itself apply, whether or not the server repeats them.
      answer.clientNoContextTakeover ||= !(clientContextTakeover ?? true) || !canKeep;
      const { clientMaxWindowBits: bits } = answer;
      // §7.1.2.2: the server may only lower what was offered.
      if (typeof bits === "number" && bits > settings.clientMaxWindowBits) {
        throw new RangeError(`Parameter client_max_window_bits must be ${settings.clientMaxWindowBits} or less`);
      }
      answer.clientMaxWindowBits = smaller(bits === true ? undefined : bits, settings.clientMaxWindowBits);
      if (over(answer, "client")) answer.clientNoContextTakeover = true; // this needs no agreement
      return processor("client", answer);
    },
  };
}

/** Returns the extensions of options, which may request compression with a shorthand. */
export function withPerMessageDeflate(
  options: { extensions?: readonly Extension[]; perMessageDeflate?: boolean | PerMessageDeflateOptions },
): readonly Extension[] {
  const { extensions = [], perMessageDeflate = false } = options;
  if (perMessageDeflate === false) return extensions;
  return [permessageDeflate(perMessageDeflate === true ? {} : perMessageDeflate), ...extensions];
}

const NAME = "permessage-deflate";

function smaller(asked: number | undefined, ours: number): number | undefined {
  const bits = Math.min(asked ?? 15, ours);
  return asked === undefined && bits === 15 ? undefined : bits;
}

/** §7: an offer that is invalid is declined, and the next one is tried. */
function tolerate<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function settingsOf(options: PerMessageDeflateOptions): Settings {
  checkOptions("permessageDeflate()", options, PER_MESSAGE_DEFLATE_OPTION_KINDS);
  const {
    serverMaxWindowBits = DEFAULTS.serverMaxWindowBits,
    clientMaxWindowBits = DEFAULTS.clientMaxWindowBits,
    threshold = DEFAULTS.threshold,
    level = DEFAULTS.level,
    memLevel = DEFAULTS.memLevel,
    maxRatio = DEFAULTS.maxRatio,
    contextBudget = DEFAULTS.contextBudget,
  } = options;
  return { serverMaxWindowBits, clientMaxWindowBits, threshold, level, memLevel, maxRatio, contextBudget };
}
