/**
 * What the tests of permessage-deflate share: the RFC's examples, bytes of each kind, and a reader of deflate's own format.
 *
 * @module
 */
import { encodeHex } from "@std/encoding/hex";
import zlib from "node:zlib";
import type { CodecContext } from "../../../lib/extensions/extension.ts";
import {
  type PerMessageDeflate,
  permessageDeflate,
  type PerMessageDeflateOptions,
  type PerMessageDeflateProcessor,
} from "../../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { type ExtensionParam, parseExtensions } from "../../../lib/handshake/extension_header.ts";
import { type Frame, frame, Opcode, type OutgoingFrame, type Role, Rsv } from "../../../lib/pipeline/frames/frame.ts";
import { contextOf } from "../_support.ts";
import { concat } from "../../_support/bytes.ts";
import { below, type Random, randomBytes, seeded } from "../../_support/random.ts";

/** Pieces as one, in hexadecimal digits. */
export const digits = (pieces: readonly Uint8Array[]): string => pieces.map((piece) => encodeHex(piece)).join("");

/** Payloads of an example of RFC 7692 §7.2.3: the messages that they mean, each one text in one or more frames. */
export interface Example {
  readonly name: string;
  /** Each message's frames, their payloads in hexadecimal digits. */
  readonly messages: readonly { readonly frames: readonly string[]; readonly text: string }[];
  /** Whether one message needs the context of the one before. */
  readonly takeover?: true;
  /** The level at which zlib gives the same bytes, if there is one. */
  readonly level?: number;
}

/** RFC 7692 §7.2.3.1 to §7.2.3.6. */
export const EXAMPLES: readonly Example[] = [
  { name: "§7.2.3.1, one block", messages: [{ frames: ["f248cdc9c90700"], text: "Hello" }], level: 6 },
  { name: "§7.2.3.1, in two frames", messages: [{ frames: ["f248cd", "c9c90700"], text: "Hello" }] },
  {
    name: "§7.2.3.2, the window shared",
    messages: [{ frames: ["f248cdc9c90700"], text: "Hello" }, { frames: ["f200110000"], text: "Hello" }],
    takeover: true,
    level: 6,
  },
  {
    name: "§7.2.3.2, the window not shared",
    messages: [{ frames: ["f248cdc9c90700"], text: "Hello" }, { frames: ["f248cdc9c90700"], text: "Hello" }],
    level: 6,
  },
  {
    name: "§7.2.3.3, a block with no compression",
    messages: [{ frames: ["000500faff48656c6c6f00"], text: "Hello" }],
    level: 0,
  },
  { name: "§7.2.3.4, a block with BFINAL", messages: [{ frames: ["f348cdc9c9070000"], text: "Hello" }] },
  { name: "§7.2.3.5, two blocks", messages: [{ frames: ["f248050000 00ffff cac9c90700"], text: "Hello" }] },
  { name: "§7.2.3.6, an empty fragment", messages: [{ frames: ["f248cdc9c907 000000ffff", "00"], text: "Hello" }] },
  { name: "§7.2.3.6, an empty message", messages: [{ frames: ["00"], text: "" }], level: 6 },
];

/** Random bytes among which earlier ones are repeated from every distance up to `reach`. */
export function repetitive(length: number, reach: number, random: Random = seeded()): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = Math.min(3 + below(random, 60), length - at);
    const from = at - 1 - below(random, reach);
    if (from < 0 || below(random, 3) === 0) bytes.set(randomBytes(random, count), at);
    else for (let i = 0; i < count; i++) bytes[at + i] = bytes[from + i]!;
    at += count;
  }
  return bytes;
}

/** Matches' lengths (RFC 1951 §3.2.5): how many more bits each code takes. Their values do not matter here. */
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
/** The order of the lengths of the code that encodes codes, RFC 1951 §3.2.7. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** The distances of all matches in deflated bytes that end with a flush, by reading RFC 1951 a bit at a time. */
export function distances(deflated: Uint8Array): number[] {
  let at = 0;
  const found: number[] = [];
  const bits = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++, at++) value |= ((deflated[at >> 3]! >> (at & 7)) & 1) << i;
    return value;
  };
  /** Reads one symbol of a canonical code, given the lengths of its symbols (§3.2.2). */
  const reader = (lengths: readonly number[]) => {
    const ofLength = Array.from(
      { length: 16 },
      (_, length) => lengths.flatMap((known, symbol) => known === length ? [symbol] : []),
    );
    return (): number => {
      let code = 0;
      let first = 0;
      for (const symbols of ofLength.slice(1)) {
        code = code * 2 + bits(1);
        first *= 2;
        if (code - first < symbols.length) return symbols[code - first]!;
        first += symbols.length;
      }
      throw new RangeError(`No symbol at bit ${at}`);
    };
  };
  const fixed = () => [
    reader([...Array(144).fill(8), ...Array(112).fill(9), ...Array(24).fill(7), ...Array(8).fill(8)]),
    reader(Array(30).fill(5)),
  ];
  const dynamic = () => {
    const [literals, matches, codes] = [bits(5) + 257, bits(5) + 1, bits(4) + 4];
    const lengths = Array<number>(19).fill(0);
    for (const symbol of ORDER.slice(0, codes)) lengths[symbol] = bits(3);
    const next = reader(lengths);
    const all: number[] = [];
    while (all.length < literals + matches) {
      const symbol = next();
      if (symbol < 16) all.push(symbol);
      else if (symbol === 16) all.push(...Array<number>(3 + bits(2)).fill(all.at(-1)!));
      else all.push(...Array<number>(symbol === 17 ? 3 + bits(3) : 11 + bits(7)).fill(0));
    }
    return [reader(all.slice(0, literals)), reader(all.slice(literals))];
  };
  while (at + 3 <= deflated.length * 8) {
    bits(1);
    const type = bits(2);
    if (type === 0) {
      at = (at + 7) & ~7;
      const length = bits(16);
      bits(16);
      at += length * 8;
      continue;
    }
    const [literal, distance] = type === 1 ? fixed() : dynamic();
    for (let symbol = literal!(); symbol !== 256; symbol = literal!()) {
      if (symbol < 256) continue;
      bits(LENGTH_BITS[symbol - 257]!);
      const code = distance!();
      const extra = Math.max((code >> 1) - 1, 0);
      found.push(code < 4 ? code + 1 : ((2 + (code & 1)) << extra) + 1 + bits(extra));
    }
  }
  return found;
}

