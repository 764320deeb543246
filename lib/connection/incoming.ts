/**
 * The way in, as one stage: bytes become messages, or parts of messages, and control frames.
 *
 * @module
 */
import type { ExtensionChain } from "../extensions/negotiation.ts";
import type { Limits } from "../limits.ts";
import { copyWithHeadroom, MIN_BYTES_FOR_HEADROOM } from "../pipeline/bytes/headroom.ts";
import { type Frame, isControl, Opcode, type Role } from "../pipeline/frames/frame.ts";
import { FrameParser, type FrameParserOptions } from "../pipeline/frames/frame_parser.ts";
import type { Framing, FramingParser } from "../pipeline/frames/framing.ts";
import type { Message } from "../pipeline/messages/message.ts";
import { MessageAssembler } from "../pipeline/messages/message_assembler.ts";
import { type MessagePart, MessageSplitter } from "../pipeline/messages/message_splitter.ts";
import { readWholeMessages } from "../pipeline/messages/whole_messages.ts";
import type { Stage } from "../pipeline/stage.ts";

/** A control frame, and where it stood. */
export interface ReceivedControl {
  /** The frame. */
  readonly frame: Frame;
  /** How many messages, or parts of messages, of the same step came before it. */
  readonly position: number;
}

/** What the way in is made of. */
export interface IncomingOptions {
  /** Which end we are. */
  readonly role: Role;
  /** The limits on messages, and `highWaterMark`, which bounds what a step decodes. */
  readonly limits: Limits;
  /** The extensions in use. */
  readonly chain?: ExtensionChain | undefined;
  /** How frames are read, where that is not RFC 6455 §5.2. */
  readonly framing?: Framing | undefined;
  /** Whether binary messages are lent: see `lendPayloads`. @default {false} */
  readonly lends?: boolean | undefined;
  /**
   * Whether it is known how messages are read. Until then no message is judged by a limit that {@linkcode Incoming.stream} lifts: it
   * waits. @default {true}
   */
  readonly claimed?: boolean | undefined;
}

const EMPTY = new Uint8Array(0);
/** Are shared and never written to. */
const NO_FRAMES: Frame[] = [];
const NO_CONTROLS: readonly ReceivedControl[] = [];

/** Messages, or frames, that one step takes at most: 3 MB of objects where they are empty, and more than a read of 32-byte messages has. */
const STEP_COUNT = 16 * 1024;

/**
 * Bytes of a frame with a reserved bit that are decoded at a time: deflate makes them 1032 times as many at most, 2 MiB. More costs
 * nothing (inflating them takes ten times as long as another frame), and less does.
 */
const STEP_BYTES = 2 * 1024;

/** The same as long as it is not known how messages are read: up to 33 KiB, and no more than `maxMessageBytes` altogether. */
const FIRST_STEP_BYTES = 32;

/** The most that deflate makes of a byte. */
const MOST_PER_BYTE = 1032;

/** From this many missing bytes on, a read goes straight into the message, not through the read buffer. */
const MIN_DIRECT_READ = 8 * 1024;

/** More messages than this are given their read's memory where all of it has been taken: it costs less than a buffer for each. */
const FEW = 8;

/**
 * Reads messages from bytes, in steps that are bounded by what they produce: small messages that are whole directly, all else through
 * {@linkcode FrameParser}, the extensions and {@linkcode MessageAssembler}.
 *
 * As a stage it takes a chunk to its end. A connection takes it step by step: {@linkcode Incoming.receive}, then
 * {@linkcode Incoming.proceed} while there is more.
 */
export class Incoming implements Stage<Uint8Array<ArrayBuffer>, Message> {
  /** Which end we are. */
  readonly role: Role;
  /** Bytes of one message. */
  readonly maxMessageBytes: number;
  /** Messages that one step takes. */
  readonly most = STEP_COUNT;

  // What follows from a step is a field: it is looked at with every read. Only this class writes these.
  /** Whether there is more of the last read to take. It stays where it was read until then. */
  pending = false;
  /** Whether a message is under way. */
  insideMessage = false;
  /** How many bytes are yet to come of the payload that is under way. */
  missing = 0;
  /** Whether views of the last read were handed on for good. If not, it may be read over. */
  kept = false;
  /** The control frames of the last steps, in the order of the wire, until {@linkcode Incoming.takeControls}. */
  controls: readonly ReceivedControl[] | undefined = undefined;
  /** Whether it is known how messages are read. */
  claimed: boolean;

