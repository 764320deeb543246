/**
 * Synchronous compression and decompression in steps, with a limit on the output: `node:zlib` behind one small interface.
 *
 * To keep a context from one step to the next, this module uses the runtime's synchronous handle, which is not a public API. It
 * is tested on first use. If the test fails, whole messages go through the public one-shot functions and no context is kept.
 * Measured on Deno 2.9.6 with 971 bytes of JSON, compressed and decompressed: one-shot 19.9 µs, handle 9.7 µs.
 *
 * @module
 */
import type Zlib from "node:zlib";
import { builtinModules } from "../../builtin_modules.ts";
import { GrowingBuffer } from "../../pipeline/bytes/growing_buffer.ts";

/** The bytes that a sender leaves out at the end of a message (RFC 7692 §7.2.1). */
const TAIL = Uint8Array.of(0x00, 0x00, 0xff, 0xff);

/**
 * An empty last block and an extra byte. After a complete message exactly that byte is left over; after a truncated one it is
 * not.
 */
const END = Uint8Array.of(0x01, 0x00, 0x00, 0xff, 0xff, 0x00);
const TAIL_AND_END = Uint8Array.of(...TAIL, ...END);

/** The bytes cannot be decompressed. */
export class InflateError extends Error {}

/** The decompressed bytes exceed the limit. */
export class InflateOverflow extends Error {}

