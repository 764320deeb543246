/**
 * deflate-frame and x-webkit-deflate-frame: the drafts before RFC 7692, which compress each frame separately. Some old browsers
 * and mod_pywebsocket speak them; nothing else should. They are off by default.
 *
 * From draft-tyoshino-hybi-websocket-perframe-deflate-06: RSV1 marks a compressed frame. A parameter applies to the side that did
 * not send it: `max_window_bits` limits its window, and `no_context_takeover` makes it reset its context after each frame.
 *
 * @module
 */
import { LimitError, ProtocolError } from "../errors.ts";
import type { ExtensionParam } from "../handshake/extension_header.ts";
import { oneOf, type OptionKinds } from "../option_kinds.ts";
import { checkOptions } from "../options.ts";
import { concatBytes } from "../pipeline/bytes/concat.ts";
import { CloseCode } from "../pipeline/frames/close_code.ts";
import { type Frame, isControl, Opcode, type OutgoingFrame, Rsv } from "../pipeline/frames/frame.ts";
import type { CodecContext, Extension, ExtensionCodec, ExtensionProcessor } from "./extension.ts";
import { LEVEL, THRESHOLD } from "./permessage_deflate/permessage_deflate.ts";
import {
  canKeepContext,
  createDeflater,
  createInflater,
  defaultLevel,
  type Deflater,
  InflateError,
  InflateOverflow,
  type Inflater,
} from "./permessage_deflate/zlib.ts";

/** Options for compressing frames. */
export interface DeflateFrameOptions {
  /** The name of the extension. @default {"deflate-frame"} */
  name?: "deflate-frame" | "x-webkit-deflate-frame";
  /** The size in bytes from which frames are compressed. Smaller ones are sent uncompressed. @default {64} */
  threshold?: number;
  /**
   * The compression level, from 0 (none) to 9 (smallest). @default {6}, or 1 if the peer forbids context takeover and has a
   * window of 11 bits or more
   */
  level?: number;
}

/** The types of {@linkcode DeflateFrameOptions}. */
export const DEFLATE_FRAME_OPTION_KINDS: OptionKinds<DeflateFrameOptions> = {
  name: oneOf("deflate-frame", "x-webkit-deflate-frame"),
  threshold: THRESHOLD,
  level: LEVEL,
};

/** What one side demands of the other. */
interface Demand {
  readonly windowBits: number;
  readonly keep: boolean;
}

/**
 * Makes the deflate-frame extension. It is offered without parameters, and accepts whatever the peer demands.
 *
 * @example A server for old browsers
 * ```ts
 * import { serve } from "@sluice/websocket";
 * import { deflateFrame } from "@sluice/websocket/extensions";
 *
 * await using _server = serve({
 *   port: 0,
 *   hostname: "127.0.0.1",
 *   extensions: [deflateFrame(), deflateFrame({ name: "x-webkit-deflate-frame" })],
 * }, (socket) => socket.readable.pipeTo(socket.writable));
 * ```
 *
 * @param options The name, the threshold and the level.
 * @returns The extension.
 * @throws {RangeError} If a number is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 */
export function deflateFrame(options: DeflateFrameOptions = {}): Extension {
  checkOptions("deflateFrame()", options, DEFLATE_FRAME_OPTION_KINDS);
  const { name = "deflate-frame", threshold = 64, level } = options;
  const processor = (demand: Demand): ExtensionProcessor => ({
    name,
    params: [], // this end demands nothing
    reservedBits: { first: Rsv.RSV1, continuation: Rsv.RSV1 },
    open: (context) => openCodec(context, { demand, threshold, level }),
  });
  const able = canKeepContext(); // checked here, and not when a peer offers it, because it loads node:zlib
  return {
    name,
    // Both sides keep their context unless the peer forbids it.
    offer: () => able ? [[]] : [],
    accept(params) {
      const demand = able ? readDemand(params) : undefined;
      return demand === undefined ? undefined : processor(demand);
    },
    confirm(params) {
      const demand = readDemand(params);
      if (demand === undefined) throw new RangeError(`Server answered ${name} with invalid parameters`);
      return processor(demand);
    },
  };
}

/** What the peer demands of this end; `undefined` if the parameters are invalid. */
function readDemand(params: readonly ExtensionParam[]): Demand | undefined {
  let windowBits = 15;
  let keep = true;
  const seen = new Set<string>();
  for (const { name, value } of params) {
    if (seen.has(name)) return undefined;
    seen.add(name);
    if (name === "no_context_takeover" && value === undefined) keep = false;
    else if (name === "max_window_bits" && value !== undefined && /^([89]|1[0-5])$/.test(value)) {
      windowBits = Number(value);
    } else return undefined;
  }
  return { windowBits, keep };
}

function openCodec(
  { maxMessageBytes }: CodecContext,
  { demand, threshold, level = defaultLevel(demand) }: {
    demand: Demand;
    threshold: number;
    level: number | undefined;
  },
): ExtensionCodec {
  let inflater: Inflater | undefined;
  let deflater: Deflater | undefined;
  let messageBytes = 0;

  const inflate = ({ fin, rsv, opcode, payload }: Frame): Frame => {
    inflater ??= createInflater(15);
    const max = maxMessageBytes - messageBytes;
    try {
      if (payload.length === 0) throw new InflateError("Compressed data is empty"); // an empty frame has one byte
      const pieces = inflater.inflate(payload, { last: true, forget: false, max });
      return { fin, rsv: rsv & ~Rsv.RSV1, opcode, payload: concatBytes(pieces) };
    } catch (error) {
      if (error instanceof InflateError) {
        throw new ProtocolError(error.message, "draft-tyoshino §4", CloseCode.INVALID_PAYLOAD);
      }
      if (!(error instanceof InflateOverflow)) throw error;
      throw new LimitError(`Message inflates to more than maxMessageBytes ${maxMessageBytes}`, {
        limit: "maxMessageBytes",
        max: maxMessageBytes,
        closeCode: CloseCode.MESSAGE_TOO_BIG,
      });
    }
  };

  const deflate = (frame: OutgoingFrame): OutgoingFrame => {
    deflater ??= createDeflater({ windowBits: demand.windowBits, level, memLevel: 8 });
    const { fin, rsv, opcode, payload } = frame;
    const deflated = concatBytes(deflater.deflate(payload));
    if (!demand.keep) deflater.reset();
    return { fin, rsv: rsv | Rsv.RSV1, opcode, payload: deflated.subarray(0, deflated.length - 4) };
  };

  return {
    decode: {
      push(frames, output) {
        for (const frame of frames) {
          if (isControl(frame.opcode)) {
            output.push(frame);
            continue;
          }
          if (frame.opcode !== Opcode.CONTINUATION) messageBytes = 0;
          const decoded = (frame.rsv & Rsv.RSV1) === 0 ? frame : inflate(frame);
          messageBytes += decoded.payload.length;
          output.push(decoded);
        }
      },
    },
    encode: {
      push(frames, output) {
        for (const frame of frames) {
          const { opcode, payload, compress } = frame;
          const wanted = !isControl(opcode) && payload.length > 0 && (compress ?? payload.length >= threshold);
          output.push(wanted ? deflate(frame) : frame);
        }
      },
    },
    release() {
      inflater?.close();
      deflater?.close();
    },
  };
}