  readonly #limits: Limits;
  readonly #chain: ExtensionChain | undefined;
  readonly #lends: boolean;
  readonly #parser: FramingParser;
  /** `#parser`, if there are neither extensions nor a framing of its own. */
  #fastParser: FrameParser | undefined;
  /** Is made with the first frame that needs it. */
  #assembler: MessageAssembler | undefined;
  #splitter: MessageSplitter | undefined;
  /** The same, to be written. */
  #controls: ReceivedControl[] | undefined;
  /** Whether the next byte is a frame's first, and small messages may be read directly. */
  #between: boolean;
  #output: readonly unknown[] = NO_CONTROLS;

  /** What of the last read is not parsed yet. */
  #rest: Uint8Array<ArrayBuffer> | undefined;
  /** What is parsed and not decoded yet, from `#next` on, and what was wrong behind it. */
  #frames = NO_FRAMES;
  #next = 0;
  #failure: unknown;
  /** Whether the message that is being decoded carried a reserved bit. */
  #marked = false;

  /** @param options What it is made of. */
  constructor({ role, limits, chain, framing, lends = false, claimed = true }: IncomingOptions) {
    this.role = role;
    this.maxMessageBytes = limits.maxMessageBytes;
    this.#limits = limits;
    this.#chain = chain;
    this.#lends = lends;
    const parser = framing?.createParser(limits) ??
      new FrameParser(parserOptions(role, limits, chain));
    this.#parser = parser;
    this.#fastParser = parser instanceof FrameParser && chain === undefined ? parser : undefined;
    this.#between = this.#fastParser !== undefined;
    this.claimed = claimed;
    if (!claimed && this.#liftsLimits) parser.holdTooBig?.(true);
  }

  /** Takes a chunk, all of it. Throws what is wrong with it, after what came before that. */
  push(bytes: Uint8Array<ArrayBuffer>, messages: Message[]): void {
    let failure = this.receive(bytes, bytes.length, messages);
    while (failure === undefined && this.pending) failure = this.proceed(messages);
    if (failure !== undefined) throw failure;
  }

  /**
   * Takes bytes, and a first step through them: what it produces is bounded, however much they bring.
   *
   * @param bytes Where they are; they are the stage's from here on.
   * @param end Where they end.
   * @param messages Where the messages are appended that they complete.
   * @param parts Where the parts of messages are appended that they bring, after {@linkcode Incoming.stream}.
   * @returns What was wrong behind those, if anything: it does not take away what came before.
   */
  receive(bytes: Uint8Array<ArrayBuffer>, end: number, messages: Message[], parts?: MessagePart[]): unknown {
    this.kept = false;
    const short = this.#between ? readWholeMessages(bytes, end, this, messages) : 0;
    if (short === end && short > 0) return undefined; // nothing is under way, as before
    this.#rest = bytes.subarray(short, end);
    return this.proceed(messages, parts);
  }

  /** Takes the next step through what was received last. */
  proceed(messages: Message[], parts?: MessagePart[]): unknown {
    try {
      if (this.#chain === undefined) this.#stepPlain(messages, parts);
      else this.#stepDecoded(this.#chain, messages, parts);
      return undefined;
    } catch (error) {
      this.#rest = this.#failure = undefined;
      this.#frames = NO_FRAMES;
      this.#next = 0;
      return error;
    } finally {
      this.#note();
    }
  }

  /** Notes where the stage stands after a step. */
  #note(): void {
    const parser = this.#parser;
    this.pending = this.#rest !== undefined || this.#next < this.#frames.length || this.#failure !== undefined;
    this.insideMessage = parser.insideMessage;
    this.missing = this.#fastParser?.missing ?? 0;
    this.#between = this.#fastParser?.idle ?? false;
  }

  /** Takes the control frames. */
  takeControls(): readonly ReceivedControl[] {
    const { controls = NO_CONTROLS } = this;
    this.controls = undefined;
    return controls;
  }

  /**
   * Gives messages of a step memory of their own, unless they are lent: large ones, so that the read buffer, which is hot in the
   * processor's cache, can be used again, which costs less than a new one; and small ones where they are few, because an
   * application may transfer what is its own.
   *
   * @param messages The messages of the last step.
   * @param memory Where the step's bytes were read to, if that is to be used again.
   */
  own(messages: Message[], memory: ArrayBuffer | undefined): void {
    if (this.#lends) return;
    if (this.#fastParser === undefined) this.kept = true; // an extension, a framing or a splitter may have kept a view
    if (memory === undefined) return;
    const few = messages.length <= FEW || this.pending;
    let stay = false;
    for (let at = 0; at < messages.length; at++) {
      const message = messages[at]!;
      if (
        typeof message === "string" || (stay && message.length < MIN_BYTES_FOR_HEADROOM) || message.buffer !== memory
      ) continue;
      if (message.length >= MIN_BYTES_FOR_HEADROOM) messages[at] = copyWithHeadroom(message);
      else if (few) messages[at] = new Uint8Array(message);
      else stay = true;
    }
    if (stay) this.kept = true;
  }

  /** Says that it is known how messages are read: one that goes over a limit no longer waits for that, but fails. */
  claim(): void {
    this.claimed = true;
    this.#parser.holdTooBig?.(false);
  }

  /** Where the next read may go, where that saves a copy: into the large payload that is under way, if some are missing. */
  get writableView(): Uint8Array<ArrayBuffer> | undefined {
    return this.missing < MIN_DIRECT_READ ? undefined : this.#assembler?.writableView(this.missing);
  }

  /** The next read goes elsewhere than right behind the last one. */
  leaveRead(): void {
    this.#assembler?.leaveRead(this.missing);
  }

  /** Whether neither a frame nor a message is under way. */
  get idle(): boolean {
    if (this.#parser.insideMessage) return false;
    try {
      this.end();
      return true;
    } catch {
      return false;
    }
  }

  /** Whether {@linkcode Incoming.stream} lifts the limits on what is held in memory. */
  get #liftsLimits(): boolean {
    return this.#parser.stream !== undefined && this.#chain?.splittable !== false;
  }

  /**
   * From here on messages are handed on in parts, and the limits on what is held in memory are lifted, unless it still is: by an
   * extension that wants whole frames, or by a draft whose messages are one frame.
   *
   * @param parts Where that is appended that has come of a message that is not finished.
   * @returns Whether the limits are lifted. It throws what was wrong with that message.
   */
  stream(parts: MessagePart[]): boolean {
    const { maxStreamedMessageBytes } = this.#limits;
    this.#splitter = new MessageSplitter({ maxStreamedMessageBytes, control: this.#controlSink() });
    this.#fastParser = undefined; // nothing is put together, so there is no place in a message to read to
    this.#between = false;
    this.missing = 0;
    this.claimed = true;
    this.#output = parts;
    const lifts = this.#liftsLimits;
    if (lifts) {
      this.#parser.stream?.(allowance(maxStreamedMessageBytes, this.#chain));
      this.#chain?.stream();
    }
    const begun = this.#assembler?.detachUnfinished();
    if (begun !== undefined) this.#splitter.push([begun], parts);
    return lifts;
  }

  /** Says that the transport ended. Throws `ConnectionError` if it ended inside a frame or a message. */
  end(): void {
    this.#parser.end();
    (this.#splitter ?? this.#assembler)?.end();
  }

  /** A step with nothing between the frames and the messages: it is bounded by its count, as nothing grows. */
  #stepPlain(messages: Message[], parts: MessagePart[] | undefined): void {
    const bytes = this.#rest ?? EMPTY;
    // Another step may begin in the middle of what goes the short way.
    const short = this.#between ? readWholeMessages(bytes, bytes.length, this, messages) : 0;
    this.#rest = short < bytes.length ? bytes.subarray(short) : undefined;
    if (this.#rest === undefined || messages.length >= STEP_COUNT) return;
    const frames: Frame[] = [];
    try {
      this.#parse(frames);
    } finally {
      this.#handOn(frames, messages, parts);
    }
  }

  /** A step with extensions: it ends as soon as it has produced as many bytes as may wait. */
  #stepDecoded(chain: ExtensionChain, messages: Message[], parts: MessagePart[] | undefined): void {
    if (this.#next === this.#frames.length) {
      this.#frames = [];
      this.#next = 0;
      try {
        this.#parse(this.#frames);
      } catch (error) {
        this.#failure = error; // what came before it comes first
      }
    }
    const decoded: Frame[] = [];
    for (let produced = 0; this.#next < this.#frames.length && produced < this.#limits.highWaterMark;) {
      const frame = this.#takeFrame(chain);
      if (frame === undefined) return;
      decoded.length = 0;
      try {
        chain.decode.push([frame], decoded);
      } finally {
        this.#handOn(decoded, messages, parts);
      }
      for (const { payload } of decoded) produced += payload.length;
    }
    if (this.#next < this.#frames.length || this.#failure === undefined) return;
    throw this.#failure;
  }

  #parse(frames: Frame[]): void {
    const bytes = this.#rest;
    if (bytes === undefined) return;
    this.#rest = undefined;
    const at = this.#parser.push(bytes, frames, STEP_COUNT);
    if (at < bytes.length) this.#rest = bytes.subarray(at);
  }

  /** The next frame to decode, or the beginning of it, where the rest may swell too much; nothing where it has to wait. */
  #takeFrame({ splittable }: ExtensionChain): Frame | undefined {
    const frame = this.#frames[this.#next]!;
    const { fin, rsv, opcode, payload } = frame;
    if (!isControl(opcode) && opcode !== Opcode.CONTINUATION) this.#marked = rsv !== 0;
    if (isControl(opcode) || !splittable || !this.#marked) {
      this.#next++;
      return frame;
    }
    const waits = !this.claimed && this.#liftsLimits;
    const most = waits ? FIRST_STEP_BYTES : STEP_BYTES;
    const held = this.#assembler?.heldBytes ?? 0;
    if (waits && held + MOST_PER_BYTE * Math.min(payload.length, most) > this.maxMessageBytes) return undefined;
    if (payload.length <= most) {
      this.#next++;
      return frame;
    }
    this.#frames[this.#next] = { fin, rsv: 0, opcode: Opcode.CONTINUATION, payload: payload.subarray(most) };
    return { fin: false, rsv, opcode, payload: payload.subarray(0, most) };
  }

  #handOn(frames: Frame[], messages: Message[], parts: MessagePart[] | undefined): void {
    if (frames.length === 0) return;
    this.#output = parts ?? messages;
    if (parts !== undefined) return this.#splitter?.push(frames, parts);
    this.#assembler ??= new MessageAssembler({
      maxMessageBytes: this.maxMessageBytes,
      lends: this.#lends,
      control: this.#controlSink(),
    });
    this.#assembler.push(frames, messages, this.#fastParser?.missing);
  }

  #controlSink(): (frame: Frame) => void {
    return (frame) => {
      if (this.controls === undefined) this.controls = this.#controls = [];
      this.#controls?.push({ frame, position: this.#output.length });
    };
  }
}

/** What the parser allows, and what extensions own. */
export function parserOptions(role: Role, limits: Limits, chain: ExtensionChain | undefined): FrameParserOptions {
  const { maxFragments, maxEmptyFragments } = limits;
  const maxMessageBytes = allowance(limits.maxMessageBytes, chain);
  if (chain === undefined) return { role, maxMessageBytes, maxFragments, maxEmptyFragments, split: true };
  const { reservedBits, reservedOpcodes, splittable } = chain;
  return { role, maxMessageBytes, maxFragments, maxEmptyFragments, reservedBits, reservedOpcodes, split: splittable };
}

/**
 * The bytes of a message on the wire, which its compression may have made larger: a deflater with little memory writes 5 bytes for
 * every 128 that it cannot compress (RFC 1951 §3.2.4).
 */
function allowance(maxMessageBytes: number, chain: ExtensionChain | undefined): number {
  return chain === undefined ? maxMessageBytes : maxMessageBytes + Math.ceil(maxMessageBytes / 16) + 64;
}