/** Compresses messages, whole or in parts. */
export interface Deflater {
  /**
   * Compresses a part of a message. The output ends with the four bytes of an empty stored block, or is empty. It may share its
   * memory with other output, so it must not be transferred.
   */
  deflate(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>[];
  /** Resets the context. */
  reset(): void;
  /** Releases the memory. */
  close(): void;
}

/** Options for decompressing a part. */
export interface InflateOptions {
  /** Whether this is the message's last part. */
  last: boolean;
  /** Whether the context is reset after the message. Only then can a truncated message be detected. */
  forget: boolean;
  /** The maximum number of bytes of output. */
  max: number;
  /** Whether the output may share its memory with other output. It must not be transferred then. */
  shares?: boolean;
}

/** Decompresses messages, whole or in parts. */
export interface Inflater {
  /**
   * Decompresses a part of a message.
   *
   * @throws {InflateError} If the bytes are invalid.
   * @throws {InflateOverflow} If there are more than `max` bytes of output. Not much more than that is produced.
   */
  inflate(bytes: Uint8Array<ArrayBuffer>, options: InflateOptions): Uint8Array<ArrayBuffer>[];
  /** Releases the memory. */
  close(): void;
}

/** Options for a deflater. */
export interface DeflaterOptions {
  /** The window in bits (RFC 7692 §7.1.2): 8 to 15. */
  windowBits: number;
  /** From 0 (none) to 9 (smallest); -1 is zlib's own default. */
  level: number;
  /** From 1 (least memory) to 9 (fastest). */
  memLevel: number;
}

/** zlib's constant for a flush that ends at a byte boundary with an empty stored block. */
const Z_SYNC_FLUSH = 2;

/**
 * The module is loaded when the options request compression: the first `node:` module of a process adds 2 MB to the heap and 12
 * ms to the start of a server, which most do not need. A browser that bundles this never loads it.
 */
let zlibModule: typeof Zlib | undefined;

function zlib(): typeof Zlib {
  return zlibModule ??= builtinModules("compress")("node:zlib");
}

/**
 * Loads and tests `node:zlib` when the options are read, not when a peer first requests compression.
 *
 * @throws {TypeError} If this runtime cannot compress (a browser, or Node before 20.16 and 22.3), before compression is offered
 *    to any peer.
 */
export function requireZlib(): void {
  zlibModule = builtinModules("compress")("node:zlib");
  canKeepContext();
}

/** `node:zlib` allocates its own output buffer for each stream, which is not used here. This is the smallest size it accepts. */
const LEAST_CHUNK = 64;

/**
 * Output is written to a slab, one piece behind the other, and no piece is overwritten, because a separate buffer costs more than
 * compressing a small message. Everything is synchronous, so all connections share one slab until less than this is left.
 */
const SLAB = 64 * 1024;
const LEAST_ROOM = 16 * 1024;
let slab = new Uint8Array(0);
let slabAt = 0;

/** A message of up to this many bytes is joined here with its tail before it is decompressed. */
const INPUT = new Uint8Array(16 * 1024);

/**
 * The default level: 1, but 6 with a window of 10 bits or fewer, or with a context that is kept to save bytes.
 *
 * Measured on Deno 2.9.6 with JSON and text of 200 bytes, 1 KiB, 8 KiB and 128 KiB. Without a context, with 11 bits or more,
 * level 1 takes a tenth to a half of the time of level 6, and its output is 16 % larger at 200 bytes, 30 % at 1 KiB and 50 to 80
 * % above. With 9 bits it takes about half of the time, and its output is 40 to 60 % larger from 1 KiB on; on repetitive data it
 * is several times larger, and no time is saved. With a kept context and 15 bits it takes a tenth to a quarter of the time, and
 * its output is 10 to 25 % larger at 200 bytes and 40 to 80 % above. `memLevel` 5, 8 and 9 made a difference of less than 1 %.
 */
export function defaultLevel({ windowBits, keep }: { windowBits: number; keep: boolean }): number {
  return keep || windowBits <= 10 ? 6 : 1;
}

/** Returns the bytes of memory for a compression context, by zlib's own formula. */
export function deflateBytes({ windowBits, memLevel }: Pick<DeflaterOptions, "windowBits" | "memLevel">): number {
  return 2 ** (windowBits + 2) + 2 ** (memLevel + 9);
}

/** Returns the bytes of memory for a decompression context: its window and about 7 KiB of tables. */
export function inflateBytes(windowBits: number): number {
  return 2 ** windowBits + 7 * 1024;
}

let tested: boolean | undefined;

/** Whether a context can be kept from one message to the next. */
export function canKeepContext(): boolean {
  return tested ??= passesTest();
}

/**
 * Makes a deflater.
 *
 * @param options The window, the level and the memory. Raw deflate has no window of 8 bits. zlib uses 9, but its matches never
 *    reach back more than 250 bytes, so a peer with 8 can read them.
 * @param keepContext Whether to use the handle, if it passes its test.
 */
export function createDeflater(options: DeflaterOptions, keepContext = canKeepContext()): Deflater {
  const settings = { ...options, windowBits: Math.max(options.windowBits, 9) };
  if (!keepContext) {
    return {
      deflate: (bytes) => [ownBytes(zlib().deflateRawSync(bytes, { ...settings, finishFlush: Z_SYNC_FLUSH }))],
      reset: () => {},
      close: () => {},
    };
  }
  const stepper = createStepper(zlib().createDeflateRaw({ ...settings, chunkSize: LEAST_CHUNK }));
  return {
    deflate: (bytes) => stepper.run(bytes, { max: Infinity, shares: true }).pieces,
    reset: stepper.reset,
    close: stepper.close,
  };
}

/**
 * Makes an inflater.
 *
 * @param windowBits The window in bits, 8 to 15.
 * @param keepContext Whether to use the handle, if it passes its test.
 */
export function createInflater(windowBits: number, keepContext = canKeepContext()): Inflater {
  const settings = { windowBits: Math.max(windowBits, 9) };
  const stepper = keepContext
    ? createStepper(zlib().createInflateRaw({ ...settings, chunkSize: LEAST_CHUNK }))
    : createOneShot(settings);
  const message = new GrowingBuffer();
  return {
    inflate(bytes, { last, forget, max, shares = false }) {
      if (!keepContext && !last) {
        message.append(bytes);
        return [];
      }
      if (!last) return inflateAll(stepper, bytes, { end: 0, max, shares }).pieces;
      const end = forget ? TAIL_AND_END : TAIL;
      let input: Uint8Array<ArrayBuffer>;
      if (message.length === 0 && bytes.length + end.length <= INPUT.length) {
        INPUT.set(bytes);
        INPUT.set(end, bytes.length);
        input = INPUT.subarray(0, bytes.length + end.length);
      } else {
        message.append(bytes, end.length);
        message.append(end, 0);
        input = message.take();
      }
      const { pieces, left } = inflateAll(stepper, input, { end: end.length, max, shares });
      // A last block from the peer (BFINAL) ends the message before the appended end does. Then either the whole appended end is
      // left over (§7.2.3.4), or the tail is, if the block is the empty one that the tail belongs to (§7.2.1).
      const endedHere = left === end.length;
      if (forget && left !== 1 && left !== END.length && !endedHere) {
        throw new InflateError("Compressed data is truncated");
      }
      if (forget || endedHere) stepper.reset();
      return pieces;
    },
    close: stepper.close,
  };
}

/** The result of a step: the output, and how much of the input is left because the stream ended before. */
interface Progress {
  readonly pieces: Uint8Array<ArrayBuffer>[];
  readonly left: number;
}

/** Runs bytes through zlib, which may stop at the end of a stream. */
interface Stepper {
  run(input: Uint8Array<ArrayBuffer>, options: { max: number; shares: boolean }): Progress;
  reset(): void;
  close(): void;
}

/** A last block takes two bytes and costs a reset: a read full of them takes 35 ms. A sender needs at most one in a message. */
const MOST_LAST_BLOCKS = 128;

/** Continues after each last block (§7.2.3.5). The `end` appended bytes at the end need not be read. */
function inflateAll(
  stepper: Stepper,
  input: Uint8Array<ArrayBuffer>,
  { end, max, shares }: { end: number; max: number; shares: boolean },
): Progress {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let rest = input;
  let room = max;
  for (let blocks = 0; blocks < MOST_LAST_BLOCKS; blocks++) {
    const progress = stepper.run(rest, { max: room, shares });
    const { pieces: more, left } = progress;
    if (left <= end && pieces.length === 0) return progress; // the usual case
    for (const piece of more) room -= piece.length;
    pieces.push(...more);
    if (left <= end) return { pieces, left };
    // A stream that ends without reading anything would loop forever.
    if (left === rest.length && rest !== input) throw new InflateError("Compressed data has no blocks");
    rest = rest.subarray(rest.length - left);
    stepper.reset();
  }
  throw new InflateError(`Compressed data has more than ${MOST_LAST_BLOCKS} last blocks`);
}

/** The members of the runtime's synchronous handle that are used. */
interface Handle {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputAt: number,
    inputLength: number,
    output: Uint8Array,
    outputAt: number,
    outputLength: number,
  ): void;
  reset(): void;
  onerror: (message: string, code: number) => void;
}