/** The runtime's own handle behind a `node:zlib` stream, as much of it as tests change. */
export interface Handle {
  /** The flush, the input with its start and length, the output with its start and length. */
  writeSync: (
    this: Handle,
    ...args: [unknown, unknown, unknown, unknown, output: Uint8Array, outputAt: number, unknown]
  ) => void;
  reset: ((this: Handle) => void) | undefined;
  init: (this: Handle, ...args: unknown[]) => void;
  onerror: () => void;
}

const stream = zlib.createDeflateRaw();
const HANDLES = Object.getPrototypeOf(Reflect.get(stream, "_handle"));
stream.close();

/** The methods of the runtime's handles. */
export const REAL_HANDLE: Pick<Handle, "writeSync" | "init"> & { reset: (this: Handle) => void } = {
  init: HANDLES.init,
  writeSync: HANDLES.writeSync,
  reset: HANDLES.reset,
};

/** Has the handles that are made from now on do something else, as in another runtime, until it is disposed of. */
export function changeHandles(changed: Partial<Handle>): Disposable {
  Object.assign(HANDLES, changed);
  return { [Symbol.dispose]: () => void Object.assign(HANDLES, REAL_HANDLE) };
}

/** What both sides say where no context is kept. */
export const NO_TAKEOVER = "server_no_context_takeover; client_no_context_takeover";

/** Parameters as they stand behind the extension's name. */
export function params(header: string): readonly ExtensionParam[] {
  return parseExtensions([`permessage-deflate${header === "" ? "" : `; ${header}`}`])[0]!.params;
}

/** One end at work, without a connection. */
export interface OpenCodec {
  readonly extension: PerMessageDeflate;
  readonly processor: PerMessageDeflateProcessor;
  /** Frames from the peer, decoded. What came before an error is in `before`. */
  decode(frames: readonly Frame[], before?: Frame[]): Frame[];
  /** Frames to the peer, encoded. */
  encode(...frames: OutgoingFrame[]): OutgoingFrame[];
  /** The connection ends. */
  release(): void;
}

/** How one end is opened. */
export interface OpenCodecOptions {
  /** The options of a new extension; every message is compressed unless they say otherwise. */
  options?: PerMessageDeflateOptions;
  /** The extension itself. */
  extension?: PerMessageDeflate;
  /** What the other side says: the offer on a server, the answer on a client. */
  header?: string;
  /** The options of the codec. */
  context?: Partial<CodecContext>;
}

/** Opens one end: no context is kept by default. */
export function openCodec(role: Role, open: OpenCodecOptions = {}): OpenCodec {
  const { header = NO_TAKEOVER, context = {} } = open;
  const extension = open.extension ?? permessageDeflate({ threshold: 0, ...open.options });
  const said = params(header);
  const processor = role === "server" ? extension.accept(said) : extension.confirm(said);
  if (processor === undefined) throw new Error(`Offer ${header} was declined`);
  const codec = processor.open(contextOf(role, context));
  return {
    extension,
    processor: Object.assign(processor),
    decode(frames, before = []) {
      codec.decode.push(frames, before);
      return before;
    },
    encode(...frames) {
      const encoded: OutgoingFrame[] = [];
      codec.encode.push(frames, encoded);
      return encoded;
    },
    release: () => codec.release?.(),
  };
}

/** A compressed message in frames with these payloads. */
export function compressed(payloads: readonly Uint8Array<ArrayBuffer>[], opcode: number = Opcode.TEXT): Frame[] {
  return payloads.map((payload, i) =>
    frame(i === 0 ? opcode : Opcode.CONTINUATION, payload, {
      fin: i === payloads.length - 1,
      rsv: i === 0 ? Rsv.RSV1 : 0,
    })
  );
}

/** Deflates as a peer does: one message, no context. */
export function deflated(bytes: Uint8Array, windowBits = 15): Uint8Array<ArrayBuffer> {
  const options = { windowBits, level: 9, finishFlush: zlib.constants.Z_SYNC_FLUSH };
  return new Uint8Array(zlib.deflateRawSync(bytes, options)).subarray(0, -4);
}

/** The payload of a message's frames as text. */
export function textOf(frames: readonly Frame[]): string {
  return new TextDecoder().decode(concat(frames.map(({ payload }) => payload)));
}

/** The default options for deflating a message. */
export const DEFAULTS = { windowBits: 15, level: 6, memLevel: 8 };

/** Inflate all of a message, and forget it. */
export const ALL = { last: true, forget: true, max: Infinity };

/** What a deflater gives for a message as it goes over the wire: without the last four bytes (RFC 7692 §7.2.1). */
export function message(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = concat(pieces);
  return all.length === 0 ? Uint8Array.of(0) : all.subarray(0, -4);
}

/** Text that compresses well. */
export const STORY: string = "It was a dark and stormy night; the rain fell in torrents. ".repeat(40);

/** Both sides keep their contexts. */
export const TAKEOVER = { serverContextTakeover: true, clientContextTakeover: true };
