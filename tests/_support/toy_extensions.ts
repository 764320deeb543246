/**
 * Extensions without a practical use, which show what an extension can do: change payloads, own reserved bits and opcodes, answer by itself.
 *
 * @module
 */
import type { ExtensionParam } from "../../lib/handshake/extension_header.ts";
import type { CodecContext, Extension, ExtensionProcessor } from "../../lib/extensions/extension.ts";
import { type Frame, frame, isControl, type OutgoingFrame, Rsv } from "../../lib/pipeline/frames/frame.ts";

/** An extension that notes what happens to it. */
export interface Toy extends Extension {
  /** The contexts of its codecs, in the order in which connections opened. */
  readonly opened: CodecContext[];
  /** How often a codec was released. */
  readonly released: number;
  /** The data frames, and those with an opcode of its own, that came to be decoded, as they came. */
  readonly received: Frame[];
}

/** What a toy does, apart from noting it. Whatever is left out does nothing. */
export interface ToyOptions extends Partial<Omit<ExtensionProcessor, "open" | "stats">> {
  /** The parameters of each offer; one offer with none by default. */
  offers?: ExtensionParam[][];
  /** Takes or refuses parameters, on both ends. */
  takes?: (params: readonly ExtensionParam[]) => boolean;
  /** What becomes of a frame on its way in; `undefined` takes it out. */
  decode?: (frame: Frame, context: CodecContext) => Frame | undefined;
  /** What becomes of a frame on its way out. */
  encode?: (frame: OutgoingFrame) => OutgoingFrame;
}

/** Makes a toy. */
export function toy(options: ToyOptions): Toy {
  const { name = "x-toy", params = [], offers = [[]], takes = () => true, ...rest } = options;
  const { decode = (frame) => frame, encode = (frame) => frame } = options;
  const { reservedBits, reservedOpcodes = [], splittable, encoding } = rest;
  const opened: CodecContext[] = [];
  const received: Frame[] = [];
  let released = 0;
  const processor = (): ExtensionProcessor => ({
    name,
    params,
    ...(reservedBits === undefined ? {} : { reservedBits }),
    reservedOpcodes,
    ...(splittable === undefined ? {} : { splittable }),
    encoding,
    open(context) {
      opened.push(context);
      return {
        decode: {
          push(frames, output) {
            for (const frame of frames) {
              const { opcode } = frame;
              if (!isControl(opcode) || reservedOpcodes.includes(opcode)) received.push(frame);
              const decoded = decode(frame, context);
              if (decoded !== undefined) output.push(decoded);
            }
          },
        },
        encode: { push: (frames, output) => void output.push(...frames.map(encode)) },
        release: () => void released++,
      };
    },
  });
  return {
    name,
    opened,
    received,
    get released() {
      return released;
    },
    offer: () => offers,
    accept: (params) => takes(params) ? processor() : undefined,
    confirm(params) {
      if (!takes(params)) throw new RangeError(`Toy "${name}" refuses its parameters`);
      return processor();
    },
  };
}

/** Sets RSV2 on every data frame and flips the bits of its payload that are set in `key`. */
export function flip({ name = "x-flip", key = 0x5a, ...rest }: ToyOptions & { key?: number } = {}): Toy {
  return mark(
    { name, ...rest },
    (payload) => payload.map((byte) => byte ^ key),
    (payload) => payload.map((byte) => byte ^ key),
  );
}

/** Puts a letter before the payload of every data frame. Which of two did it last is seen from the outside. */
export function tag(letter: string, options: ToyOptions = {}): Toy {
  const byte = letter.charCodeAt(0);
  return mark(
    { name: `x-tag-${letter}`, ...options },
    (payload) => Uint8Array.of(byte, ...payload),
    (payload) => {
      if (payload[0] !== byte) throw new TypeError(`Tag is ${payload[0]}, not ${byte}`);
      return payload.slice(1);
    },
  );
}

/** Marks the data frames that it changes with reserved bits of its own, RSV2 by default. */
function mark(options: ToyOptions, there: Change, back: Change): Toy {
  const { reservedBits = { first: Rsv.RSV2, continuation: Rsv.RSV2 } } = options;
  const bit = reservedBits.first ?? 0;
  return toy({
    ...options,
    reservedBits,
    encode: (frame) =>
      isControl(frame.opcode) ? frame : { ...frame, rsv: frame.rsv | bit, payload: there(frame.payload) },
    decode: (frame) =>
      (frame.rsv & bit) === 0 ? frame : { ...frame, rsv: frame.rsv & ~bit, payload: back(frame.payload) },
  });
}

type Change = (payload: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;

/** Owns opcodes 3 and 11: a question, which is answered by itself with its payload reversed. */
export function ask(options: ToyOptions = {}): Toy {
  return toy({
    name: "x-ask",
    reservedOpcodes: [3, 11],
    decode(received, { send }) {
      if (received.opcode === 3) send(frame(11, received.payload.toReversed()));
      return [3, 11].includes(received.opcode) ? undefined : received;
    },
    ...options,
  });
}