/** The members of a `node:zlib` stream that are checked. */
interface HandleStream {
  close(): void;
  readonly _handle?: unknown;
  readonly _writeState?: unknown;
}

function isHandle(value: unknown): value is Handle {
  return typeof value === "object" && value !== null && "writeSync" in value && typeof value.writeSync === "function" &&
    "reset" in value && typeof value.reset === "function";
}

function createStepper(stream: HandleStream): Stepper {
  const { _handle: handle, _writeState: state } = stream;
  if (!isHandle(handle) || !(state instanceof Uint32Array)) throw new TypeError("node:zlib has no synchronous handle");
  let failure: string | undefined;
  handle.onerror = (message) => failure = message;
  return {
    run(input, { max, shares }) {
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      let produced = 0;
      for (let at = 0;;) {
        if (slab.length - slabAt < LEAST_ROOM) {
          slab = new Uint8Array(SLAB);
          slabAt = 0;
        }
        const start = slabAt;
        handle.writeSync(Z_SYNC_FLUSH, input, at, input.length - at, slab, start, SLAB - start);
        if (failure !== undefined) {
          const message = failure;
          failure = undefined;
          throw new InflateError(`Compressed data is invalid: ${message}`);
        }
        const [outputLeft = 0, inputLeft = 0] = state;
        const end = SLAB - outputLeft;
        produced += end - start;
        if (produced > max) throw new InflateOverflow();
        if (end > start) pieces.push(shares ? slab.subarray(start, end) : slab.slice(start, end));
        if (shares) slabAt = end;
        at = input.length - inputLeft;
        // A full slab means that there may be more output; free room in it means that this is all.
        if (outputLeft > 0) return { pieces, left: inputLeft };
      }
    },
    reset: () => handle.reset(),
    close: () => stream.close(),
  };
}

/** The public functions, for whole messages. */
function createOneShot(settings: { windowBits: number }): Stepper {
  return {
    run(input, { max }) {
      const options = {
        ...settings,
        finishFlush: Z_SYNC_FLUSH,
        maxOutputLength: Math.max(Math.min(max, 2 ** 31 - 1), 1),
        info: true,
      };
      let result: unknown;
      try {
        result = zlib().inflateRawSync(input, options);
      } catch (error) {
        if (error instanceof RangeError) throw new InflateOverflow();
        throw new InflateError(`Compressed data is invalid: ${error instanceof Error ? error.message : error}`);
      }
      if (!isInflated(result)) throw new TypeError("node:zlib gives no account of what it read");
      const { buffer, engine } = result;
      // `maxOutputLength` cannot be 0.
      if (buffer.length > max) throw new InflateOverflow();
      return { pieces: buffer.length === 0 ? [] : [ownBytes(buffer)], left: input.length - engine.bytesWritten };
    },
    reset: () => {},
    close: () => {},
  };
}

function isInflated(value: unknown): value is { buffer: Uint8Array; engine: { bytesWritten: number } } {
  return typeof value === "object" && value !== null && "buffer" in value && value.buffer instanceof Uint8Array &&
    "engine" in value && typeof value.engine === "object" && value.engine !== null && "bytesWritten" in value.engine;
}

/** A `Buffer` may be a view of a pool, so it is copied. */
function ownBytes(buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer);
}

/** Tests everything that is relied on: two messages with one context, in both directions, and an error that is detected. */
function passesTest(): boolean {
  try {
    const text = new TextEncoder().encode("sluice sluice sluice");
    const deflater = createDeflater({ windowBits: 15, level: 6, memLevel: 8 }, true);
    const inflater = createInflater(15, true);
    const options = { last: true, forget: false, max: text.length };
    const sizes: number[] = [];
    for (let round = 0; round < 2; round++) {
      const deflated = deflater.deflate(text).flatMap((piece) => [...piece]);
      sizes.push(deflated.length);
      const [back] = inflater.inflate(Uint8Array.from(deflated.slice(0, -TAIL.length)), options);
      if (back?.length !== text.length || back.some((byte, at) => byte !== text[at])) return false;
    }
    let refused = false;
    try {
      inflater.inflate(Uint8Array.of(0x07, 0xff), options);
    } catch {
      refused = true;
    }
    deflater.close();
    inflater.close();
    return refused && sizes[1]! < sizes[0]!;
  } catch {
    return false;
  }
}
